"""What a site counted in a period, as one value with everything that a page, a table, JSON and CSV show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from edge.flow.stats import OTHER, HistogramStats
from edge.hits.period import Hours, Now, Period, show_day
from edge.hits.reading import Named, Totals

State: TypeAlias = Literal["whole", "now", "future"]
COUNTS = (
    "hits", "pageviews", "visits", "bounces", "seconds", "events", "searches", "downloads", "outlinks", "goals",
    "orders", "pings",
)  # fmt: skip


class Figures(msgspec.Struct, frozen=True):
    """Sums over a period, and what follows from them. `None`: nothing to divide by.

    Visitors are known for each day alone: the same person on two days is two, so they are never added up.
    """

    hits: float = 0
    pageviews: float = 0
    visits: float = 0
    bounces: float = 0
    seconds: float = 0
    events: float = 0
    searches: float = 0
    downloads: float = 0
    outlinks: float = 0
    goals: float = 0
    orders: float = 0
    pings: float = 0
    revenue: float = 0.0
    visitors_a_day: float | None = None  # at least; mean of the days that are over, or of today alone
    visitors_most: int | None = None  # at least; of the best day
    bounce_rate: float | None = None  # 0 to 1: visits of one page among all
    visit_seconds: float | None = None  # mean length of a visit
    pages_a_visit: float | None = None


class Point(msgspec.Struct, frozen=True):
    """One day or hour. `future` is not over nor begun; it counted nothing yet."""

    at: str  # 2026-11-24, or 2026-11-24T13
    hits: int = 0
    pageviews: int = 0
    visits: int = 0
    visitors: int | None = None  # at least; of a day only
    state: State = "whole"


# Their visits are those that began with such a hit, which is rare: pages and tables for people leave them out.
ACTIONS = frozenset(("goal", "outlink", "search", "content", "media"))


class Row(msgspec.Struct, frozen=True):
    """One name of a dimension. `share` of the dimension's hits, 0 to 1."""

    name: str
    hits: int
    visits: int
    value: float
    share: float


class Timing(msgspec.Struct, frozen=True):
    """Seconds, estimated from a histogram: exact to its buckets."""

    count: int
    mean: float
    median: float
    p75: float
    p95: float


class Before(msgspec.Struct, frozen=True):
    """The period of the same length before. While today is in the report, its last day counts up to the same time."""

    first: str
    last: str
    partial: bool
    sums: Figures


class Report(msgspec.Struct, frozen=True):
    """Days are local to `timezone`. `top` has the dimensions of `hit.DIMENSIONS` that counted anything, and in each
    `(other)` last: the names that were not kept or not asked for, so that rows add up."""

    site: int
    name: str
    timezone: str
    first: str
    last: str
    by: Literal["day", "hour"]
    made: int  # Unix second
    sums: Figures
    before: Before | None  # None: nothing was counted then
    series: tuple[Point, ...]
    top: dict[str, tuple[Row, ...]]
    timings: dict[str, Timing]
    excluded: dict[str, int]
    restarted: tuple[str, ...]  # days whose visits and visitors may be over-counted


class Material(msgspec.Struct, frozen=True):
    """What `reading` says of the period: `asking.questions` says how to ask."""

    days: list[Totals]
    hours: list[Totals]  # empty: by day
    before: list[Totals]
    before_hours: list[Totals]  # of the last day before, while today is in the report
    names: dict[str, list[Named]]
    timings: dict[str, HistogramStats]
    excluded: dict[str, int]


class Site(msgspec.Struct, frozen=True):
    """What a report tells of its site."""

    id: int
    name: str
    timezone: str


def make(site: Site, period: Period, now: Now, material: Material, hours: Hours) -> Report:
    """`hours` says which hours a day has: `period.hours_of`."""
    hourly = period.by == "hour" and _has_hours(material)
    return Report(
        site=site.id,
        name=site.name,
        timezone=site.timezone,
        first=show_day(period.first),
        last=show_day(period.last),
        by="hour" if hourly else "day",
        made=int(now.at),
        sums=figures(material.days, now),
        before=_before(period, now, material),
        series=tuple(_by_hour(period, now, material, hours) if hourly else _by_day(period, now, material)),
        top={word: rows(named) for word, named in material.names.items() if named},
        timings={word: timing(stats) for word, stats in material.timings.items() if stats.count},
        excluded=dict(sorted(material.excluded.items(), key=lambda item: (-item[1], item[0]))),
        restarted=tuple(show_day(each.day) for each in material.days if each.restarted),
    )


