"""When there is room again, and what is raised then. Pure.

Decided from what is known: the limits that are told, what was got when it was last too much (a limit that nobody tells
is met again otherwise), and what the rungs cost. What failed is left alone while nothing has changed, so that a
constant load does not go up and down.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from edge.host.capacity import core, visible
from edge.host.experience import GROWN, Memory, State, ready, usual_share
from edge.host.load import Change, LoadView, Pressure, Rung
from edge.host.lowering import BEHIND, Plan, change, position, under_way

CALM = 20.0  # seconds without trouble
ROOMY = 5.0  # seconds for which there has been room
STEADY = 60.0  # seconds after a change, where nothing new speaks for another
ROOM = 0.8  # of the capacity, what is used after a rise
UNSEEN = 2.0  # times its guess that a rung may cost which was never tried
MOST = 64  # steps that one rise of one load may take
LAG = 0.5  # seconds of the loop: not a moment to add work


def rise(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> tuple[State, tuple[Change, ...]]:
    """The worst off first; jobs when all channels are on their top rungs."""
    running = [load for load in loads if load.running]
    plan = _plan(state, running, pressure, now) if _calm(state, running, pressure, now) else {}
    if not plan:
        return replace(state, room=None), ()
    since = state.room if state.room is not None else now
    if now - since < ROOMY:
        return replace(state, room=since), ()
    changes = tuple(change(state, load, plan[load.name], "room") for load in running if load.name in plan)
    return replace(under_way(state, changes, now), rose=now, room=None), changes


def _calm(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> bool:
    """Nothing catches up, begins, or has changed lately."""
    if pressure.loop_lag >= LAG or any(
        load.behind >= BEHIND or not _settled(state.memories[load.name], now) for load in loads
    ):
        return False
    known = state.limit is not None or state.rose > max(state.fell, state.news)
    wait = STEADY if known else CALM
    return now - state.trouble >= CALM and now - max(state.fell, state.rose) >= wait


def _settled(memory: Memory, now: float) -> bool:
    return ready(memory, now) and memory.asked is None


def _plan(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> Plan:
    before = {load.name: position(state, load) for load in loads}
    rising = _Rising(state, loads, dict(before), _capacity(state, loads, pressure, now), now)
    channels = [load for load in loads if load.kind == "channel"]
    rising.raise_all(channels)
    if all(rising.plan[load.name] == 0 for load in channels):
        rising.raise_all([load for load in loads if load.kind == "job"])
    return {name: rung for name, rung in rising.plan.items() if rung != before[name]}


def _capacity(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> float:
    """Cores for all loads together, as far as is known."""
    shared = core(usual_share(state.memories, loads)) * max(pressure.cores, 1)
    met = state.limit.total if state.limit is not None and state.limit.stands(now) else float("inf")
    return min(visible(pressure, state.other), shared, met)


class _Rising(msgspec.Struct, frozen=True):
    """Puts into `plan` what fits into `capacity`."""

    state: State
    loads: Sequence[LoadView]
    plan: Plan
    capacity: float
    now: float

    def raise_all(self, loads: Sequence[LoadView]) -> None:
        """The worst off first, as often as there is room. Where a limit was met and nothing tells that it is gone, but
        time, it is tried one step at a time: to meet it again costs little then."""
        limit = self.state.limit
        tries = 1 if limit is not None and not limit.stands(self.now) else len(loads) * MOST
        while tries and any(self._raise(load) for load in sorted(loads, key=lambda load: -self.plan[load.name])):
            tries -= 1

    def _raise(self, load: LoadView) -> bool:
        """To the next better rung that fits. It need not be the very next: what comes after `copy` may cost more."""
        left = self.capacity - sum(self._cost(other) for other in self.loads if other is not load)
        memory = self.state.memories[load.name]
        room = min(left - (1.0 - ROOM) * self.capacity, ROOM * core(memory.share))
        best = _barred(memory, load, left, self.now)
        better = range(self.plan[load.name] - 1, best - 1, -1)
        found = next((n for n in better if self._price(load.rungs[n]) <= room), None)
        if found is not None:
            self.plan[load.name] = found
        return found is not None

    def _price(self, rung: Rung) -> float:
        """Where a limit was met and stands, a guess is not trusted: it might be met again."""
        limit = self.state.limit
        doubt = UNSEEN if limit is not None and limit.stands(self.now) and not rung.seen else 1.0
        return rung.cost * doubt

    def _cost(self, load: LoadView) -> float:
        return load.rungs[self.plan[load.name]].cost


def _barred(memory: Memory, load: LoadView, left: float, now: float) -> int:
    """The best index that is not known to be too much."""
    failure = memory.failure
    if failure is None or now >= failure.until or left >= GROWN * failure.left:
        return 0
    return next((n + 1 for n, rung in enumerate(load.rungs) if rung.name == failure.rung), 0)
