"""Which days a report is about. Pure: today is an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias, cast

import msgspec

from edge.hits.calendar import Calendar

By: TypeAlias = Literal["day", "hour"]
Hours: TypeAlias = Callable[[int], tuple[int, ...]]

DAYS = 7  # without a wish
MOST_DAYS = 3660
MOST_HOURLY = 92  # days that are shown by the hour
_FIRST = date(2000, 1, 1)


class Now(msgspec.Struct, frozen=True):
    """The moment of a report, on the site's clock."""

    at: float  # Unix second
    day: int  # yyyymmdd
    hour: int
    passed: float = 0.0  # of the hour, 0 to 1

    @classmethod
    def of(cls, calendar: Calendar, at: float) -> Now:
        return cls(at, calendar.day(at), calendar.hour(at), at % 3600 / 3600)


class Period(msgspec.Struct, frozen=True):
    """Days `first` to `last`, both in it, as yyyymmdd."""

    first: int
    last: int
    by: By

    @property
    def length(self) -> int:
        return (to_date(self.last) - to_date(self.first)).days + 1

    def days(self) -> list[int]:
        first = to_date(self.first)
        return [to_day(first + timedelta(days=n)) for n in range(self.length)]

    def moved(self, periods: int) -> Period:
        """The same length, so many lengths later, or earlier below 0."""
        by = timedelta(days=self.length * periods)
        return Period(to_day(to_date(self.first) + by), to_day(to_date(self.last) + by), self.by)


def to_date(day: int) -> date:
    return date(day // 10_000, day // 100 % 100, day % 100)


def to_day(on: date) -> int:
    return on.year * 10_000 + on.month * 100 + on.day


def show_day(day: int) -> str:
    """As in 2026-11-24."""
    return f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}"


def read_day(text: str) -> date:
    """`2026-11-24`. ValueError says what was expected."""
    try:
        on = date.fromisoformat(text if len(text) == 10 and text[4] == text[7] == "-" else "")  # no weeks
    except ValueError:
        raise ValueError("expected a day such as 2026-11-24") from None
    if on < _FIRST:
        raise ValueError("expected a day of this century")
    return on


def read_period(days: str | None, first: str | None, last: str | None, by: str | None, today: int) -> Period:
    """What `?days=`, or `?from=` and `?to=`, and `?by=` mean; days to come are cut off. ValueError says what is wrong.

    Two days and fewer are shown by the hour, unless `by` says otherwise.
    """
    now = to_date(today)
    begin, end = _days(days or str(DAYS), now) if not (first or last) else _range(first, last, now)
    length = (end - begin).days + 1
    if length > MOST_DAYS:
        raise ValueError(f"from, to: expected at most {MOST_DAYS} days, got {length}")
    return Period(to_day(begin), to_day(end), _by(by, length))


def _days(days: str, today: date) -> tuple[date, date]:
    if not (days.isascii() and days.isdecimal() and 1 <= int(days[:5]) <= MOST_DAYS and len(days) <= 5):
        raise ValueError(f"days: expected 1 to {MOST_DAYS}")
    return today - timedelta(days=int(days) - 1), today


def _range(first: str | None, last: str | None, today: date) -> tuple[date, date]:
    end = min(_day("to", last) if last else today, today)
    begin = _day("from", first) if first else end
    if begin > end:
        raise ValueError("from, to: expected a first day that is not after the last one, nor to come")
    return begin, end


def _day(key: str, text: str) -> date:
    try:
        return read_day(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _by(by: str | None, length: int) -> By:
    if by not in (None, "", "day", "hour"):
        raise ValueError('by: expected "day" or "hour"')
    if by == "hour" and length > MOST_HOURLY:
        raise ValueError(f"by: expected at most {MOST_HOURLY} days for a report by the hour, got {length}")
    return cast("By", by) if by else "hour" if length <= 2 else "day"


def hours_of(calendar: Calendar) -> Hours:
    """Which hours a local day has: where a clock change skips one, it is no gap in what was counted."""

    def hours(day: int) -> tuple[int, ...]:
        on = to_date(day)
        at = datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp() - 15 * 3600  # no zone is further ahead
        while calendar.day(at) < day:
            at = calendar.next_midnight(at)
        end = calendar.next_midnight(at)
        found: dict[int, None] = {}
        while at < end:
            found[calendar.hour(at)] = None
            at += 1800  # Lord Howe changes by half an hour
        return tuple(sorted(found))

    return hours
