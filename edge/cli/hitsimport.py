"""`edge hits import`: reads logs, hands scrubbed batches on, says what was counted and what was not and why."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from edge.errors import EdgeError, StoreError
from edge.hits.batch import MARKS, Batch
from edge.hits.importing import Fingerprint, Importer, Summary, batches
from edge.hits.logfile import LogFile
from edge.hits.logformats import FORMATS, Line, Reader, detect
from edge.hits.service import spam_hosts
from edge.hits.settings import SiteSettings

if TYPE_CHECKING:
    from edge.cli.hitslocal import Operator

_DETECT = 50  # lines by which the format is known
_REASONS: Mapping[str, str] = {
    "bot": "robots", "spam": "referrer spam", "network": "excluded networks", "foreign_host": "pages of another host",
    "method": "no GET", "status": "no page (a status other than 2xx and 304, or a part of one)",
    "asset": "images, styles, scripts and the like", "old": "older than keep_days", "future": "in the future",
    "rubbish": "not of the log's format", "long": "longer than 32 KiB",
}  # fmt: skip
Tell = Callable[[int], None]


def take(paths: Sequence[str], site: SiteSettings, operator: Operator) -> int:
    """0: all logs were read; 1: some were not, and were told on standard error."""
    settings = operator.settings.hits
    spam = spam_hosts(settings.spam_file) if settings.spam_file else frozenset()
    importer = Importer(site, settings, spam, time.time())  # one for all: visits go on in the next file
    failed = 0
    try:
        for path in paths:
            try:
                print("\n".join(_told(path, *_import(path, importer, site, operator))))
            except EdgeError as error:
                print(f"edge hits import: {error}", file=sys.stderr)
                failed = 1
    except KeyboardInterrupt:
        print("interrupted: import again, it goes on where it was", file=sys.stderr)
        raise
    finally:
        operator.close()
    return failed


def _import(path: str, importer: Importer, site: SiteSettings, operator: Operator) -> tuple[str, Summary, list[str]]:
    """The format, what became of the lines, and remarks."""
    importer.summary = summary = Summary()
    file = LogFile(path)
    try:
        name, head = _detected(file)
        marks = Fingerprint(site.id)
        done = _done(operator.imported(_digests(head, site.id)) if head else {})
        with _progress(path, file.size) as tell:
            parsed = _parsed(file, FORMATS[name], summary, done)
            for batch in _watched(batches(parsed, importer, marks, done), file, tell):
                operator.keep(batch)
        summary.lines += sum(summary.unread.values())
        return _named(name, head), summary, list(_remarks(file, name, head, done))
    finally:
        file.close()


def _detected(file: LogFile) -> tuple[str, list[Line]]:
    """The name of the format, and the lines that marks are made of."""
    texts = [text for text, _ in islice(file.lines(), _DETECT) if text]
    name = detect(texts)
    if name is None and texts:
        raise StoreError(f"{file.path}: expected a log in combined, common, nginx or Caddy JSON format; no line is")
    if name is None:
        return "combined", []
    lines = (FORMATS[name](text or "") for text, _ in file.lines())
    return name, list(islice((line for line in lines if line), MARKS[-1]))


def _named(name: str, head: Sequence[Line]) -> str:
    return "common" if name == "combined" and head and not any(line.agent for line in head) else name


def _digests(head: Sequence[Line], site: int) -> list[str]:
    marks = Fingerprint(site)
    for line in head:
        marks.add(line)
    return marks.digests


def _done(known: Mapping[str, int]) -> int:
    """Bytes that are imported, by the longest mark that is known."""
    return next((done for done in reversed(list(known.values())) if done), 0)


def _parsed(file: LogFile, reader: Reader, summary: Summary, done: int) -> Iterator[tuple[Line | None, int]]:
    """Lines with the offsets behind them: the file's head, which marks it, and then what is not imported yet."""
    headed = start = 0
    for text, start in file.lines():
        line = _read(text, reader, summary, count=start > done)
        yield line, start
        headed += line is not None
        if headed >= MARKS[-1]:
            break
    else:
        return
    for text, offset in file.lines(max(done, start)):
        yield _read(text, reader, summary), offset


def _read(text: str | None, reader: Reader, summary: Summary, *, count: bool = True) -> Line | None:
    line = reader(text) if text else None
    if line is None and text != "" and count:
        reason = "long" if text is None else "rubbish"
        summary.unread[reason] = summary.unread.get(reason, 0) + 1
    return line


def _watched(found: Iterator[Batch], file: LogFile, tell: Tell) -> Iterator[Batch]:
    for batch in found:
        yield batch
        tell(file.position)


# -- what is told


def _told(path: str, name: str, summary: Summary, remarks: Sequence[str]) -> Iterator[str]:
    yield f"{path}: {name}, {summary.lines:,} new lines"
    yield f"  counted      {summary.pageviews:,} page views, {summary.downloads:,} downloads"
    for title, reasons in (("not counted", summary.excluded), ("no page", summary.skipped), ("unread", summary.unread)):
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            yield f"  {title:<12} {count:,} {_REASONS.get(reason, reason)}"
    for remark in remarks:
        yield f"  note         {remark}"


def _remarks(file: LogFile, name: str, head: Sequence[Line], done: int) -> Iterator[str]:
    if done:
        yield f"the first {done:,} bytes were imported before"
    if file.unfinished:
        yield "the last line has no end yet and is left for the next time"
    if file.cut:
        yield f"the packed file ends early ({file.cut}): what came was counted"
    if _named(name, head) == "common":
        yield "this format has no agents: robots count as visitors, and all of one network as one"


@contextmanager
def _progress(path: str, size: int) -> Iterator[Tell]:
    """A bar on standard error, if that is a terminal and rich is installed."""
    bar: Any = None
    if sys.stderr.isatty():
        try:
            from rich.console import Console  # noqa: PLC0415 - optional
            from rich.progress import Progress  # noqa: PLC0415

            bar = Progress(console=Console(file=sys.stderr), transient=True, refresh_per_second=4)
        except ImportError:
            pass
    if bar is None:
        yield lambda _position: None
        return
    with bar:
        task = bar.add_task(path.rpartition("/")[2].replace("[", "\\["), total=max(size, 1))
        yield lambda position: bar.update(task, completed=position)
