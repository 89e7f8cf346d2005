"""Asks the database. Each function takes a connection: the store thread's, or a read-only one when no worker runs."""
# ruff: noqa: S608 - names of tables and columns are put in, values never

from __future__ import annotations

import sqlite3
from itertools import accumulate
from typing import Any, Literal

import msgspec

from edge.flow.stats import OTHER, HistogramStats
from edge.hits.hit import TIMINGS
from edge.hits.rollup import BUCKETS_MS
from edge.hits.schema import CODES, TOTALS
from edge.hits.uniques import estimate

__all__ = ["OTHER", "Named", "Totals", "days", "excluded", "imported", "names", "timings", "totals"]


_COLUMNS = ", ".join(f"sum({name})" for name in TOTALS)
_RANGE = "site = ? AND day BETWEEN ? AND ?"
_DAYS = f"SELECT day, {_COLUMNS} FROM totals WHERE {_RANGE} GROUP BY day ORDER BY day"
_HOURS = f"SELECT day, hour, {', '.join(TOTALS)} FROM totals WHERE {_RANGE} AND hour >= 0 ORDER BY day, hour"
_MARKS = f"SELECT day, restarted, registers FROM days WHERE {_RANGE}"
_NONE = (0, None)
# A seek for each day, past the rows of other dimensions.
_NAMED = """
SELECT text, sum(hits) AS hits, sum(visits), sum(value) FROM names
WHERE site = ?1 AND day IN (SELECT DISTINCT day FROM totals WHERE site = ?1 AND day BETWEEN ?2 AND ?3)
AND dimension = ?4 GROUP BY text ORDER BY hits DESC, text"""
_TIMINGS = f"SELECT timing, bucket, sum(hits), sum(milliseconds) FROM timings WHERE {_RANGE} GROUP BY timing, bucket"
_SPAN = """
SELECT min(day), max(day) FROM (
  SELECT day FROM totals WHERE site = ?1 UNION ALL SELECT day FROM dropped WHERE site = ?1
)"""
_EXCLUDED = f"SELECT reason, sum(hits) FROM dropped WHERE {_RANGE} GROUP BY reason ORDER BY reason"


class Totals(msgspec.Struct, frozen=True):
    """What a site counted on a day, or in an hour of it."""

    day: int  # yyyymmdd, local
    hour: int | None  # 0 to 23; None: the whole day
    hits: int
    pageviews: int
    visits: int
    bounces: int  # visits of one page; of an hour it may be negative: a visit's second page came in the next one
    seconds: int  # spent in visits
    events: int
    searches: int
    downloads: int
    outlinks: int
    goals: int
    orders: int
    pings: int
    revenue: float
    uniques: int | None  # "at least", of the day; None for an hour
    restarted: bool  # the secret of the day was lost at a restart: visits and uniques may be over-counted


class Named(msgspec.Struct, frozen=True):
    """One name of a dimension: a path, a country, …"""

    name: str
    hits: int
    visits: int
    value: float


def totals(
    db: sqlite3.Connection, site: int, first: int, last: int, by: Literal["day", "hour"] = "day"
) -> list[Totals]:
    """Days `first` to `last` (yyyymmdd, inclusive) that counted anything, in order. Days older than the site's
    `keep_hours` have no hours."""
    marks = {row[0]: row[1:] for row in db.execute(_MARKS, (site, first, last))}
    if by == "hour":
        rows = db.execute(_HOURS, (site, first, last))
        return [_totals(row, None, *marks.get(row[0], _NONE)) for row in rows]
    rows = db.execute(_DAYS, (site, first, last))
    return [_totals((row[0], None, *row[1:]), 0, *marks.get(row[0], _NONE)) for row in rows]


def _totals(row: tuple[Any, ...], nobody: int | None, restarted: int, registers: bytes | None) -> Totals:
    """`row`: all but the last two fields. `nobody`: the uniques of a day without registers; None for an hour."""
    uniques = round(estimate(registers)) if registers and nobody is not None else nobody
    return Totals(*(*row, uniques, bool(restarted)))


def names(  # noqa: PLR0917
    db: sqlite3.Connection, site: int, first: int, last: int, dimension: str, limit: int = 500
) -> list[Named]:
    """The most frequent names, then OTHER, which holds the rest: their hits add up to all hits with the dimension."""
    rows = db.execute(_NAMED, (site, first, last, CODES[dimension])).fetchall()
    others = [row for row in rows if row[0] == OTHER]
    named = [row for row in rows if row[0] != OTHER]
    rest = [sum(row[column] for row in (*others, *named[limit:])) for column in (1, 2, 3)]
    return [*(Named(*row) for row in named[:limit]), *([Named(OTHER, *rest)] if rest[0] else [])]


def timings(db: sqlite3.Connection, site: int, first: int, last: int) -> dict[str, HistogramStats]:
    """By the words of `hit.TIMINGS`, in seconds. What nobody sent is not there."""
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for timing, bucket, hits, milliseconds in db.execute(_TIMINGS, (site, first, last)):
        found.setdefault(timing, {})[bucket] = (hits, milliseconds)
    return {word: _histogram(found[word]) for word in TIMINGS if word in found}


def _histogram(buckets: dict[int, tuple[int, int]]) -> HistogramStats:
    counts = list(accumulate(buckets.get(bucket, (0, 0))[0] for bucket in range(len(BUCKETS_MS) + 1)))
    milliseconds = sum(each[1] for each in buckets.values())
    return HistogramStats(tuple(ms / 1000 for ms in BUCKETS_MS), tuple(counts[:-1]), milliseconds / 1000, counts[-1])


def excluded(db: sqlite3.Connection, site: int, first: int, last: int) -> dict[str, int]:
    """Hits that were not counted, by reason."""
    return dict(db.execute(_EXCLUDED, (site, first, last)).fetchall())


def imported(db: sqlite3.Connection, digest: str) -> int:
    """How many bytes of the file of that digest are kept (`rollup.Imported` says so); 0: none."""
    found = db.execute("SELECT done FROM imports WHERE digest = ?", (digest,)).fetchone()
    return found[0] if found else 0


def days(db: sqlite3.Connection, site: int) -> tuple[int, int] | None:
    """The first and the last day that counted or excluded anything."""
    first, last = db.execute(_SPAN, (site,)).fetchone()
    return None if first is None else (first, last)
