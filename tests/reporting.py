"""Values as `hits.reading` gives them, for tests of what is made of them."""

from __future__ import annotations

from edge.flow.stats import OTHER, Histogram
from edge.hits.calendar import Calendar
from edge.hits.hit import TIMINGS
from edge.hits.period import Now, Period, hours_of
from edge.hits.reading import Named, Totals
from edge.hits.report import Material, Site, make

NOON = 1795608000.0  # 2026-11-25 12:00 UTC
TODAY = 20261125


def totals(day, hour=None, *, hits=0, uniques=None, restarted=False, **more):
    counts = dict.fromkeys(
        ("pageviews", "visits", "bounces", "seconds", "events", "searches", "downloads", "outlinks", "goals", "orders",
         "pings", "revenue"), 0,
    ) | more  # fmt: skip
    if hour is None and uniques is None:
        uniques = counts["visits"]
    return Totals(day=day, hour=hour, hits=hits or counts["pageviews"], uniques=uniques, restarted=restarted, **counts)


def named(**hits):
    return [Named(OTHER if name == "other" else name, count, count // 2, 0.0) for name, count in hits.items()]


def material(days=(), *, hours=(), before=(), before_hours=(), names=None, seconds=(), excluded=None):
    times = Histogram((0.1, 0.25, 0.5, 1.0, 2.5))
    for each in seconds:
        times.observe(each)
    return Material(
        list(days), list(hours), list(before), list(before_hours), names or {},
        {TIMINGS[1]: times.snapshot()} if seconds else {}, excluded or {},
    )  # fmt: skip


def report(first, last, by="day", *, timezone="UTC", at=NOON, name="www.example.org", **values):
    calendar = Calendar(timezone)
    return make(
        Site(1, name, timezone), Period(first, last, by), Now.of(calendar, at), material(**values), hours_of(calendar)
    )
