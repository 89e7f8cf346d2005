"""Which day and hour it is at a site. A Unix second before 1972 or after the year 9999 is not for this module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from importlib import import_module
from typing import Any

from edge.errors import ConfigError

_PATH = "PYTHONTZPATH"
_USUAL = "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo"  # as Debian's Python has it


class Calendar:
    """The local days and hours of one time zone, by its name in the tz database, such as "Europe/Paris".

    ConfigError if this host does not know the zone. "UTC" needs nothing of the host.
    """

    __slots__ = ("_day", "_hour", "_midnight", "_midnight_after", "_minute", "_zone", "timezone")

    def __init__(self, timezone: str = "UTC") -> None:
        self.timezone = timezone
        self._zone: tzinfo = UTC if timezone == "UTC" else _zone(timezone)
        self._minute = self._day = self._hour = -1
        self._midnight_after = self._midnight = 0.0

    def day(self, at: float) -> int:
        """The local date of Unix second `at`, as yyyymmdd."""
        if at // 60 != self._minute:
            self._turn(at)
        return self._day

    def hour(self, at: float) -> int:
        """0 to 23. An hour that a clock change repeats is one hour here."""
        if at // 60 != self._minute:
            self._turn(at)
        return self._hour

    def _turn(self, at: float) -> None:
        """Clock changes happen at full minutes (some at 00:01), so what is true of one second is true of its minute."""
        local = datetime.fromtimestamp(at, self._zone)
        self._day = local.year * 10_000 + local.month * 100 + local.day
        self._hour = local.hour
        self._minute = int(at // 60)

    def next_midnight(self, at: float) -> float:
        """The first Unix second after `at` of the next local date. Where a clock change skips 00:00 the day begins
        when the clock says 01:00; where one repeats it, the first one counts, unless `at` lies after it."""
        if not self._midnight_after <= at < self._midnight:
            self._midnight = self._search_midnight(at)
            self._midnight_after = at
        return self._midnight

    def _search_midnight(self, at: float) -> float:
        after = datetime.fromtimestamp(at, self._zone).date() + timedelta(days=1)
        midnight = datetime(after.year, after.month, after.day, tzinfo=self._zone)
        found = midnight.timestamp()
        if found <= at:
            found = midnight.replace(fold=1).timestamp()
        if self._date(found - 1) >= after:  # a change from before to after midnight: seen in 1919, in no rule of today
            found = self._search(after, at, found)
        return found

    def _search(self, day: date, low: float, high: float) -> float:
        """The first full minute in (low, high] on `day` or later."""
        first, last = int(low // 60), int(high // 60)
        while last - first > 1:
            middle = (first + last) // 2
            if self._date(middle * 60) >= day:
                last = middle
            else:
                first = middle
        return last * 60.0

    def _date(self, at: float) -> date:
        return datetime.fromtimestamp(at, self._zone).date()


def _zone(name: str) -> tzinfo:
    zoneinfo = _library()
    try:
        return zoneinfo.ZoneInfo(name)  # type: ignore[no-any-return]
    except (LookupError, ValueError, OSError) as error:  # unknown, no relative path, a folder
        raise ConfigError(_trouble(name, zoneinfo.TZPATH)) from error


def _library() -> Any:
    """zoneinfo loads how Python was built (0.2 MB) to learn where the zones are, unless a variable tells it."""
    if _PATH in os.environ:
        return import_module("zoneinfo")
    os.environ[_PATH] = _USUAL
    try:
        return import_module("zoneinfo")
    finally:
        del os.environ[_PATH]


def _trouble(name: str, folders: Sequence[str]) -> str:
    if not any(os.path.isdir(folder) for folder in folders):  # noqa: PTH112 - the worker does without pathlib
        return f'timezone = "{name}": this host has no tz database; install the package tzdata, or use "UTC"'
    return f'timezone: expected a name of the tz database, such as "Europe/Paris" or "UTC", got "{name}"'
