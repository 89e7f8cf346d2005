"""When a hit was, and what needs a token."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hits.timing import DAY, OLDEST, Refused, needs_token, refused, when

NOW = 1_795_532_400.5  # 2026-11-24 15:00:00.5 UTC
SECOND = int(NOW)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({}, SECOND),
        ({"cdt": ""}, SECOND),
        ({"cdt": "1795532000"}, 1_795_532_000),
        ({"cdt": "1795532000.75"}, 1_795_532_000),
        ({"cdt": "2026-11-24 14:00:00"}, SECOND - 3600),
        ({"cdt": "2026-11-24T14:00:00Z"}, SECOND - 3600),
        ({"cdt": "2026-11-24 14:00:00.123456 UTC"}, SECOND - 3600),
        ({"cdt": "2026-11-24 14:00"}, SECOND - 3600),
        ({"cdt": "2026-11-24 15:00:00+01:00"}, SECOND - 3600),
        ({"cdt": "2026-11-24T09:00:00-0500"}, SECOND - 3600),
        ({"cdt": "2026-11-24"}, SECOND - 15 * 3600),
        ({"cdo": "30"}, SECOND - 30),
        ({"cdo": "-30"}, SECOND - 30),
        ({"cdo": "0"}, SECOND),
        ({"cdo": "x"}, SECOND),
        ({"cdt": "1795532000", "cdo": "60"}, 1_795_531_940),
        ({"cdt": str(SECOND + 30), "cdo": "60"}, SECOND - 30),
    ],
)
def test_times_of_the_last_day(fields, at):
    assert when(fields, NOW, allowed=False) == at


@pytest.mark.parametrize(
    "said",
    [
        str(SECOND + 1),  # the future
        "2026-11-24 16:00:00",
        str(int(NOW - OLDEST)),
        "0",
        "-5",
        "yesterday",
        "2026-13-01 00:00:00",
        "2026-00-01",
        "2026-01-32",
        "2026-01-01 24:00:00",
        "2026-01-01 00:60:00",
        "nan",
        "inf",
        "1e9",
        "1_795_532_000",
        "١٧٩٥٥٣٢٠٠٠",
        "1" * 50_000,
        "2026-11-24 " + " " * 50_000,
        "9" * 13,
    ],
)
@pytest.mark.parametrize("allowed", [False, True])
def test_what_makes_no_sense_is_now(said, allowed):
    assert when({"cdt": said}, NOW, allowed) == SECOND


@pytest.mark.parametrize(
    ("age", "allowed", "expected"),
    [
        (DAY - 1, False, None),
        (DAY, False, "token"),
        (DAY + 1, False, "token"),
        (DAY + 1, True, None),
        (30 * DAY - 1, True, None),
        (30 * DAY, True, "time"),  # what would be purged at once is not taken
        (30 * DAY, False, "token"),
    ],
)
def test_old_times_need_a_token(age, allowed, expected):
    now = float(SECOND)
    at = SECOND - age
    assert when({"cdt": str(at)}, now, allowed, keep_days=30) == (Refused(expected) if expected else at)
    assert when({"cdo": str(age)}, now, allowed, keep_days=30) == (Refused(expected) if expected else at)


@given(st.datetimes(dt.datetime(2007, 1, 1), dt.datetime(2026, 11, 24, 14, 0)))  # noqa: DTZ001 - hypothesis wants them
def test_dates_are_the_calendar_s(date):
    expected = int(date.replace(tzinfo=dt.UTC).timestamp())
    assert when({"cdt": date.strftime("%Y-%m-%d %H:%M:%S")}, NOW, allowed=True) == expected


def test_a_day_that_its_month_does_not_have_is_in_the_next():  # PHP's strtotime
    march = int(dt.datetime(2026, 3, 3, tzinfo=dt.UTC).timestamp())
    assert when({"cdt": "2026-02-31"}, NOW, allowed=True) == march


@pytest.mark.parametrize("name", ["cip", "country", "region", "city", "lat", "long"])
def test_claims_need_a_token(name):
    assert needs_token({name: "x"})
    assert refused({name: "x"}, allowed=False) == Refused("token")
    assert refused({name: "x"}, allowed=True) is None
    assert refused({name: ""}, allowed=False) is None


@pytest.mark.parametrize(
    ("identity", "fine"), [("", True), ("0123456789abcdef", True), ("x", False), ("0" * 15, False), ("0" * 17, False)]
)
@pytest.mark.parametrize("allowed", [False, True])
def test_a_forced_visitor_id_has_sixteen_characters(identity, fine, allowed):
    assert refused({"cid": identity}, allowed) == (None if fine else Refused("visitor_id"))


def test_most_hits_claim_nothing():
    assert refused({"idsite": "1", "rec": "1", "url": "https://example.org/", "_id": "", "uid": "x"}, False) is None
