"""Adds up a batch: from hits to what each row grows by. Pure; `tables` then decides which names have rows.

What counts where: page and title count page views; entry is the page of the hit that began a visit; each other
dimension counts every hit that has it, pings too. `visits` of a page, title, campaign, event or download are the visits
that had it; those of other dimensions are the visits that began with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TypeAlias

import msgspec

from edge.hits.calendar import Calendar
from edge.hits.hit import TIMINGS, Counted, Dropped, Flags, Hit
from edge.hits.schema import CODES, TOTALS

BUCKETS_MS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)  # of timings, inclusive; the last one has no end
MAX_MS = 600_000  # a page that takes longer was asleep
MAX_SECONDS = 86_400
Row: TypeAlias = list[float]  # hits, visits, value


class Restarted(msgspec.Struct, frozen=True, gc=False):
    """The secret of a site's day was lost at `at`: visits and uniques of the day may be over-counted."""

    site: int
    at: int


class Imported(msgspec.Struct, frozen=True, gc=False):
    """A file's first `done` bytes are in the same submission, and those before it: both are kept or neither."""

    digest: str
    done: int
    at: int  # Unix second of the import


Item: TypeAlias = Counted | Dropped | Restarted | Imported

_TOTAL = {
    kind: TOTALS.index(column)
    for kind, column in {
        "pageview": "pageviews", "event": "events", "search": "searches", "download": "downloads",
        "outlink": "outlinks", "goal": "goals", "order": "orders", "ping": "pings",
    }.items()
}  # fmt: skip
_VISITS, _BOUNCES, _SECONDS, _REVENUE = (TOTALS.index(word) for word in ("visits", "bounces", "seconds", "revenue"))
_PAGE, _ENTRY, _TITLE, _CAMPAIGN = CODES["page"], CODES["entry"], CODES["title"], CODES["campaign"]
_EVENT, _GOAL, _MEDIA, _DIMENSION = CODES["event"], CODES["goal"], CODES["media"], CODES["dimension"]
_DOWNLOAD, _OUTLINK, _SEARCH, _CONTENT = (CODES[word] for word in ("download", "outlink", "search", "content"))
_PLAIN = tuple(
    CODES[word]
    for word in (
        "referrer", "country", "language", "device", "browser", "system", "screen",
    )
)  # fmt: skip


class Hour:
    """What one site counted in one hour of this batch."""

    __slots__ = ("_alike", "day", "hour", "names", "site", "totals")

    def __init__(self, site: int, day: int, hour: int) -> None:
        self.site, self.day, self.hour = site, day, hour
        self.totals: list[float] = [0] * len(TOTALS)
        self.names: list[dict[str, Row]] = [{} for _ in range(len(CODES) + 1)]  # by code
        self._alike: dict[tuple[str, ...], list[int]] = {}  # hits and visits of the same words of `_PLAIN`

    def add(self, hit: Hit, flags: Flags) -> None:
        visit = 1 if flags.visit else 0
        self._total(hit, flags, visit)
        alike = (hit.referrer, hit.country, hit.language, hit.device, hit.browser, hit.system, hit.screen)
        row = self._alike.get(alike)
        if row is None:
            self._alike[alike] = [1, visit]
        else:
            row[0] += 1
            row[1] += visit
        self._pages(hit, flags.first, visit)
        if hit.event or hit.download or hit.goal or hit.media or hit.dimensions:
            self._rare(hit, flags.first, visit)
        elif hit.outlink or hit.search or hit.content:
            self._targets(hit, visit)

    def spread(self) -> None:
        """What many hits had in common goes to `names`. After the last `add`."""
        for words, (hits, visits) in self._alike.items():
            for code, word in zip(_PLAIN, words, strict=True):
                if word:
                    _bump(self.names[code], word, visits, 0.0, hits)
        self._alike.clear()

    def _total(self, hit: Hit, flags: Flags, visit: int) -> None:
        totals = self.totals
        totals[0] += 1
        column = _TOTAL.get(hit.kind)
        if column:
            totals[column] += 1
        if visit:
            totals[_VISITS] += 1
        totals[_BOUNCES] += flags.bounce
        if flags.seconds:
            totals[_SECONDS] += min(flags.seconds, MAX_SECONDS)
        if hit.revenue:
            totals[_REVENUE] += _finite(hit.revenue)

    def _pages(self, hit: Hit, first: int, visit: int) -> None:
        names = self.names
        page = hit.page
        if page:
            if hit.kind == "pageview":
                _bump(names[_PAGE], page, first & 1, 0.0)
            if visit:
                _bump(names[_ENTRY], page, 1, 0.0)
        if hit.title and hit.kind == "pageview":
            _bump(names[_TITLE], hit.title, first >> 1 & 1, 0.0)
        if hit.campaign:
            _bump(names[_CAMPAIGN], hit.campaign, first >> 2 & 1, 0.0)

    def _rare(self, hit: Hit, first: int, visit: int) -> None:
        names = self.names
        if hit.event:
            _bump(names[_EVENT], hit.event, first >> 3 & 1, _finite(hit.value))
        if hit.download:
            _bump(names[_DOWNLOAD], hit.download, first >> 3 & 1, 0.0)
        if hit.goal:
            _bump(names[_GOAL], hit.goal, visit, _finite(hit.revenue))
        if hit.media:
            _bump(names[_MEDIA], hit.media, visit, _finite(hit.value))
        for name, value in hit.dimensions:
            _bump(names[_DIMENSION], f"{name}: {value}", visit, 0.0)
        self._targets(hit, visit)

    def _targets(self, hit: Hit, visit: int) -> None:
        names = self.names
        if hit.outlink:
            _bump(names[_OUTLINK], hit.outlink, visit, 0.0)
        if hit.search:
            _bump(names[_SEARCH], hit.search, visit, 0.0)
        if hit.content:
            _bump(names[_CONTENT], hit.content, visit, 0.0)


