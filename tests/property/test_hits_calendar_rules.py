"""Whatever the zone and the moment: a midnight is where the date changes, and the calendar agrees with datetime."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from edge.hits.calendar import Calendar

_2012, _2100 = 1_325_376_000, 4_102_444_800  # before 2012 dates went back by an hour in Newfoundland
zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))


@given(zones, st.lists(st.floats(_2012, _2100), min_size=1, max_size=5))
def test_a_calendar_agrees_with_datetime(zone: str, moments: list[float]) -> None:
    calendar = Calendar(zone)
    for at in moments:
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        assert calendar.day(at) == int(local.strftime("%Y%m%d"))
        assert calendar.hour(at) == local.hour
        midnight = calendar.next_midnight(at)
        assert at < midnight <= at + 26 * 3600
        assert calendar.day(midnight - 0.001) == int(local.strftime("%Y%m%d")) < calendar.day(midnight)
