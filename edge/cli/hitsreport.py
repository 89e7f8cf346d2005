"""Reports and exports as text: aligned for a terminal, JSON, CSV. Names are strangers': nothing in them acts."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import msgspec

from edge.hits.chart import merged
from edge.hits.export import COLUMNS, cell, cells
from edge.hits.hit import TIMINGS
from edge.hits.report import ACTIONS, Point, Report, Row
from edge.hits.statslists import ORDER, uncounted
from edge.hits.words import Words, read_words

BLOCKS = "▁▂▃▄▅▆▇█"
NAME = 44  # columns
_COLUMNS = ("table", "name", "hits", "pageviews", "visits", "visitors", "value")
_FEW = 14  # slots that get a line each
_WIDEST = 60  # of a sparkline


def show(report: Report, form: str, stream: IO[str]) -> None:
    """Writes `report` as `table`, `json` or `csv`."""
    if form == "json":
        stream.write(msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n")
    elif form == "csv":
        _csv(stream, _COLUMNS, _records(report))
    else:
        bold = stream.isatty() and not os.environ.get("NO_COLOR")
        for line in table(report, read_words()["en"]):
            stream.write(f"\033[1m{line}\033[0m\n" if bold and line and not line.startswith(" ") else f"{line}\n")


def write(records: Iterable[dict[str, Any]], form: str, stream: IO[str]) -> None:
    """Writes an export as JSON lines or `csv`, as they come."""
    if form == "csv":
        _csv(stream, COLUMNS, (cells(record) for record in records if "format" not in record))
        return
    encode = msgspec.json.Encoder().encode
    for record in records:
        stream.write(encode(record).decode() + "\n")


def _csv(stream: IO[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _records(report: Report) -> Iterator[list[str]]:
    for p in report.series:
        if p.state != "future":
            yield _record(report.by, p.at, p.hits, p.pageviews, p.visits, p.visitors, None)
    for word in ORDER:
        for row in report.top.get(word, ()):
            yield _record(word, row.name, row.hits, None, row.visits, None, row.value)
    for reason, hits in report.excluded.items():
        yield _record("excluded", reason, hits, None, None, None, None)
    for word, each in report.timings.items():
        yield _record("median_seconds", word, each.count, None, None, None, round(each.median, 4))


def _record(*values: object) -> list[str]:
    return [cell(value) for value in values]


# -- for a terminal


def table(report: Report, words: Words) -> Iterator[str]:
    """Lines; those that are headings begin at the margin."""
    yield f"{plain(report.name)}, {words.range(report.first, report.last)} ({report.timezone})"
    yield from _figures(report, words)
    yield ""
    yield from _sparks(report, words)
    if len(report.series) <= _FEW:
        yield ""
        yield from _slots(report.series, words)
    for word in ORDER:
        if word in report.top:
            yield ""
            yield from _list(words.say(word), report.top[word], word, words)
    yield from _timings(report, words)
    yield from _excluded(report, words)
    if report.restarted:
        yield ""
        yield words.say("restarted", days=", ".join(words.day(day) for day in report.restarted[-10:]))


def _figures(report: Report, words: Words) -> Iterator[str]:
    sums, before = report.sums, report.before.sums if report.before else None
    one_day = report.first == report.last
    shown = [
        (words.say("visitors" if one_day else "visitors_day"), "visitors_a_day"),
        *((words.say(key), key) for key in ("visits", "pageviews", "hits")),
        (words.say("bounce"), "bounce_rate"),
        (words.say("length"), "visit_seconds"),
        *([(words.say("revenue"), "revenue")] if sums.revenue else []),
    ]
    for text, field in shown:
        value, old = getattr(sums, field), getattr(before, field) if before else None
        yield f"  {text:<16}{_value(field, value, words):>18}{_change(value, old, words)}"
    if report.before:
        again = words.range(report.before.first, report.before.last)
        yield f"  {words.say('compared_part' if report.before.partial else 'compared', range=again)}"


def _value(field: str, value: float | None, words: Words) -> str:
    if value is None:
        return "-"
    if field == "bounce_rate":
        return words.share(value)
    if field == "visit_seconds":
        return words.duration(value)
    return ("at least " if field == "visitors_a_day" else "") + words.number(value, 2 if field == "revenue" else 0)


def _change(value: float | None, old: float | None, words: Words) -> str:
    if value is None or not old:
        return ""
    change = value / old - 1
    return "   =" if abs(change) < 0.005 else f"   {'+' if change > 0 else '-'}{words.share(abs(change))}"


def _sparks(report: Report, words: Words) -> Iterator[str]:
    points = [p for p in merged(report.series, _WIDEST) if p.state != "future"]
    for key in ("pageviews", "visits", "visitors"):
        values = [getattr(p, key) for p in points]
        if any(value is not None for value in values):
            most = max(value or 0 for value in values)
            yield f"  {words.say(key):<16}{spark([value or 0 for value in values])}  at most {words.number(most)}"


def spark(values: Sequence[float]) -> str:
    """A line of blocks, the highest for the largest value; nothing counted is a dot."""
    most = max(values, default=0)
    return "".join(BLOCKS[min(7, int(value / most * 7.999))] if value > 0 else "·" for value in values)


def _slots(points: Sequence[Point], words: Words) -> Iterator[str]:
    yield f"{'':<22}{words.say('pageviews'):>12}{words.say('visits'):>10}{'Visitors':>10}"
    for p in points:
        if p.state != "future":
            visitors = "" if p.visitors is None else words.number(p.visitors)
            so_far = " *" if p.state == "now" else "  "
            numbers = f"{words.number(p.pageviews):>12}{words.number(p.visits):>10}{visitors:>10}"
            yield f"  {words.moment(p.at) + so_far:<20}{numbers}"
    if points and points[-1].state != "whole":
        yield "  * so far"


def _list(title: str, rows: Sequence[Row], dimension: str, words: Words) -> Iterator[str]:
    told = dimension not in ACTIONS
    yield f"{title:<{NAME + 2}}{words.say('hits'):>10}{words.say('visits') if told else '':>10}{'':>8}"
    for row in rows:
        name = fit(words.name(dimension, row.name), NAME)
        visits = words.number(row.visits) if told else ""
        yield f"  {name}{words.number(row.hits):>10}{visits:>10}{words.share(row.share):>8}"


def _timings(report: Report, words: Words) -> Iterator[str]:
    if report.timings:
        yield ""
        heads = "".join(f"{words.say(key):>10}" for key in ("median", "p75", "p95", "count"))
        yield f"{words.say('timings'):<22}{heads}"
    for word in TIMINGS:
        if word in report.timings:
            each = report.timings[word]
            times = "".join(f"{words.brief(value):>10}" for value in (each.median, each.p75, each.p95))
            yield f"  {words.say(word):<20}{times}{words.number(each.count):>10}"


def _excluded(report: Report, words: Words) -> Iterator[str]:
    if report.excluded:
        yield ""
        yield f"{words.say('excluded'):<{NAME + 2}}{words.say('hits'):>10}"
    for reason, hits in report.excluded.items():
        key = "network_excluded" if reason == "network" else reason
        yield f"  {fit(words.texts.get(key, reason), NAME)}{words.number(hits):>10}"
    if report.excluded:
        yield f"  {uncounted(report, words)}"


def plain(text: str) -> str:
    """Without what a terminal would obey: control characters, and marks that turn the direction of text."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def fit(text: str, width: int) -> str:
    """`plain`, cut or filled to so many columns: some characters take two, and some none."""
    kept, used = "", 0
    for sign in plain(text):
        columns = _columns(sign)
        if used + columns > width - 1:
            kept, used = f"{kept}…", used + 1
            break
        kept, used = kept + sign, used + columns
    return kept + " " * max(0, width - used)


def _columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