def _bump(names: dict[str, Row], name: str, visits: int, value: float, hits: int = 1) -> None:
    row = names.get(name)
    if row is None:
        names[name] = [hits, visits, value]
    else:
        row[0] += hits
        row[1] += visits
        row[2] += value


def _finite(value: float) -> float:
    """SQLite has no "not a number": one would fail the whole batch."""
    return value if isfinite(value) else 0.0


class Sums:
    """What a batch adds, by site and local time."""

    __slots__ = ("excluded", "hours", "imports", "restarted", "timings", "uniques")

    def __init__(self) -> None:
        self.hours: dict[tuple[int, int, int], Hour] = {}  # site, day, hour
        self.excluded: dict[tuple[int, int, str], int] = {}  # site, day, reason
        self.timings: dict[tuple[int, int, str, int], list[int]] = {}  # site, day, timing, bucket: hits, milliseconds
        self.uniques: dict[tuple[int, int], list[tuple[int, int]]] = {}  # site, day: registers and ranks
        self.restarted: set[tuple[int, int]] = set()
        self.imports: dict[str, tuple[int, int]] = {}  # by digest: bytes, when


class Rollup:
    """Sums of batches for sites in their time zones. A site that is not among `calendars` counts in UTC."""

    __slots__ = ("_calendars", "_utc")

    def __init__(self, calendars: Mapping[int, Calendar]) -> None:
        self._calendars = calendars
        self._utc = Calendar()

    def sum(self, batch: Iterable[Item]) -> Sums:
        sums = Sums()
        minutes: dict[tuple[int, int], Hour] = {}  # a site's hits come by the thousand in one minute
        for item in batch:
            if type(item) is tuple:
                hit, flags = item
                minute = (hit.site, hit.at // 60)
                hour = minutes.get(minute)
                if hour is None:
                    hour = minutes[minute] = self._hour(sums, hit.site, hit.at)
                hour.add(hit, flags)
                if flags.unique is not None:
                    sums.uniques.setdefault((hit.site, hour.day), []).append(flags.unique)
                if hit.timings:
                    _time(sums.timings, hit.site, hour.day, hit.timings)
            else:
                self._other(sums, item)  # type: ignore[arg-type]
        for hour in sums.hours.values():
            hour.spread()
        return sums

    def _hour(self, sums: Sums, site: int, at: int) -> Hour:
        calendar = self._calendars.get(site, self._utc)
        key = (site, calendar.day(at), calendar.hour(at))
        hour = sums.hours.get(key)
        if hour is None:
            hour = sums.hours[key] = Hour(*key)
        return hour

    def _other(self, sums: Sums, item: Dropped | Restarted | Imported) -> None:
        if isinstance(item, Imported):
            sums.imports[item.digest] = item.done, item.at
            return
        day = self._calendars.get(item.site, self._utc).day(item.at)
        if isinstance(item, Restarted):
            sums.restarted.add((item.site, day))
        else:
            key = (item.site, day, item.reason)
            sums.excluded[key] = sums.excluded.get(key, 0) + 1


def _time(timings: dict[tuple[int, int, str, int], list[int]], site: int, day: int, came: tuple[int, ...]) -> None:
    for name, milliseconds in zip(TIMINGS, came, strict=False):
        if milliseconds >= 0:
            taken = min(milliseconds, MAX_MS)
            row = timings.setdefault((site, day, name, bisect_left(BUCKETS_MS, taken)), [0, 0])
            row[0] += 1
            row[1] += taken
