"""The governor at work in the loop: looks at every load four times a second, applies what is decided and says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec

from edge.clock import Clock, SystemClock
from edge.host.capacity import paces
from edge.host.governor import Change, LoadView, Pressure, Reason, State, decide
from edge.log import Log

EVERY = 0.25  # seconds between looks
USAGE = 1.0  # seconds between samples of the limits: a few small files
# Seconds: a loop so late may mean that the process stands at its quota; and after how long the limits are read then
LATE, SOONER = 0.1, 0.5
SAME = 0.03  # of a pace: less is not worth telling the thread


class Load(Protocol):
    """What can be lowered. Called on the loop; none of these may block."""

    @property
    def name(self) -> str: ...

    def view(self, now: float) -> LoadView: ...

    def apply(self, rung: str, reason: Reason) -> None:
        """Works on that rung as soon as it can. Once `view` tells it as the one in force, it is measured."""

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
    """`quota` and `used` in cores, None: unknown; the seconds only rise. `failed`: views and changes that raised."""

    loads: dict[str, LoadStats]
    quota: float | None
    used: float | None
    throttled_seconds: float
    steal_seconds: float
    failed: int


class _Entry:
    """A load and what stands about it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.changes: Counter[str] = Counter()
        self.view: LoadView | None = None
        self.allowed: float | None = None
        self.said: str | None = None  # the trouble that stands in the log


class Governor:
    """Loop only. `usage(now)` is called once a second and may read small files of /proc and cgroups; `lag()` tells the
    loop's worst delay of the last second."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: Log,
        usage: Callable[[float], Usage],
        *,
        lag: Callable[[], float] = lambda: 0.0,
        clock: Clock | None = None,
    ) -> None:
        self._loop, self._log, self._clock = loop, log, clock or SystemClock()
        self._usage, self._lag = usage, lag
        self._entries: dict[str, _Entry] = {}
        self._state = State()
        self._pressure = Pressure(cores=1)
        self._sample: Usage | None = None
        self._sampled = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._said: str | None = None
        self._failed = 0

    # -- life

    def add(self, load: Load) -> None:
        """It is looked at from now on; one of the same name is replaced."""
        self._entries[load.name] = _Entry(load)

    def remove(self, name: str) -> None:
        """It is lowered and raised no more."""
        self._entries.pop(name, None)

    def start(self) -> None:
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Rungs and paces stay as they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._loop.call_later(EVERY, self._tick)

    def _tick(self) -> None:
        self._arm()  # first: whatever happens, there is a next time
        self.look(self._clock.monotonic())

    # -- one look

    def look(self, now: float) -> None:
        """All that is due four times a second; `start` calls it."""
        every = SOONER if self._lag() >= LATE else USAGE
        if now - self._sampled >= every or now < self._sampled:
            self._take_sample(now)
        for entry in self._entries.values():
            self._view(entry, now)
        views = [entry.view for entry in self._entries.values() if entry.view is not None]
        self._state, changes = decide(self._state, views, self._pressure, now)
        for change in changes:
            self._apply(change)
        for name, cores in paces(views, self._pressure, self._state.other).items():
            self._allow(self._entries[name], cores)

    def _take_sample(self, now: float) -> None:
        self._sampled = now
        try:
            self._sample = sample = self._usage(now)
        except Exception as error:  # noqa: BLE001 - the loads are measured all the same
            self._failed += 1
            self._said = self._say(self._said, error, what="usage")
            return
        self._said = None
        self._pressure = Pressure(
            cores=sample.limits.cores,
            quota=sample.limits.quota,
            used=sample.cores or 0.0,
            throttled=sample.throttled or 0.0,
            steal=sample.steal,
            loop_lag=self._lag(),
        )

    def _view(self, entry: _Entry, now: float) -> None:
        entry.view = None
        try:
            entry.view = entry.load.view(now)
        except Exception as error:  # noqa: BLE001 - the others go on, and this one at the next look
            self._fail(entry, error, "view")
        else:
            entry.said = None if entry.said is None or entry.said.startswith("view") else entry.said

    def _apply(self, change: Change) -> None:
        entry = self._entries[change.load]
        entry.changes[change.reason] += 1
        self._tell(entry, change)
        try:
            entry.load.apply(change.rung, change.reason)
        except Exception as error:  # noqa: BLE001 - likewise: it is decided again
            self._fail(entry, error, "apply")

    def _allow(self, entry: _Entry, cores: float | None) -> None:
        was = entry.allowed
        if cores == was or (cores is not None and was is not None and abs(cores - was) <= SAME * was):
            return
        entry.allowed = cores
        try:
            entry.load.allow(cores)
        except Exception as error:  # noqa: BLE001 - likewise
            self._fail(entry, error, "allow")

    # -- what is told

    def _tell(self, entry: _Entry, change: Change) -> None:
        """One line a change, with what it was decided from."""
        view, pressure = entry.view, self._pressure
        if view is None:
            return
        fields: dict[str, object] = {
            view.kind: change.load, "was": change.was, "now": change.rung, "reason": change.reason,
            "cost": view.cost, "behind": view.behind, "speed": view.speed, "share": view.share,
            "quota": pressure.quota, "used": pressure.used, "throttled": pressure.throttled, "steal": pressure.steal,
        }  # fmt: skip
        say = self._log.info if change.reason == "room" else self._log.warning
        say("rung", **{name: value for name, value in fields.items() if value is not None})

    def _fail(self, entry: _Entry, error: Exception, what: str) -> None:
        self._failed += 1
        entry.said = self._say(entry.said, error, what=what, load=entry.load.name)

    def _say(self, said: str | None, error: Exception, **fields: str) -> str:
        why = f"{type(error).__name__}: {error}"
        words = f"{fields['what']} {why}"
        if words != said:
            self._log.error("governor_failed", **fields, why=why)
        return words

    def stats(self) -> GovernorStats:
        sample = self._sample
        return GovernorStats(
            {
                name: _stats(entry, entry.view)
                for name, entry in self._entries.items()
                if entry.view and entry.view.rungs
            },
            self._pressure.quota,
            sample.cores if sample else None,
            sample.throttled_seconds if sample else 0.0,
            sample.steal_seconds if sample else 0.0,
            self._failed,
        )


def _stats(entry: _Entry, view: LoadView) -> LoadStats:
    index = min(max(view.rung, 0), len(view.rungs) - 1)
    return LoadStats(view.kind, view.rungs[index].name, index, dict(entry.changes), entry.allowed)
