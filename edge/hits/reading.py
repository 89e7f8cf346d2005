"""Asks the database. Each function takes a connection: the store thread's, or a read-only one when no worker runs."""

from __future__ import annotations

import sqlite3
from typing import Literal

import msgspec

from edge.flow.stats import OTHER, HistogramStats

__all__ = ["OTHER", "Named", "Totals", "excluded", "names", "timings", "totals"]


class Totals(msgspec.Struct, frozen=True):
    """What a site counted on a day, or in an hour of it."""

    day: int  # yyyymmdd, local
    hour: int | None  # 0 to 23; None: the whole day
    hits: int
    pageviews: int
    visits: int
    bounces: int  # visits of one page
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
    raise NotImplementedError


def names(  # noqa: PLR0917
    db: sqlite3.Connection, site: int, first: int, last: int, dimension: str, limit: int = 500
) -> list[Named]:
    """The most frequent names, then OTHER, which holds the rest: their hits add up to all hits with the dimension."""
    raise NotImplementedError


def timings(db: sqlite3.Connection, site: int, first: int, last: int) -> dict[str, HistogramStats]:
    """By the words of `hit.TIMINGS`, in seconds. What nobody sent is not there."""
    raise NotImplementedError


def excluded(db: sqlite3.Connection, site: int, first: int, last: int) -> dict[str, int]:
    """Hits that were not counted, by reason."""
    raise NotImplementedError
