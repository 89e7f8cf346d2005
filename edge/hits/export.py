"""Everything that is kept of a site, a record a row. The format is stable: fields may come, none goes or changes.

JSON lines: the first record says what they are: `{"table": "edge hits", "format": 1, "site": …}`. Then for each day, in
order, each record with its `table` and `day` (2026-11-24, local to the site's time zone):

    day       what the day counted: hits, pageviews, visits, bounces, seconds, events, searches, downloads, outlinks,
              goals, orders, pings, revenue; uniques (visitors, at least); restarted
    hour      the same of an hour of it (`hour` 0 to 23), without uniques, as far as hours are kept
    name      dimension, name, hits, visits, value; the name "(other)" holds what has no row of its own
    timing    name, hits, seconds, and how many took at most so long: buckets (seconds) and counts
    excluded  name (the reason), hits

CSV: the same records with the columns COLUMNS.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from edge.hits import reading
from edge.hits.hit import DIMENSIONS
from edge.hits.period import show_day, to_date, to_day
from edge.hits.reading import Totals

FORMAT = 1
_TOTALS = tuple(name for name in Totals.__struct_fields__ if name not in ("day", "hour"))
COLUMNS = ("table", "day", "hour", "dimension", "name", *_TOTALS, "value", "buckets", "counts")
_EVERY_NAME = 1_000_000  # more than a day ever keeps
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def header(site: int, name: str, timezone: str) -> dict[str, Any]:
    return {"table": "edge hits", "format": FORMAT, "site": site, "name": name, "timezone": timezone}


def days(db: sqlite3.Connection, site: int) -> list[int]:
    """Every day from the first to the last one that counted anything."""
    found = reading.days(db, site)
    if found is None:
        return []
    first, last = map(to_date, found)
    return [to_day(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def day_records(db: sqlite3.Connection, site: int, day: int) -> list[dict[str, Any]]:
    """Of one day."""
    shown = {"day": show_day(day)}
    records = [{"table": "day", **shown, **_totals(each)} for each in reading.totals(db, site, day, day, "day")]
    for each in reading.totals(db, site, day, day, "hour"):
        records.append({"table": "hour", **shown, "hour": each.hour, **_totals(each)})
        del records[-1]["uniques"], records[-1]["restarted"]
    for word in DIMENSIONS:
        found = reading.names(db, site, day, day, word, _EVERY_NAME)
        records += [{"table": "name", **shown, "dimension": word, **msgspec.structs.asdict(each)} for each in found]
    for word, stats in reading.timings(db, site, day, day).items():
        histogram = {"buckets": stats.buckets, "counts": stats.counts}
        records.append(
            {"table": "timing", **shown, "name": word, "hits": stats.count, "seconds": stats.sum, **histogram}
        )
    for reason, hits in reading.excluded(db, site, day, day).items():
        records.append({"table": "excluded", **shown, "name": reason, "hits": hits})
    return records


def _totals(totals: Totals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in _TOTALS}


def cells(record: dict[str, Any]) -> list[str]:
    """A record as a row of CSV."""
    return [cell(record.get(name)) for name in COLUMNS]


def cell(value: Any) -> str:
    """A value for a table program. A text that one could take for a formula gets an apostrophe: names are strangers'.

    Numbers are ours and stay as they are, the negative ones too.
    """
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return " ".join(f"{each:g}" for each in value)
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, str):
        return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
    plain = value.replace("\0", "")
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) else plain


def lines(records: list[dict[str, Any]]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    return (encode(record) + b"\n" for record in records)
