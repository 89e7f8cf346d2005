"""What is let go when memory is short, and in which order. Pure; time is an argument.

```
  none → refuse → buffers → idle → rings → jobs      a step a second while it is too much, six after idle
  none ← refuse ← buffers ← idle ← rings ← jobs      a step back after ten seconds of ease
```
"""

from __future__ import annotations

import msgspec

REFUSE, BUFFERS, IDLE, RINGS, JOBS = range(1, 6)
STEPS = ("none", "refuse", "buffers", "idle", "rings", "jobs")  # words for people; see Shedding for what each does
EASE = 0.9  # of each limit: below all of them it is calm
HOLD = 1.0  # seconds that a step is given to help
HOLD_IDLE = 6.0  # who stops taking is not idle at once, and rings are what everybody lives on
CALM = 10.0


class Measure(msgspec.Struct, frozen=True):
    """One figure and its limit, in bytes. None: not known, and no reason for anything."""

    name: str
    used: int | None
    limit: int | None

    @property
    def share(self) -> float:
        """Used of the limit, 1: all of it. A limit of 0 is over as soon as anything is used."""
        if self.used is None or self.limit is None:
            return 0.0
        return self.used / self.limit if self.limit else float(self.used > 0) * 2

    @property
    def excess(self) -> int:
        """Bytes to let go until it is calm; 0 as long as it is not over the limit."""
        if self.used is None or self.limit is None or self.used <= self.limit:
            return 0
        return self.used - int(EASE * self.limit)


class State(msgspec.Struct, frozen=True):
    """`since` when it stands at `step`, `calm` since when there was ease; monotonic seconds."""

    step: int = 0
    since: float = float("-inf")
    calm: float | None = None


def worst(measures: tuple[Measure, ...]) -> Measure:
    """Of at least one."""
    return max(measures, key=lambda measure: measure.share)


def _hold(step: int) -> float:
    return HOLD_IDLE if step == IDLE else HOLD if step else 0.0


def shed(state: State, measures: tuple[Measure, ...], now: float) -> State:
    """What is accounted for, the process's anonymous memory and what its cgroup is charged count alike: the one nearest
    to its limit, or furthest over it, decides."""
    share = worst(measures).share
    if share > 1:
        if state.step < JOBS and now - state.since >= _hold(state.step):
            return State(state.step + 1, now)
        return State(state.step, state.since)
    if share >= EASE or not state.step:
        return State(state.step, state.since)
    calm = now if state.calm is None else state.calm
    if now - calm < CALM:
        return State(state.step, state.since, calm)
    return State(state.step - 1, now, now if state.step > 1 else None)
