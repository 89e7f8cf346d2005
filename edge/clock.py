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
