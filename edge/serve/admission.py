"""Whether one more viewer fits: numbers, the line, the month's traffic. Pure; times are arguments."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Literal

import msgspec

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_MONTHS_KEPT = 3  # the clock may be set back over the end of a month, and on again
_WARN_AT = 0.8

Reached = Literal["near", "used_up"]


class Load(msgspec.Struct, frozen=True, gc=False):
    """What is carried already. Rates are bits per second."""

    viewers: int
    rate: float
    channel_viewers: int
    channel_max: int | None = None


class Admission:
    """The bounds of `[http]`; None: no such bound. `egress` in bits per second, `traffic_per_month` in bytes."""

    def __init__(
        self, *, max_viewers: int | None = None, egress: int | None = None, traffic_per_month: int | None = None
    ) -> None:
        self._max_viewers = max_viewers
        self._egress = egress
        self._traffic_max = traffic_per_month
        self._months: dict[str, int] = {}
        self._told: tuple[str, Reached] | None = None  # a month, and what of it

    def refusal(self, load: Load, rate: float, wall: float) -> str | None:
        """The bound that one more viewer of `rate` bits per second would break, as a word; None: welcome."""
        if self.used_up(wall):
            return "traffic"
        if self._max_viewers is not None and load.viewers >= self._max_viewers:
            return "viewers"
        if load.channel_max is not None and load.channel_viewers >= load.channel_max:
            return "channel_viewers"
        if self._egress is not None and load.rate + rate > self._egress:
            return "egress"
        return None

    def bears(self, rate: float) -> bool:
        """Whether the line carries `rate` bits per second in all, as far as is known."""
        return self._egress is None or rate <= self._egress

    def used_up(self, wall: float) -> bool:
        """Whether the month's traffic is: the one bound that holds for those who are in, too."""
        return self._traffic_max is not None and self.traffic(wall) >= self._traffic_max

    def count(self, n: int, wall: float) -> Reached | None:
        """Adds `n` bytes sent. What this month's traffic has just reached, each once a month and process:
        `near` is 80 %."""
        month = _month(wall)
        self._months[month] = self._months.get(month, 0) + n
        while len(self._months) > _MONTHS_KEPT:
            del self._months[min(m for m in self._months if m != month)]
        reached = self._reached(self._months[month])
        if reached is None or self._told == (month, reached):
            return None
        self._told = (month, reached)
        return reached

    def _reached(self, used: int) -> Reached | None:
        most = self._traffic_max
        if most is None or used < _WARN_AT * most:
            return None
        return "near" if used < most else "used_up"

    def traffic(self, wall: float) -> int:
        """Bytes sent in the month (UTC) of `wall`."""
        return self._months.get(_month(wall), 0)

    @property
    def traffic_max(self) -> int | None:
        return self._traffic_max

    def snapshot(self) -> dict[str, int]:
        """What has to outlive the process: bytes by month."""
        return dict(self._months)

    def restore(self, saved: Mapping[str, int]) -> None:
        """Takes up a `snapshot`. What is no month or no count is left out: the file may be damaged."""
        good = {month: n for month, n in saved.items() if _MONTH.fullmatch(month) and n >= 0}
        self._months = {month: good[month] for month in sorted(good)[-_MONTHS_KEPT:]}


def _month(wall: float) -> str:
    at = time.gmtime(wall)
    return f"{at.tm_year:04}-{at.tm_mon:02}"
