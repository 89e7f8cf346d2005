"""Which days a report is about."""

import pytest

from edge.hits.calendar import Calendar
from edge.hits.period import MOST_DAYS, Now, Period, hours_of, read_period

TODAY = 20261125


@pytest.mark.parametrize(
    ("days", "first", "last", "by", "expected"),
    [
        (None, None, None, None, (20261119, 20261125, "day")),
        ("", "", "", "", (20261119, 20261125, "day")),
        ("1", None, None, None, (20261125, 20261125, "hour")),
        ("2", None, None, None, (20261124, 20261125, "hour")),
        ("30", None, None, None, (20261027, 20261125, "day")),
        ("7", None, None, "hour", (20261119, 20261125, "hour")),
        (None, "2026-02-27", "2026-03-02", None, (20260227, 20260302, "day")),
        (None, "2026-11-24", None, None, (20261124, 20261125, "hour")),
        (None, None, "2026-11-20", "day", (20261120, 20261120, "day")),
        ("7", "2026-11-20", "2026-11-21", "day", (20261120, 20261121, "day")),
        (None, "2026-11-01", "2099-01-01", None, (20261101, 20261125, "day")),
    ],
)
def test_what_is_asked_for(days, first, last, by, expected):
    period = read_period(days, first, last, by, TODAY)
    assert (period.first, period.last, period.by) == expected


@pytest.mark.parametrize(
    ("days", "first", "last", "by", "why"),
    [
        ("0", None, None, None, "days: expected"),
        ("-3", None, None, None, "days: expected"),
        ("٣", None, None, None, "days: expected"),
        ("9" * 5000, None, None, None, "days: expected"),
        ("3661", None, None, None, "days: expected"),
        (None, "2026-13-01", None, None, "from: expected a day such as"),
        (None, "20261101", None, None, "expected a day such as"),
        (None, "2026-W01-1", None, None, "expected a day such as"),
        (None, "1999-12-31", None, None, "this century"),
        (None, "2026-11-20", "2026-11-19", None, "not after the last one"),
        (None, "2026-11-26", None, None, "nor to come"),
        (None, "2001-01-01", None, None, f"at most {MOST_DAYS} days"),
        (None, None, None, "week", 'expected "day" or "hour"'),
        ("93", None, None, "hour", "at most 92 days"),
    ],
)
def test_what_cannot_be_asked_for(days, first, last, by, why):
    with pytest.raises(ValueError, match=why):
        read_period(days, first, last, by, TODAY)


def test_the_period_before_is_as_long():
    march = Period(20240301, 20240331, "day")
    assert march.moved(-1) == Period(20240130, 20240229, "day")
    assert march.moved(-1).moved(1) == march
    assert (len(march.days()), march.days()[0], march.days()[-1]) == (31, 20240301, 20240331)


@pytest.mark.parametrize(
    ("timezone", "day", "missing"),
    [
        ("UTC", 20260329, set()),
        ("Europe/Paris", 20260329, {2}),  # 02:00 to 03:00 does not happen
        ("Europe/Paris", 20261025, set()),  # 02:00 to 03:00 happens twice
        ("Australia/Lord_Howe", 20261004, set()),  # half an hour is skipped
        ("Asia/Beirut", 20260329, {0}),  # the day begins at 01:00
        ("Pacific/Kiritimati", 20260329, set()),
        ("Pacific/Apia", 20260329, set()),
    ],
)
def test_hours_of_a_day(timezone, day, missing):
    assert set(hours_of(Calendar(timezone))(day)) == set(range(24)) - missing


def test_now_is_the_sites():
    now = Now.of(Calendar("Asia/Kolkata"), 1795608000.0)  # 12:00 UTC
    assert (now.day, now.hour) == (20261125, 17)
