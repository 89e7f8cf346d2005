"""The verdict: monotone in what it is made of, and in words that say what the figures say."""

from __future__ import annotations

from unittest.mock import ANY

import msgspec
import pytest
from benching import ALLOWED, FANOUT, LAGS, RUNGS, TOGETHER, facts
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.facts import Facts
from edge.bench.model import Figure, RungCost, Together, Verdict
from edge.bench.verdict import capacity_of, judge, kept_up, live_factor, memory_left, viewer_bounds

costs = st.floats(0.0005, 5.0)
some_rungs = st.lists(costs, max_size=8).map(
    lambda found: tuple(RungCost(f"r{n}", measured=True, cost=Figure(c), share=1.0) for n, c in enumerate(found))
)
quotas = st.none() | st.floats(0.01, 4.0)


@st.composite
def some_facts(draw: st.DrawFn) -> Facts:
    rungs = draw(some_rungs)
    together = None
    if rungs and draw(st.booleans()):
        on = draw(st.sampled_from([r.name for r in rungs]))
        together = msgspec.structs.replace(TOGETHER, cost=draw(costs), rungs=(on,), speed=draw(st.floats(0.1, 1.1)))
    allowed = msgspec.structs.replace(ALLOWED, quota=draw(quotas), quota_by="q", steal=draw(st.floats(0, 0.9)))
    return facts(rungs=rungs, together=together, allowed=allowed, line=draw(st.none() | st.integers(1, 10**9)))


def cheaper(found: Facts, factor: float) -> Facts:
    """The same host with a faster processor."""
    rungs = tuple(msgspec.structs.replace(r, cost=Figure(r.cost.value * factor, None, None)) for r in found.rungs)
    together = found.together and msgspec.structs.replace(found.together, cost=found.together.cost * factor)
    fanout = found.fanout and msgspec.structs.replace(
        found.fanout, processor=Figure(found.fanout.processor.value * factor)
    )
    return msgspec.structs.replace(found, rungs=rungs, together=together, fanout=fanout)


def place(verdict: Verdict, rungs: int) -> int:
    return rungs if verdict.index is None else verdict.index


@given(some_facts(), st.floats(0.01, 1.0))
def test_a_faster_processor_never_gives_a_worse_verdict(found: Facts, factor: float) -> None:
    before, after = judge(found), judge(cheaper(found, factor))
    assert place(after, len(found.rungs)) <= place(before, len(found.rungs))
    assert after.holds >= before.holds
    if after.index is not None and after.index == before.index:
        assert after.spare >= before.spare - 1e-9
        assert after.viewers >= before.viewers


@given(some_facts(), st.floats(1.0, 10.0))
def test_a_larger_quota_or_line_never_gives_a_worse_verdict(found: Facts, factor: float) -> None:
    allowed = msgspec.structs.replace(found.allowed, quota=found.allowed.quota and found.allowed.quota * factor)
    more = msgspec.structs.replace(found, allowed=allowed, line=found.line and int(found.line * factor))
    before, after = judge(found), judge(more)
    assert place(after, len(found.rungs)) <= place(before, len(found.rungs))
    assert after.capacity >= before.capacity


@given(some_facts())
def test_a_verdict_is_consistent(found: Facts) -> None:
    verdict = judge(found)
    assert verdict.sentences
    assert (verdict.rung is None) == (verdict.index is None) == (verdict.spare is None)
    assert not verdict.holds or verdict.index is not None
    if verdict.spare is not None:
        assert 0 <= verdict.spare <= 1
        assert found.rungs[verdict.index].name == verdict.rung
    if verdict.viewers is not None:
        assert verdict.viewers == min(verdict.viewer_bounds.values()) >= 0


def test_what_it_says_of_a_host_with_room() -> None:
    verdict = judge(facts())
    assert (verdict.holds, verdict.rung, verdict.index) == (True, "full", 0)
    assert verdict.sentences[0] == (
        "This host holds 352x240 at 15 frames/s from 960x540 at 50 with 94 % to spare: it needs 6 % of a core and may "
        "use 95 % of a core (one core, as a channel works in one thread). The ladder rests on its top rung, full."
    )
    assert "All together, with 3 viewers in 20 s, it made 100 % of real time on full." in verdict.sentences
    assert any(s.startswith("About 26 viewers at 352 kb/s on 10 Mb/s (bound by line;") for s in verdict.sentences)
    assert any(
        "of 512.0 MiB (available now) the worker leaves 476.0 MiB" in s.lower().replace("mib", "MiB")
        for s in verdict.sentences
    )


def test_what_it_says_of_a_small_quota() -> None:
    verdict = judge(facts(allowed=msgspec.structs.replace(ALLOWED, quota=0.06, quota_by="--cpu"), together=None))
    assert verdict.sentences[0] == (
        "This host does not hold 352x240 at 15 frames/s from 960x540 at 50 in full, which needs 6 % of a core. The "
        "ladder would rest on rung 2 of 3, skip-nonref, with 6 % to spare: it needs 4.8 % of a core and may use 5.1 % "
        "of a core (85 % of the quota of 0.06 cores (--cpu))."
    )


