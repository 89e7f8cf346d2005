"""When there is too little, and what is lowered then. Pure.

Decided from what was got, not from what a limit promises: a load that has worked for a while without having caught up,
and has lost media time by it, is too much. Cost estimates that are wrong by a common factor do not matter here, and a
queue that drains faster than real time is no trouble.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from edge.host.capacity import visible
from edge.host.experience import SETTLE, Failure, Limit, State, ready
from edge.host.load import Change, LoadView, Pressure, Reason

BEHIND = 0.3  # seconds at work without having caught up
LOST, LOST_AFTER = 0.2, 0.06  # media seconds lost by it; soon after a fall, when what was lost should be made up for
STALL, STALLED = 0.2, 0.5  # of real time: it stands still, rather than being held; and seconds until that is believed
STRAIN = 3.0  # seconds at the quota
SERIES, EPISODE = 10.0, 60.0  # seconds after a fall in which each further one, and in which one, is more careful
FILL, CAUTION = 0.85, 0.75  # of what was got, what is used after a fall; and of that after each further fall
HOPELESS = 4  # falls of a series, after which the lowest rung is taken
HALF = 0.5  # of what is needed: less is not believed at the first look, where no limit is known that explains it
FORGET, FORGET_STALL = 600.0, 60.0  # seconds for which a limit that was met is believed in

THROTTLED, STOLEN = 0.25, 0.05  # of periods, of all processor time: explain a lag

Plan = dict[str, int]  # index of the rung by name of the load


def troubled(state: State, loads: Sequence[LoadView], now: float) -> list[LoadView] | None:
    """Running loads that lag; None: no trouble; empty: none lags, but the whole process stands at its quota."""
    lagging = [load for load in loads if load.running and _lags(state, load, now)]
    strained = state.strained is not None and now - state.strained >= STRAIN
    return lagging if lagging or strained else None


def _lags(state: State, load: LoadView, now: float) -> bool:
    memory = state.memories[load.name]
    if load.kind == "job" or not ready(memory, now) or load.speed is None:
        return False
    enough = STALLED if load.speed < STALL else BEHIND
    lost = LOST_AFTER if now - state.fell < SERIES else LOST
    return load.behind >= enough and load.speed < 1.0 and memory.lost >= lost


def lower(
    state: State, loads: Sequence[LoadView], lagging: Sequence[LoadView], pressure: Pressure, now: float
) -> tuple[State, tuple[Change, ...]]:
    """Jobs first, then the channel that costs most, as often as it takes."""
    state = replace(state, trouble=now, room=None)
    running = [load for load in loads if load.running]
    if now - state.fell < SETTLE or any(state.memories[load.name].asked for load in running):
        return state, ()  # what was asked for last is not in force yet, or not measured
    reason = _reason(state, running, lagging, pressure)
    plan = _stop_jobs(state, running)
    if not plan:
        channels = [load for load in running if load.kind == "channel"]
        state = replace(state, falls=_falls_before(state, now))
        plan = _plan(state, channels, _budget(state, channels, lagging, pressure))
        state = _met(state, channels, lagging, plan, pressure, now=now) if plan else state
    changes = tuple(change(state, load, plan[load.name], reason) for load in running if load.name in plan)
    return (replace(under_way(state, changes, now), fell=now), changes) if changes else (state, ())


def position(state: State, load: LoadView) -> int:
    """Index of the rung in force, or of the one under way."""
    asked = state.memories[load.name].asked
    return next((n for n, rung in enumerate(load.rungs) if rung.name == asked), load.rung)


def change(state: State, load: LoadView, to: int, reason: Reason) -> Change:
    return Change(load.name, load.rungs[to].name, load.rungs[position(state, load)].name, reason)


def under_way(state: State, changes: Sequence[Change], now: float) -> State:
    """`state`, in which `changes` have been asked for."""
    new = {c.load: replace(state.memories[c.load], asked=c.rung, asked_at=now, lost=0.0, share=None) for c in changes}
    return replace(state, memories={**state.memories, **new})


def _stop_jobs(state: State, loads: Sequence[LoadView]) -> Plan:
    last = {load.name: len(load.rungs) - 1 for load in loads if load.kind == "job"}
    return {
        load.name: last[load.name] for load in loads if load.name in last and position(state, load) < last[load.name]
    }


def _falls_before(state: State, now: float) -> int:
    if now - state.fell < SERIES:
        return state.falls
    return min(state.falls, 1) if now - state.fell < EPISODE else 0


def _got(load: LoadView) -> float:
    """Cores, in the same measure as the costs."""
    return load.cost * (load.speed or 0.0)


def _total(channels: Sequence[LoadView], lagging: Sequence[LoadView]) -> float:
    """Cores that all got. What does not lag has what it needs."""
    return sum(_got(load) if load in lagging else load.cost for load in channels)


def _budget(state: State, channels: Sequence[LoadView], lagging: Sequence[LoadView], pressure: Pressure) -> float:
    """Cores that the channels shall need at most from now on."""
    needed, promised = sum(load.cost for load in channels), visible(pressure, state.other)
    if not lagging:
        return min(promised, FILL * needed)
    if state.falls >= HOPELESS:
        return 0.0
    total = _total(channels, lagging)
    if state.falls == 0:
        known = promised if state.limit is None else min(promised, state.limit.total)
        total = max(total, known if known < needed else HALF * needed)
    return FILL * CAUTION**state.falls * total


def _plan(state: State, channels: Sequence[LoadView], budget: float) -> Plan:
    """Lowers the dearest until all fit, one rung at least."""
    before = {load.name: position(state, load) for load in channels}
    plan = dict(before)
    while plan == before or sum(_cost(load, plan) for load in channels) > budget:
        lowerable = [load for load in channels if _cheaper(load, plan[load.name]) is not None]
        if not lowerable:
            break
        dearest = max(lowerable, key=lambda load: _cost(load, plan))
        plan[dearest.name] = _cheaper(dearest, plan[dearest.name]) or 0
    return {name: rung for name, rung in plan.items() if rung != before[name]}


def _cost(load: LoadView, plan: Plan) -> float:
    return load.rungs[plan[load.name]].cost


def _cheaper(load: LoadView, above: int) -> int | None:
    """The next rung that costs less; what comes after `copy` may cost more. If none does, one that costs no more."""
    below, cost = range(above + 1, len(load.rungs)), load.rungs[above].cost
    less = next((n for n in below if load.rungs[n].cost < cost), None)
    return less if less is not None else next((n for n in below if load.rungs[n].cost <= cost), None)


def _met(
    state: State,
    channels: Sequence[LoadView],
    lagging: Sequence[LoadView],
    plan: Plan,
    pressure: Pressure,
    *,
    now: float,
) -> State:
    """What was too much, and for what, is remembered."""
    still = state.falls == 0 and bool(lagging) and all((load.speed or 0.0) < STALL for load in lagging)
    brief = still and now - state.stalled >= FORGET
    until = now + (FORGET_STALL if brief else FORGET)
    total, needed = _total(channels, lagging), sum(load.cost for load in channels)
    if state.falls and state.limit is not None and state.fell > now - SERIES:
        total = max(total, state.limit.total)  # the first of a series was measured best: on a rung whose cost is known
    known = 1.0 if now - state.believed < FORGET else None
    memories = dict(state.memories)
    for load in channels:
        if load.name in plan:
            rung = load.rungs[position(state, load)].name
            failure = Failure(rung, max(total - needed + load.cost, 0.0), until)
            memories[load.name] = replace(memories[load.name], failure=failure)
    return replace(
        state,
        memories=memories,
        falls=state.falls + 1,
        stalled=now if still else state.stalled,
        limit=Limit(total, now, until, pressure.bound, visible(pressure, state.other), share=known, brief=brief),
    )


def _reason(state: State, loads: Sequence[LoadView], lagging: Sequence[LoadView], pressure: Pressure) -> Reason:
    """What explains it best."""
    if not lagging:
        return "throttled"
    if pressure.bound < float("inf") and sum(load.cost for load in loads) > visible(pressure, state.other):
        return "quota"
    if pressure.throttled >= THROTTLED:
        return "throttled"
    return "steal" if pressure.steal is not None and pressure.steal >= STOLEN else "lag"
