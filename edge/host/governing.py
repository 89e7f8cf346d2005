"""The governor at work in the loop: looks at every load four times a second, applies what is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from edge.host.governor import LoadView, Reason
from edge.log import Log


class Load(Protocol):
    """What can be lowered. Called on the loop; none of these may block."""

    @property
    def name(self) -> str: ...

    def view(self, now: float) -> LoadView: ...

    def apply(self, rung: str, reason: Reason) -> None:
        """Works on the rung of that name from now on, or as soon as it can; `view` tells it as in force at once."""

    def allow(self, cores: float | None) -> None:
        """Uses at most so much of a core from now on; None: no bound."""


class Limits(Protocol):
    @property
    def cores(self) -> int: ...
    @property
    def quota(self) -> float | None: ...


class Usage(Protocol):
    """What the governor reads of `host.limits.Usage`: rates since the sample before, None: unknown."""

    @property
    def cores(self) -> float | None: ...
    @property
    def throttled(self) -> float | None: ...
    @property
    def throttled_seconds(self) -> float: ...
    @property
    def steal(self) -> float | None: ...
    @property
    def steal_seconds(self) -> float: ...
    @property
    def limits(self) -> Limits: ...


class LoadStats(msgspec.Struct, frozen=True):
    """`changes`: since the start, by reason; `allowed`: cores, None: no bound."""

    kind: str
    rung: str
    index: int
    changes: dict[str, int]
    allowed: float | None


class GovernorStats(msgspec.Struct, frozen=True):
    """`quota` and `used` in cores, None: unknown; the seconds only rise."""

    loads: dict[str, LoadStats]
    quota: float | None
    used: float | None
    throttled_seconds: float
    steal_seconds: float


class Governor:
    """Loop only. `usage(now)` is called once a second, `lag()` tells the loop's worst delay of the last second."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        usage: Callable[[float], Usage],
        lag: Callable[[], float] = lambda: 0.0,
        egress_spare: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._loop, self._log = loop, log
        self._usage, self._lag, self._egress_spare = usage, lag, egress_spare
        self._loads: dict[str, Load] = {}

    def add(self, load: Load) -> None:
        self._loads[load.name] = load

    def remove(self, name: str) -> None:
        """It is lowered and raised no more."""
        self._loads.pop(name, None)
