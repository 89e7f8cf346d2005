"""A report as plain text: where there is no terminal, or no rich. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from edge.bench.model import Report
from edge.bench.tables import Table, tables

WIDTH = 100


def lines(report: Report, snippet: str, more: Sequence[Table] = ()) -> Iterator[str]:
    """Tables, what was left out, the verdict, the snippet; the verdict near the end, where it is seen."""
    for table in (*tables(report), *more):
        yield from table_lines(table)
        yield ""
    for heading, sentences in sections(report):
        yield heading
        for sentence in sentences:
            yield from textwrap.wrap(sentence, WIDTH, initial_indent="  ", subsequent_indent="  ")
        yield ""
    if snippet:
        yield "For the configuration"
    yield from (f"  {line}".rstrip() for line in snippet.splitlines())


def sections(report: Report) -> Iterator[tuple[str, tuple[str, ...]]]:
    if report.left_out:
        yield "Left out", report.left_out
    yield "Verdict", report.verdict.sentences


def table_lines(table: Table) -> Iterator[str]:
    yield table.title
    rows = [table.head, *table.rows] if any(table.head) else list(table.rows)
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.head))]
    for row in rows:
        cells = [
            cell.ljust(width) if n == 0 or table.words else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
    if table.note:
        yield from textwrap.wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