def _has_hours(material: Material) -> bool:
    """Days older than `keep_hours` have none: then the whole is told by days rather than with holes."""
    return {each.day for each in material.days} <= {each.day for each in material.hours}


# -- sums


def figures(days: Sequence[Totals], now: Now) -> Figures:
    return _figures(_sums(days), days, now)


def _sums(totals: Iterable[Totals]) -> dict[str, float]:
    found = dict.fromkeys((*COUNTS, "revenue"), 0.0)
    for each in totals:
        for word in found:
            found[word] += getattr(each, word)
    return found


def _figures(sums: Mapping[str, float], days: Sequence[Totals], now: Now) -> Figures:
    uniques = [each.uniques for each in days if each.uniques is not None and each.day < now.day]
    uniques = uniques or [each.uniques for each in days if each.uniques is not None]
    most = max((each.uniques for each in days if each.uniques is not None), default=None)
    visits = sums["visits"]
    return Figures(
        **{word: round(sums[word]) for word in COUNTS},
        revenue=round(sums["revenue"], 2),
        visitors_a_day=sum(uniques) / len(uniques) if uniques else None,
        visitors_most=most,
        bounce_rate=_ratio(min(max(sums["bounces"], 0), visits), visits),
        visit_seconds=_ratio(sums["seconds"], visits),
        pages_a_visit=_ratio(sums["pageviews"], visits),
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _before(period: Period, now: Now, material: Material) -> Before | None:
    earlier, partial = period.moved(-1), period.last >= now.day
    if not material.before:
        return None
    days = [each for each in material.before if not (partial and each.day == earlier.last)]
    sums = _sums(days)
    if partial:
        cut = [each for each in material.before if each.day == earlier.last]
        for word, value in _until(material.before_hours, cut, now).items():
            sums[word] += value
    # Visitors of a part of a day cannot be told, so that day is left out of their mean, as today is.
    return Before(show_day(earlier.first), show_day(earlier.last), partial, _figures(sums, days, now))


def _until(hours: Sequence[Totals], day: Sequence[Totals], now: Now) -> dict[str, float]:
    """What a day had counted by the time that it is now. Without its hours: the same share of the day."""
    found = _sums(each for each in hours if each.hour is not None and each.hour < now.hour)
    for word, value in _sums(each for each in hours if each.hour == now.hour).items():
        found[word] += value * now.passed
    if hours:
        return found
    return {word: value * (now.hour + now.passed) / 24 for word, value in _sums(day).items()}


# -- series


def _by_day(period: Period, now: Now, material: Material) -> Iterable[Point]:
    found = {each.day: each for each in material.days}
    for day in period.days():
        yield _point(show_day(day), found.get(day), "now" if day == now.day else "whole")


def _by_hour(period: Period, now: Now, material: Material, hours: Hours) -> Iterable[Point]:
    found = {(each.day, each.hour): each for each in material.hours}
    for day in period.days():
        shown = {*hours(day), *(hour for on, hour in found if on == day and hour is not None)}
        for hour in sorted(shown):
            yield _point(f"{show_day(day)}T{hour:02}", found.get((day, hour)), _state((day, hour), now))


def _state(slot: tuple[int, int], now: Now) -> State:
    current = (now.day, now.hour)
    return "whole" if slot < current else "now" if slot == current else "future"


def _point(at: str, totals: Totals | None, state: State) -> Point:
    if totals is None:
        return Point(at, state=state)
    return Point(at, totals.hits, totals.pageviews, totals.visits, totals.uniques, state)


# -- lists


def rows(named: Sequence[Named]) -> tuple[Row, ...]:
    """The most frequent first, `(other)` last."""
    whole = sum(each.hits for each in named) or 1
    ordered = sorted(named, key=lambda each: (each.name == OTHER, -each.hits, each.name))
    return tuple(Row(each.name, each.hits, each.visits, each.value, each.hits / whole) for each in ordered)


def timing(stats: HistogramStats) -> Timing:
    median, p75, p95 = (quantile(stats, part) for part in (0.5, 0.75, 0.95))
    return Timing(stats.count, stats.sum / stats.count, median, p75, p95)


def quantile(stats: HistogramStats, part: float) -> float:
    """The value below which `part` of the observations lie, spread evenly over their bucket, as Prometheus does it;
    above the last bucket its bound."""
    wanted, low, below = part * stats.count, 0.0, 0
    for high, count in zip(stats.buckets, stats.counts, strict=True):
        if count >= wanted:
            inside = count - below
            return low + (high - low) * (wanted - below) / inside if inside else high
        low, below = high, count
    return stats.buckets[-1]
