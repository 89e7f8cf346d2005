"""How a report's values are asked for: in many small questions, so that commits go on between them."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

from edge.hits import reading
from edge.hits.calendar import Calendar
from edge.hits.hit import DIMENSIONS
from edge.hits.period import Now, Period, hours_of
from edge.hits.report import Material, Report, Site, make
from edge.hits.settings import SiteSettings

Work: TypeAlias = Callable[[sqlite3.Connection], Any]
Ask: TypeAlias = Callable[[Work], Awaitable[Any]]
MOST_NAMES = 500


def questions(
    site: int, period: Period, now: Now, dimensions: tuple[str, ...] = DIMENSIONS, limit: int = MOST_NAMES
) -> dict[str, Work]:
    """By the field of `Material`; those of names by `names:DIMENSION`."""
    first, last, earlier = period.first, period.last, period.moved(-1)
    asked: dict[str, Work] = {
        "days": partial(_totals, site, first, last, "day"),
        "before": partial(_totals, site, earlier.first, earlier.last, "day"),
        "timings": lambda db: reading.timings(db, site, first, last),
        "excluded": lambda db: reading.excluded(db, site, first, last),
    }
    if period.by == "hour":
        asked["hours"] = partial(_totals, site, first, last, "hour")
    if last >= now.day:
        asked["before_hours"] = partial(_totals, site, earlier.last, earlier.last, "hour")
    for word in dimensions:
        asked[f"names:{word}"] = partial(_names, site, first, last, word, limit)
    return asked


def _totals(site: int, first: int, last: int, by: Any, db: sqlite3.Connection) -> Any:
    return reading.totals(db, site, first, last, by)


def _names(site: int, first: int, last: int, word: str, limit: int, db: sqlite3.Connection) -> Any:  # noqa: PLR0917
    return reading.names(db, site, first, last, word, limit)


def assemble(answers: dict[str, Any]) -> Material:
    names = {key.partition(":")[2]: value for key, value in answers.items() if key.startswith("names:")}
    return Material(
        answers["days"],
        answers.get("hours", []),
        answers["before"],
        answers.get("before_hours", []),
        names,
        answers["timings"],
        answers["excluded"],
    )


class Asking:
    """Reports of one site. Its calendar is its own: a `Calendar` remembers, and is no other thread's."""

    def __init__(self, settings: SiteSettings) -> None:
        self.settings = settings
        self.site = Site(settings.id, settings.name or settings.hosts[0], settings.timezone)
        self._calendar = Calendar(settings.timezone)
        self._hours = hours_of(self._calendar)

    def now(self, wall: float) -> Now:
        return Now.of(self._calendar, wall)

    async def report(
        self,
        ask: Ask,
        period: Period,
        now: Now,
        dimensions: tuple[str, ...] = DIMENSIONS,
        limit: int = MOST_NAMES,
    ) -> Report:
        """By a store's `ask`, which may refuse."""
        asked = questions(self.site.id, period, now, dimensions, limit)
        return self._make(period, now, {key: await ask(work) for key, work in asked.items()})

    def read(self, db: sqlite3.Connection, period: Period, now: Now, limit: int = MOST_NAMES) -> Report:
        """From a connection of one's own."""
        asked = questions(self.site.id, period, now, limit=limit)
        return self._make(period, now, {key: work(db) for key, work in asked.items()})

    def _make(self, period: Period, now: Now, answers: dict[str, Any]) -> Report:
        return make(self.site, period, now, assemble(answers), self._hours)
