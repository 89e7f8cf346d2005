"""Clocks as values, so that tests can turn them. Timers use `monotonic` only; `wall` is for people and files."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Both clocks, in seconds."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...


class SystemClock:
    """The host's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class ManualClock:
    """A clock that moves only when told. `step` moves the wall clock alone, as an operator or NTP does."""

    def __init__(self, monotonic: float = 0.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds

    def step(self, seconds: float) -> None:
        self._wall += seconds


class Steps:
    """Counts how often the wall clock was set: it then moves by more than the monotonic one."""

    LEAST = 1.0  # seconds; NTP slews what is less

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._measure()
        self.count = 0

    def look(self) -> None:
        """From time to time; what is set twice in between is one step."""
        offset = self._measure()
        if abs(offset - self._offset) >= self.LEAST:
            self.count += 1
        self._offset = offset

    def _measure(self) -> float:
        return self._clock.wall() - self._clock.monotonic()
