"""A verdict in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.bench import hitwords
from edge.bench.facts import Facts
from edge.bench.model import Lag, Rendition, Verdict
from edge.bench.words import about, count, percent, picture
from edge.units import show_bytes, show_rate

LINE = 0.95  # of the line, for what is sent: TCP/IP and HTTP take the rest
STEAL = 0.01  # of the processor time, from which it is told


def sentences(facts: Facts, verdict: Verdict, factor: float) -> Iterator[str]:
    """`factor`: what real time costs against the rungs' flat-out figures."""
    if facts.rendition is not None:
        yield _main(facts, facts.rendition, verdict, factor)
        yield from _together(facts, verdict)
        yield from _viewers(facts, facts.rendition, verdict)
    if facts.hits is not None:
        yield from hitwords.sentences(facts.hits, verdict.hits)
    if verdict.memory_left is not None:
        yield _memory(facts, verdict.memory_left)
    yield from _lags(facts.lags)
    if facts.allowed.steal is not None and facts.allowed.steal >= STEAL:
        yield f"The hypervisor gave {percent(facts.allowed.steal)} of the processor time to others (steal) meanwhile."


def _main(facts: Facts, rendition: Rendition, verdict: Verdict, factor: float) -> str:
    what, stream = picture(rendition), facts.stream
    if stream and stream.width:
        what += f" from {stream.width}x{stream.height} at {stream.fps:g}"
    if not facts.rungs:
        return f"Whether this host holds {what} is not known: no rung could be measured."
    needs = [_core(rung.cost.value * factor) for rung in facts.rungs]
    may = f"{_core(verdict.capacity or 0.0)} ({verdict.capacity_by})"
    if verdict.index is None:
        return (
            f"This host does not hold {what}: even the lowest rung, {facts.rungs[-1].name}, needs {needs[-1]}, and the "
            f"channel may use {may}."
        )
    room = f"with {percent(verdict.spare or 0.0)} to spare: it needs {needs[verdict.index]} and may use {may}"
    if verdict.index == 0:
        return f"{_holds(verdict)} {what} {room}. The ladder rests on its top rung, {verdict.rung}."
    return (
        f"This host does not hold {what} in full, which needs {needs[0]}. The ladder would rest on rung "
        f"{verdict.index + 1} of {len(facts.rungs)}, {verdict.rung}, {room}."
    )


def _holds(verdict: Verdict) -> str:
    return "This host holds" if verdict.holds else "By what its parts cost this host would hold"


def _core(cores: float) -> str:
    return f"{cores * 100:.3g} % of a core"


def _together(facts: Facts, verdict: Verdict) -> Iterator[str]:
    found = facts.together
    if found is None:
        return
    rungs = f" on {', then '.join(found.rungs)}" if found.rungs else ""
    watched = f"with {count(found.viewers, 'viewer')} in {found.seconds:.0f} s"
    if verdict.holds or verdict.index is None:
        yield f"All together, {watched}, it made {percent(found.speed)} of real time{rungs}."
    else:
        made = f"it made only {percent(found.speed)} of real time{rungs}"
        yield f"But all together, {watched}, {made}: do not count on it."


def _viewers(facts: Facts, rendition: Rendition, verdict: Verdict) -> Iterator[str]:
    rate = facts.fanout.rate if facts.fanout else float(rendition.video_rate + rendition.audio_rate)
    others = ", ".join(f"{word} {about(n)}" for word, n in verdict.viewer_bounds.items() if word != verdict.viewers_by)
    if verdict.viewers is not None and rate:
        on = f" on {show_rate(facts.line)}" if facts.line else ""
        more = f"; the other bounds: {others}" if others else ""
        them = "1 viewer" if verdict.viewers == 1 else f"{about(verdict.viewers)} viewers"
        where = f"at {show_rate(rate)}{on}"
        yield f"About {them} {where} (bound by {verdict.viewers_by}{more})."
    if not facts.line and rate:
        each = count(int(10e6 * LINE / rate), "viewer")
        yield f"How wide its line is was not said (--line 10M says it): each 10 Mb/s carry about {each}."


def _memory(facts: Facts, left: int) -> str:
    of = f"{show_bytes(facts.allowed.memory or 0)} ({facts.allowed.memory_by})"
    if left < 0:
        return f"Memory does not suffice: of {of}, {show_bytes(-left)} are missing."
    return f"Of {of} the worker leaves {show_bytes(left)}; pages of its files, which can be read again, not counted."


def _lags(lags: Sequence[Lag]) -> Iterator[str]:
    worst = max(lags, key=lambda lag: lag.p99, default=None)
    if worst:
        p99, longest = worst.p99 * 1000, worst.max * 1000
        yield (
            f"The event loop was late by {p99:.1f} ms (99th percentile) and {longest:.1f} ms at most in the worst case "
            f"measured (transcoding {worst.name})."
        )
