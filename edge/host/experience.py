"""What the governor remembers from one sample to the next, and how it learns it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import msgspec
from msgspec.structs import replace

from edge.host.capacity import visible
from edge.host.load import LoadView, Pressure

GRACE = 1.5  # seconds of a load that has begun, from which nothing is concluded
AWAY = 5.0  # seconds away, after which it begins anew
TAKEN = 3.0  # seconds until a rung that was asked for is in force, or is not what the stream permits
SETTLE = 1.0  # seconds until a change can be measured
STRAINED, FULL = 0.5, 0.95  # of the periods throttled, and of the quota used: the whole process stands at its limit
GROWN = 1.1  # times what there was: not the same any more
OVER = 60.0  # seconds after which less than a visible quota is not believed in any more, once in ten minutes
BELIEF = 600.0  # seconds
KNOWN = 20.0  # seconds for which a thread has had its share of a core, before that is taken as usual
CAUGHT = 0.2  # seconds at work, up to which a thread has caught up: it is only at work just now
QUIET = 1.5  # seconds of having caught up, from which on a rate of the last second is not of the trouble before
ALONE, SHARED = 0.9, 0.7  # shares of a core: with nobody else, with somebody
SAME = 2.5  # seconds after which two rates, each of a last second of its own, are of the same state
SMOOTH = 5.0  # seconds

NEVER = float("-inf")


class Failure(msgspec.Struct, frozen=True):
    """`rung` was too much when `left` cores were left for it."""

    rung: str
    left: float
    until: float


class Limit(msgspec.Struct, frozen=True):
    """All loads together got `total` cores, where `visible` were promised under a quota of `bound`. `share`: what a
    thread at work got of its core when the trouble was over, None: not known yet; `alone`: it has all of it, since.
    After `until` it may be tried; a `brief` one is over then."""

    total: float
    at: float
    until: float
    bound: float
    visible: float
    share: float | None = None
    alone: float | None = None
    brief: bool = False

    def stands(self, now: float) -> bool:
        return now < self.until


class Memory(msgspec.Struct, frozen=True):
    """Of one load. `rung`: in force, since `changed`; `since`: it brings media; `last`: it did; `lost`: media seconds,
    since it last had caught up; `quiet`: it has caught up, or has not, since `turned`; `share`: of a core, of late,
    when quiet; `asked`: the rung that is under way."""

    rung: str | None = None
    changed: float = NEVER
    since: float | None = None
    last: float = NEVER
    lost: float = 0.0
    quiet: bool = True
    turned: float = NEVER
    share: float | None = None
    asked: str | None = None
    asked_at: float = NEVER
    failure: Failure | None = None


class State(msgspec.Struct, frozen=True):
    """Of all. Times are monotonic seconds."""

    at: float | None = None
    memories: dict[str, Memory] = {}
    other: float = 0.0  # cores that the process uses beside its loads
    bound: float = 0.0  # the quota
    shaken: float = NEVER  # the quota changed
    news: float = NEVER  # there is more than there was
    trouble: float = NEVER
    strained: float | None = None  # the process stands at its quota, since
    fell: float = NEVER
    falls: int = 0  # soon after each other
    stalled: float = NEVER  # fell because nothing moved at all
    believed: float = NEVER  # that neighbours are gone
    rose: float = NEVER
    room: float | None = None  # for a better rung, since
    limit: Limit | None = None


NEW = Memory()


def learn(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> State:
    """`state` with what this sample tells. Loads that are gone are forgotten."""
    step = max(now - state.at, 0.0) if state.at is not None else 0.0
    measured = now - state.fell >= SETTLE
    memories = {load.name: _of_load(state.memories.get(load.name, NEW), load, now, step, measured) for load in loads}
    shaken = now if pressure.bound != state.bound else state.shaken
    news = now if pressure.bound > GROWN * state.bound else state.news
    settled = all(_settled(memories[load.name], now) for load in loads if load.running) and now - shaken >= SAME
    state = replace(
        state,
        at=now,
        memories=memories,
        bound=pressure.bound,
        shaken=shaken,
        news=news,
        other=_other(state.other, loads, pressure, step) if settled else state.other,
        strained=(state.strained if state.strained is not None else now) if _strained(loads, pressure) else None,
    )
    return _believe(state, loads, pressure, now)


def ready(memory: Memory, now: float) -> bool:
    """Whether it is past its beginning: libraries imported, codecs open, the first measure taken."""
    return memory.since is not None and now - memory.since >= GRACE


def _settled(memory: Memory, now: float) -> bool:
    """Whether nothing has changed for a while."""
    return ready(memory, now) and now - max(memory.turned, memory.changed, memory.asked_at) >= SAME


def _of_load(memory: Memory, load: LoadView, now: float, step: float, measured: bool) -> Memory:
    if not load.running:
        return replace(memory, lost=0.0, since=None if now - memory.last >= AWAY else memory.since)
    quiet = load.behind <= CAUGHT
    turned = memory.turned if quiet == memory.quiet else now
    since, rung = memory.since if memory.since is not None else now, load.rungs[load.rung].name
    changed = now if rung != memory.rung and memory.rung is not None else memory.changed
    measured = measured and now - changed >= SETTLE and now - since >= GRACE
    return replace(
        memory,
        rung=rung,
        changed=changed,
        since=since,
        last=now,
        lost=_lost(memory.lost, load, step) if measured else 0.0,
        quiet=quiet,
        turned=turned,
        share=_share(memory.share, load, step) if quiet and now - turned >= QUIET else memory.share,
        asked=memory.asked if memory.asked != rung and now - memory.asked_at < TAKEN else None,
    )


def _lost(lost: float, load: LoadView, step: float) -> float:
    """Adds up what is missing to real time and takes off what is gained: noise about 1 stays near 0."""
    if load.behind < step or load.behind <= 0.0:  # it had caught up since the last sample
        return 0.0
    if load.speed is None:
        return lost
    return max(lost + (1.0 - load.speed) * step, 0.0)


def _share(known: float | None, load: LoadView, step: float) -> float | None:
    if load.share is None:
        return known
    return load.share if known is None else _smooth(known, load.share, step)


def _smooth(known: float, new: float, step: float) -> float:
    return known + (new - known) * (1.0 - exp(-step / SMOOTH))


def _other(known: float, loads: Sequence[LoadView], pressure: Pressure, step: float) -> float:
    of_loads = sum(load.cost if load.used is None else load.used for load in loads if load.running)
    return _smooth(known, max(pressure.used - of_loads, 0.0), step)


def _strained(loads: Sequence[LoadView], pressure: Pressure) -> bool:
    """A load that catches up may use all there is for a while."""
    full = pressure.throttled >= STRAINED and pressure.used >= FULL * pressure.bound
    return full and not any(load.running and load.behind > 0.0 and (load.speed or 0.0) > 1.0 for load in loads)


def _believe(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> State:
    """Keeps the limit, as long as nothing tells that it is another one now."""
    if state.limit is None:
        return state
    limit = _tightened(state.limit, visible(pressure, state.other), pressure)
    state = replace(state, limit=limit)
    if _grown(limit, visible(pressure, state.other), pressure) or (limit.brief and not limit.stands(now)):
        return replace(state, limit=None, news=now)
    share = usual_share(state.memories, loads)
    if _passed(state, limit, share, now):
        return replace(state, limit=None, believed=now)
    if limit.share is None:
        return replace(state, limit=replace(limit, share=share)) if now - limit.at >= KNOWN else state
    return _neighbours(state, limit, share, now)


def _passed(state: State, limit: Limit, share: float | None, now: float) -> bool:
    """Less was got than a visible quota leaves, and nobody else is on the core: it was a moment, such as a start, when
    libraries are imported, or a first scrape."""
    less = limit.bound < float("inf") and limit.total < SHARED * limit.visible
    calm = now - max(limit.at, state.trouble) >= OVER and (share or 0.0) >= ALONE
    return less and calm and now - state.believed >= BELIEF


def _neighbours(state: State, limit: Limit, share: float | None, now: float) -> State:
    """Others that took their part of the core are gone, if it lasts. Believed once: where it was a mistake, it is one
    again the next time."""
    if limit.share is None or limit.share > SHARED or share is None or share < ALONE:
        return replace(state, limit=replace(limit, alone=None))
    if limit.alone is None:
        return replace(state, limit=replace(limit, alone=now))
    return replace(state, limit=None, believed=now, news=now) if now - limit.alone >= KNOWN else state


def _tightened(limit: Limit, promised: float, pressure: Pressure) -> Limit:
    """What was met is often seen only in the next sample of the limits."""
    return replace(limit, bound=pressure.bound, visible=promised) if pressure.bound < limit.bound else limit


def _grown(limit: Limit, promised: float, pressure: Pressure) -> bool:
    """More visible room is no news where less was got than was promised: then something else was the limit."""
    was_visible = limit.total >= SHARED * limit.visible
    return pressure.bound > GROWN * limit.bound or (was_visible and promised > GROWN * limit.visible)


def usual_share(memories: Mapping[str, Memory], loads: Sequence[LoadView]) -> float | None:
    """The least that a running load's thread gets of its core at work."""
    shares = [memories[load.name].share for load in loads if load.running]
    return min((share for share in shares if share is not None), default=None)
