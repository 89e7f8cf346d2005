"""The terminal by rich, where both are there: a progress bar on standard error, tables on standard output."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from edge.bench.model import Report
from edge.bench.runner import Progress
from edge.bench.tables import Table, tables
from edge.bench.text import lines, sections


class Quiet:
    """No terminal: nothing is shown."""

    def step(self, words: str) -> None:
        del words

    def tick(self) -> None:
        pass


class Bar:
    """By the clock, as the whole run is."""

    def __init__(self, progress: Any, seconds: float) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=seconds)
        self._began = time.monotonic()

    def step(self, words: str) -> None:
        self._progress.update(self._task, description=words)

    def tick(self) -> None:
        self._progress.update(self._task, completed=time.monotonic() - self._began)


@contextmanager
def progress(seconds: float, stream: IO[str]) -> Iterator[Progress]:
    """A bar with the time that is left, if `stream` is a terminal and rich is installed."""
    if not stream.isatty() or not _has_rich():
        yield Quiet()
        return
    from rich.console import Console  # noqa: PLC0415 - a small host without a terminal does not pay for it
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Rich  # noqa: PLC0415

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Rich(*columns, console=Console(file=stream), refresh_per_second=4, transient=True) as bar:
        yield Bar(bar, seconds)


def show(report: Report, more: Sequence[Table], snippet: str, stream: IO[str]) -> None:
    """Writes the report for a person, who may see a `snippet` that names the source."""
    if not stream.isatty() or not _has_rich():
        stream.write("".join(f"{line}\n" for line in lines(report, snippet, more)))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.padding import Padding  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, highlight=False)
    for table in (*tables(report), *more):
        console.print(_rich(table))
    for heading, sentences in sections(report):
        console.print(f"[bold]{heading}[/bold]")
        for sentence in sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2)))
        console.print()
    if snippet:
        console.print("[bold]For the configuration[/bold]")
        console.print(snippet, markup=False, style="cyan")


def _rich(table: Table) -> Any:
    from rich import box  # noqa: PLC0415
    from rich.table import Table as Rich  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    made = Rich(
        title=table.title, title_justify="left", title_style="bold", caption=table.note or None, caption_justify="left",
        box=box.SIMPLE_HEAD, show_header=any(table.head),
    )  # fmt: skip
    for n, name in enumerate(table.head):
        made.add_column(name, justify="left" if n == 0 or table.words else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def _has_rich() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("rich") is not None
