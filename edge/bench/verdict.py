"""What the measurements mean. Pure: cheaper work never gives a worse verdict."""

from __future__ import annotations

import msgspec

from edge.bench.facts import Facts
from edge.bench.hitwords import saturated
from edge.bench.model import Hits, Together, Verdict
from edge.bench.sentences import LINE, sentences
from edge.bench.words import percent
from edge.host.capacity import PACE

CORE = 0.95  # of a core: a channel's work is one thread, and it needs some air
GOT = 0.9  # of what was promised, asked for flat out; less: something takes the rest, be it a quota that nobody tells
LOOP = 0.7  # of a core: the loop serves all viewers, and takes all hits, in one thread
SLACK, SLOP = 0.03, 0.3  # of real time, and seconds of a run, by which a run may miss it and counts as held
MEMORY = 0.8  # of what is left, for viewers
LEAST_VIEWER = 4096  # bytes of memory: a viewer costs something even where it was too little to be seen
LIVE = (
    1.2  # times the flat-out cost is what real time costs, where it was not measured: caches are cold at each wake-up
)
FACTOR = (1.0, 3.0)  # bounds of what is believed of that


def judge(facts: Facts) -> Verdict:
    """The verdict and its sentences."""
    capacity, by = capacity_of(facts)
    factor = live_factor(facts)
    index = next((n for n, r in enumerate(facts.rungs) if r.cost.value * factor <= capacity), None)
    need = facts.rungs[index].cost.value * factor if index is not None else None
    spare = 1 - need / capacity if need is not None and capacity > 0 else None
    left = memory_left(facts)
    bounds = viewer_bounds(facts, need, left)
    kind = min(bounds, key=lambda word: bounds[word], default="")
    verdict = Verdict(
        holds=index is not None and kept_up(facts.together) if facts.rendition else bool(saturated_alone(facts.hits)),
        rung=facts.rungs[index].name if index is not None else None,
        index=index, spare=spare, capacity=capacity, capacity_by=by, memory_left=left,
        viewers=bounds.get(kind), viewers_by=kind, viewer_bounds=bounds, sentences=(), hits=hits_a_second(facts, need),
    )  # fmt: skip
    return msgspec.structs.replace(verdict, sentences=tuple(sentences(facts, verdict, factor)))


def kept_up(together: Together | None) -> bool:
    """Whether the worker made real time, as far as its run was long enough to tell; also when there was none."""
    return together is None or together.speed >= 1 - max(SLACK, SLOP / together.seconds)


def capacity_of(facts: Facts) -> tuple[float, str]:
    """Cores that one channel may use, and what bounds them."""
    allowed = facts.allowed
    stolen = 1 - (allowed.steal or 0.0)
    found = [(CORE * stolen, "one core, as a channel works in one thread")]
    if allowed.quota is not None:
        found.append(
            (allowed.quota * PACE, f"{percent(PACE)} of the quota of {allowed.quota:.3g} cores ({allowed.quota_by})")
        )
    shares = [r.share for r in facts.rungs if r.share is not None]
    got = max(shares, default=1.0)
    if got < GOT * min(1.0, allowed.quota or 1.0):
        found.append((got * PACE, f"{percent(PACE)} of the {percent(got)} of a core that a busy process really got"))
    return min(found)


def live_factor(facts: Facts) -> float:
    """What real time costs against flat out: the whole worker on the rung that it rested on."""
    together = facts.together
    if together is None or not together.rungs or not kept_up(together):
        return LIVE
    name = together.rungs[-1]
    flat = next((r.cost.value for r in facts.rungs if r.name == name and r.measured), 0.0)
    return min(FACTOR[1], max(FACTOR[0], together.cost / flat)) if flat else LIVE


def hits_a_second(facts: Facts, need: float | None) -> int | None:
    """How many: what came through, and not more than the processor time beside the channel is for. None: not known."""
    found = facts.hits
    if found is None or (facts.rendition is not None and (need is None or found.beside is None)):
        return None
    came = saturated(found.beside.sent) if found.beside else saturated_alone(found)
    each = min((sent.cost.value for sent in found.alone.sent if sent.cost), default=0.0) if found.alone else 0.0
    bounds = [came] if came else []
    if each > 0:
        bounds.append(max(0.0, min(_processor(facts) - (need or 0.0), LOOP)) / each)
    return int(min(bounds)) if came else None


def saturated_alone(found: Hits | None) -> float:
    return saturated(found.alone.sent) if found and found.alone else 0.0


def _processor(facts: Facts) -> float:
    """Cores that a worker may use in all its threads."""
    allowed = facts.allowed
    return min(CORE * allowed.cores, PACE * allowed.quota if allowed.quota is not None else float("inf"))


def memory_left(facts: Facts) -> int | None:
    """Bytes that a running worker leaves; its files' pages can be dropped and read again, so they do not count."""
    used = facts.together.anonymous if facts.together else max((r.anonymous or 0 for r in facts.rungs), default=0)
    if facts.rendition is None and facts.hits and facts.hits.alone:
        used = facts.hits.alone.anonymous
    return facts.allowed.memory - used if facts.allowed.memory is not None and used else None


def viewer_bounds(facts: Facts, need: float | None, left: int | None) -> dict[str, int]:
    """How many viewers each bound permits, by its name."""
    fanout, bounds = facts.fanout, {"connections": facts.connections}
    if facts.rendition is None:
        return {}
    rate = fanout.rate if fanout else facts.rendition.video_rate + facts.rendition.audio_rate
    if facts.line and rate:
        bounds["line"] = int(facts.line * LINE / rate)
    if fanout and fanout.processor.value > 0 and need is not None:
        total = _processor(facts)
        bounds["processor"] = int(min(total - need, LOOP) / fanout.processor.value) if total > need else 0
    if fanout and left is not None:
        each = max(LEAST_VIEWER, (fanout.anonymous or 0) + (fanout.kernel or 0))
        bounds["memory"] = max(0, int(left * MEMORY / each))
    return bounds if fanout or "line" in bounds else {}
