"""When a hit happened, and what it may say only with a token. Pure; `now` is the wall clock's second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Refusal: TypeAlias = Literal["site", "visitor_id", "token", "time"]  # "site" is for who knows the sites
DAY = 86_400
OLDEST = 20 * 365 * DAY  # Matomo's: what is older cannot be meant
_CLAIMS = ("cip", "country", "region", "city", "lat", "long")
CHECKED = frozenset((*_CLAIMS, "cid"))  # parameters that `refused` looks at,
TIMED = frozenset(("cdt", "cdo"))  # and `when`
_ID_LENGTH = 16
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,9})?")
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?)?"
    r" ?(?:Z|UTC|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_LONGEST = 40  # characters of a time


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The hit is answered with 400, and why."""

    reason: Refusal


_TOKEN, _TIME, _VISITOR_ID = Refused("token"), Refused("time"), Refused("visitor_id")


def needs_token(fields: Mapping[str, str]) -> bool:
    """Whether the hit claims an address or a place that is not its connection's."""
    return any(fields.get(name) for name in _CLAIMS)


def refused(fields: Mapping[str, str], allowed: bool) -> Refused | None:
    """What Matomo answers with 400 whatever the site. `allowed`: the request has a token that may publish."""
    if CHECKED.isdisjoint(fields):
        return None
    if not allowed and needs_token(fields):
        return _TOKEN
    identity = fields.get("cid", "")
    return _VISITOR_ID if identity and len(identity) != _ID_LENGTH else None


def when(fields: Mapping[str, str], now: float, allowed: bool, keep_days: int = 36_500) -> int | Refused:
    """The second at which the hit happened: `cdt` less `cdo`; now, where they make no sense or lie in the future.

    Without a token it may be a day old; with one it may be as old as what is kept.
    """
    said = fields.get("cdt")
    offset = fields.get("cdo")
    if not said and not offset:
        return int(now)
    at = _read(said) if said else now
    if at is None:
        return int(now)
    at -= abs(_number(offset) or 0.0) if offset else 0.0
    if not now - OLDEST < at <= now:
        return int(now)
    age = now - at
    if age >= DAY and not allowed:
        return _TOKEN
    return _TIME if age >= keep_days * DAY else int(at)


def _read(said: str) -> float | None:
    """Seconds, or a date in the forms that clients send out of the many that PHP's strtotime would read."""
    if len(said) > _LONGEST:
        return None
    at = _number(said)
    if at is not None:
        return at
    found = _DATE.fullmatch(said)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(each or 0) for each in found.group(1, 2, 3, 4, 5, 6))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    zone = (int(found[8]) * 60 + int(found[9])) * 60 if found[7] else 0
    local = (_days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
    return local + zone if found[7] == "-" else local - zone


def _number(said: str) -> float | None:
    return float(said) if len(said) <= _LONGEST and _NUMBER.fullmatch(said) else None


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar; the 31st of a shorter month is in the next, as for PHP."""
    shifted = (month + 9) % 12  # years that begin in March end with the leap day
    year -= month <= 2
    return year * 365 + year // 4 - year // 100 + year // 400 + (shifted * 306 + 5) // 10 + day - 719_469