def test_what_it_says_where_nothing_holds() -> None:
    verdict = judge(facts(allowed=msgspec.structs.replace(ALLOWED, quota=0.01, quota_by="cpu.max"), together=None))
    assert (verdict.holds, verdict.rung, verdict.spare) == (False, None, None)
    assert verdict.sentences[0].startswith("This host does not hold 352x240")
    assert "even the lowest rung, key, needs 2.4 % of a core" in verdict.sentences[0]


def test_what_it_says_when_nothing_was_measured() -> None:
    verdict = judge(facts(rungs=(), together=None, fanout=None, lags=(), line=None))
    assert verdict.holds is False
    assert "is not known: no rung could be measured" in verdict.sentences[0]
    assert verdict.viewers is None


def test_a_run_that_fell_behind_overrules_the_sums() -> None:
    verdict = judge(facts(together=msgspec.structs.replace(TOGETHER, speed=0.8)))
    assert (verdict.holds, verdict.rung) == (False, "full")
    assert verdict.sentences[0].startswith("By what its parts cost this host would hold")
    assert "But all together, with 3 viewers in 20 s, it made only 80 % of real time on full" in verdict.sentences[1]


@pytest.mark.parametrize(
    ("speed", "seconds", "kept"),
    [(0.98, 20, True), (0.96, 20, False), (0.9, 2, True), (0.8, 2.5, False), (1.1, 1, True)],
)
def test_a_short_run_is_not_judged_by_its_edges(speed: float, seconds: float, kept: bool) -> None:
    assert kept_up(msgspec.structs.replace(TOGETHER, speed=speed, seconds=seconds)) is kept


def test_what_bounds_the_channel() -> None:
    assert capacity_of(facts()) == (0.95, ANY)
    assert capacity_of(facts(allowed=msgspec.structs.replace(ALLOWED, steal=0.5)))[0] == pytest.approx(0.475)
    quota = msgspec.structs.replace(ALLOWED, quota=0.25, quota_by="cpu.max")
    assert capacity_of(facts(allowed=quota)) == (pytest.approx(0.2125), "85 % of the quota of 0.25 cores (cpu.max)")
    throttled = tuple(msgspec.structs.replace(r, share=0.3) for r in RUNGS)
    assert capacity_of(facts(rungs=throttled)) == (
        pytest.approx(0.255), "85 % of the 30 % of a core that a busy process really got"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("together", "factor"),
    [
        (None, 1.2),
        (msgspec.structs.replace(TOGETHER, cost=0.07), 1.4),
        (msgspec.structs.replace(TOGETHER, rungs=("full", "key")), 3.0),  # 0.06 / 0.02, as it rested on key
        (msgspec.structs.replace(TOGETHER, cost=0.01), 1.0),
        (msgspec.structs.replace(TOGETHER, rungs=()), 1.2),
        (msgspec.structs.replace(TOGETHER, rungs=("skip-nonref",)), 1.2),  # was not measured
        (msgspec.structs.replace(TOGETHER, cost=0.1, speed=0.5), 1.2),  # did not keep up
    ],
)
def test_real_time_costs_more_than_flat_out(together: Together | None, factor: float) -> None:
    assert live_factor(facts(together=together)) == pytest.approx(factor)


def test_viewers_by_each_bound() -> None:
    found = facts()
    bounds = viewer_bounds(found, 0.05, 100 << 20)
    assert bounds.pop("processor") == pytest.approx(14_000, abs=1)
    assert bounds == {"connections": 1000, "line": 26, "memory": int((100 << 20) * 0.8 / 4096)}
    assert viewer_bounds(found, 2.0, -5)["processor"] == 0
    assert viewer_bounds(found, 2.0, -5)["memory"] == 0
    assert viewer_bounds(facts(fanout=None), None, None) == {"connections": 1000, "line": 29}
    assert viewer_bounds(facts(fanout=None, line=None), None, None) == {}


def test_memory_that_is_left() -> None:
    assert memory_left(facts()) == (512 - 36) << 20
    assert memory_left(facts(together=None)) == (512 - 28) << 20
    assert memory_left(facts(allowed=msgspec.structs.replace(ALLOWED, memory=None))) is None
    short = facts(allowed=msgspec.structs.replace(ALLOWED, memory=30 << 20, memory_by="--memory"))
    assert "of 30.0 MiB (--memory), 6.0 MiB are missing" in " ".join(judge(short).sentences)


def test_the_worst_lag_and_steal_are_told() -> None:
    words = " ".join(judge(facts(allowed=msgspec.structs.replace(ALLOWED, steal=0.07))).sentences)
    assert f"late by {LAGS[1].p99 * 1000:.1f} ms (99th percentile) and 20.0 ms at most" in words
    assert "gave 7 % of the processor time to others (steal)" in words
    assert FANOUT.rate == 352_000
