"""Local days and hours, in zones whose clocks do what clocks do."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from zoneinfo import TZPATH

import pytest

from edge.errors import ConfigError
from edge.hits.calendar import Calendar

HOUR = 3600


def at(text: str) -> float:
    """The Unix second of "2026-03-29 00:59:59" UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("zone", "when", "day", "hour"),
    [
        ("UTC", "1972-01-01 00:00:00", 19720101, 0),
        ("UTC", "2026-12-31 23:59:59.999", 20261231, 23),
        ("Europe/Paris", "2026-06-30 21:59:59", 20260630, 23),
        ("Europe/Paris", "2026-06-30 22:00:00", 20260701, 0),
        ("Europe/Paris", "2026-03-29 00:59:59", 20260329, 1),
        ("Europe/Paris", "2026-03-29 01:00:00", 20260329, 3),
        ("Europe/Paris", "2026-10-25 00:30:00", 20261025, 2),
        ("Europe/Paris", "2026-10-25 01:30:00", 20261025, 2),
        ("Asia/Kolkata", "2026-06-30 18:29:59", 20260630, 23),
        ("Asia/Kolkata", "2026-06-30 18:30:00", 20260701, 0),
        ("Asia/Kathmandu", "2026-06-30 18:15:00", 20260701, 0),
        ("America/St_Johns", "2010-11-07 02:30:30", 20101107, 0),
        ("America/St_Johns", "2010-11-07 02:31:00", 20101106, 23),
        ("Pacific/Apia", "2011-12-30 09:59:59", 20111229, 23),
        ("Pacific/Apia", "2011-12-30 10:00:00", 20111231, 0),
    ],
)  # fmt: skip
def test_day_and_hour(zone: str, when: str, day: int, hour: int) -> None:
    calendar = Calendar(zone)
    assert (calendar.day(at(when)), calendar.hour(at(when))) == (day, hour)


def test_time_may_go_back_and_forth() -> None:
    calendar = Calendar("Europe/Paris")
    noon = at("2026-06-30 10:00:00")
    for step in (0, 59, 60, -1, 86_400, 0, -86_400, 12 * HOUR):
        fresh = Calendar("Europe/Paris")
        assert calendar.hour(noon + step) == fresh.hour(noon + step)
        assert calendar.day(noon + step) == fresh.day(noon + step)
        assert calendar.next_midnight(noon + step) == fresh.next_midnight(noon + step)


@pytest.mark.parametrize(
    ("zone", "when", "midnight"),
    [
        ("UTC", "2026-02-28 12:00:00", "2026-03-01 00:00:00"),
        ("UTC", "2026-02-28 00:00:00", "2026-03-01 00:00:00"),
        ("Europe/Paris", "2026-03-28 23:00:00", "2026-03-29 22:00:00"),  # a day of 23 hours
        ("Europe/Paris", "2026-10-24 22:00:00", "2026-10-25 23:00:00"),  # of 25
        ("Asia/Kolkata", "2026-06-30 18:29:59", "2026-06-30 18:30:00"),
        ("America/Sao_Paulo", "2018-11-03 12:00:00", "2018-11-04 03:00:00"),  # 00:00 is skipped
        ("America/Sao_Paulo", "2018-02-17 12:00:00", "2018-02-18 03:00:00"),  # 23:00 is repeated
        ("America/Havana", "2026-10-31 12:00:00", "2026-11-01 04:00:00"),  # 00:00 is repeated: the first
        ("Pacific/Apia", "2011-12-29 12:00:00", "2011-12-30 10:00:00"),  # a date is skipped
        ("America/St_Johns", "2010-11-07 02:31:00", "2010-11-07 03:30:00"),  # the date came, went, and comes again
        ("America/Toronto", "1919-03-30 20:00:00", "1919-03-31 04:30:00"),  # 23:30 became 00:30
    ],
)
def test_next_midnight(zone: str, when: str, midnight: str) -> None:
    assert Calendar(zone).next_midnight(at(when)) == at(midnight)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe", "../etc/passwd", "/etc/passwd", "", "a\0b", "Zürich"])
def test_an_unknown_zone_is_the_users_mistake(zone: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a name of the tz database"):
        Calendar(zone)


def test_a_host_without_zones_has_utc_and_says_what_to_install() -> None:
    code = (
        "from edge.hits.calendar import Calendar\n"
        "assert Calendar().day(0) == 19700101\n"
        "try: Calendar('Europe/Paris')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONTZPATH": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert "install the package tzdata" in done.stdout


def test_zones_are_found_where_python_looks_without_loading_the_build_configuration() -> None:
    code = (
        "import sys, os; before = dict(os.environ); from edge.hits.calendar import Calendar; Calendar('Asia/Tokyo')\n"
        "assert dict(os.environ) == before; import zoneinfo\n"
        "print(zoneinfo.TZPATH, any('_sysconfigdata' in name for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")
    assert all(folder in done.stdout for folder in TZPATH if "/local/" not in folder)
