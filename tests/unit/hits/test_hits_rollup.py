"""What a batch adds up to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.hits.calendar import Calendar
from edge.hits.hit import DIMENSIONS, TIMINGS, Dropped, Flags, Hit, Kind
from edge.hits.rollup import Hour, Imported, Restarted, Rollup, Sums
from edge.hits.schema import CODES, TOTALS

AT = 1_790_000_000  # 2026-09-21 14:13:20 UTC
KEY = (1, 20260921, 14)


def add_up(*batch: Any, zone: str = "UTC") -> Sums:
    return Rollup({1: Calendar(zone)}).sum(batch)


def one(hit: Hit, flags: Flags | None = None) -> Hour:
    return add_up((hit, flags or Flags())).hours[KEY]


def totals(hour: Hour) -> dict[str, float]:
    return {name: value for name, value in zip(TOTALS, hour.totals, strict=True) if value}


def names(hour: Hour) -> dict[str, dict[str, list[float]]]:
    return {word: hour.names[code] for word, code in CODES.items() if hour.names[code]}


def test_every_dimension_has_a_code_and_every_field_of_a_hit_a_dimension() -> None:
    assert set(CODES) == set(DIMENSIONS)
    assert len(set(CODES.values())) == len(CODES)
    words: dict[str, Any] = {
        field.name: field.name for field in msgspec.structs.fields(Hit) if field.default == "" and field.name != "kind"
    }
    hit = Hit(site=1, at=AT, kind="pageview", dimensions=(("plan", "free"), ("plan", "gold")), **words)
    expected = {word: {word: [1, 1, 0.0]} for word in words} | {"entry": {"page": [1, 1, 0.0]}}
    expected["dimension"] = {"plan: free": [1, 1, 0.0], "plan: gold": [1, 1, 0.0]}
    assert names(one(hit, Flags(visit=True))) == expected


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("pageview", "pageviews"), ("event", "events"), ("search", "searches"), ("download", "downloads"),
        ("outlink", "outlinks"), ("goal", "goals"), ("order", "orders"), ("ping", "pings"), ("content", None),
        ("media", None), ("custom", None), ("bot", None),
    ],
)  # fmt: skip
def test_kinds_have_their_columns(kind: Kind, column: str | None) -> None:
    assert totals(one(Hit(site=1, at=AT, kind=kind))) == {"hits": 1} | ({column: 1} if column else {})


def test_visits_bounces_seconds_and_revenue() -> None:
    hit = Hit(site=1, at=AT, kind="order", revenue=12.5)
    hour = add_up((hit, Flags(visit=True, bounce=1)), (hit, Flags(bounce=-1, seconds=30)), (hit, Flags(seconds=10**9)))
    expected = {"hits": 3, "orders": 3, "visits": 1, "seconds": 30 + 86_400, "revenue": 37.5}
    assert totals(hour.hours[KEY]) == expected


def test_page_and_title_count_page_views_and_entry_the_beginning_of_a_visit() -> None:
    event = Hit(site=1, at=AT, kind="event", page="/a", title="A", event="x / y", value=2.0)
    assert names(one(event, Flags(visit=True))) == {"entry": {"/a": [1, 1, 0.0]}, "event": {"x / y": [1, 1, 2.0]}}
    view = Hit(site=1, at=AT, kind="pageview", page="/a", title="A")
    assert names(one(view)) == {"page": {"/a": [1, 1, 0.0]}, "title": {"A": [1, 1, 0.0]}}


def test_visits_of_a_name_are_those_that_had_it_or_began_with_it() -> None:
    hit = Hit(
        site=1,
        at=AT,
        kind="pageview",
        page="/a",
        title="A",
        campaign="c",
        event="e",
        country="FR",
        goal="1",
        revenue=3.0,
    )
    found = names(one(hit, Flags(visit=False, first=0b0101)))
    assert {word: row[1] for word, rows in found.items() for row in rows.values()} == {
        "page": 1, "title": 0, "campaign": 1, "event": 0, "country": 0, "goal": 0,
    }  # fmt: skip
    assert found["goal"] == {"1": [1, 0, 3.0]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_counts_as_nothing(value: float) -> None:
    hour = one(Hit(site=1, at=AT, kind="event", event="e", goal="g", media="video", value=value, revenue=value))
    assert hour.totals[-1] == 0
    assert [row[2] for rows in names(hour).values() for row in rows.values()] == [0, 0, 0]


def test_days_and_hours_are_the_sites_and_other_sites_are_in_utc() -> None:
    night = 1_790_028_000  # 22:00 UTC: midnight in Paris
    sums = add_up(*((Hit(site=site, at=night, kind="ping"), Flags()) for site in (1, 2)), zone="Europe/Paris")
    assert set(sums.hours) == {(1, 20260922, 0), (2, 20260921, 22)}


def test_minutes_of_one_hour_are_added_up() -> None:
    hour = add_up(*((Hit(site=1, at=AT + n * 60, kind="ping"), Flags()) for n in range(-13, 46))).hours[KEY]
    assert totals(hour) == {"hits": 59, "pings": 59}


def test_timings_fall_into_buckets() -> None:
    hit = Hit(site=1, at=AT, kind="pageview", timings=(0, 50, 51, 10_001, 10**12, -1))
    found = add_up((hit, Flags()), (hit, Flags())).timings
    day = KEY[:2]
    assert found == {
        (*day, TIMINGS[0], 0): [2, 0], (*day, TIMINGS[1], 0): [2, 100], (*day, TIMINGS[2], 1): [2, 102],
        (*day, TIMINGS[3], 8): [2, 20_002], (*day, TIMINGS[4], 8): [2, 1_200_000],
    }  # fmt: skip


def test_what_is_no_hit() -> None:
    hit = Hit(site=1, at=AT, kind="ping")
    sums = add_up(
        Dropped(1, AT, "dnt"), Dropped(1, AT, "dnt"), Dropped(2, AT, "bot"), Restarted(1, AT), Imported("d", 10, 8),
        (hit, Flags(unique=(7, 3))), (hit, Flags(unique=(7, 2))), Imported("d", 20, 9),
    )  # fmt: skip
    assert sums.excluded == {(1, 20260921, "dnt"): 2, (2, 20260921, "bot"): 1}
    assert (sums.restarted, sums.imports) == ({(1, 20260921)}, {"d": (20, 9)})
    assert sums.uniques == {(1, 20260921): [(7, 3), (7, 2)]}
