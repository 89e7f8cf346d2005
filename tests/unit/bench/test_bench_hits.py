"""Hits in the bench: what is sent when, what is concluded, and real workers that take them."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from benching import ALLOWED, FULL, HITS, STEADY, facts, report
from hypothesis import given
from hypothesis import strategies as st

from edge.bench import disk, session
from edge.bench.hitting import HitScene, alone, beside, phases
from edge.bench.hitwords import saturated
from edge.bench.model import Disk, Figure, Hits
from edge.bench.page import page
from edge.bench.plan import WEIGHTS
from edge.bench.processes import NotMeasuredError, Processes
from edge.bench.runner import Plan
from edge.bench.tasks import Rendition
from edge.bench.terminal import Quiet, show
from edge.bench.verdict import judge
from edge.bench.watching import Scene
from edge.channel.settings import ChannelSettings
from edge.cli.bench import RENDITION

CHANNEL = ChannelSettings("bench", "demo:", video=RENDITION.video, audio=RENDITION.audio)


def processes() -> Processes:
    return Processes(None, lambda: None)


@given(st.floats(0, 100), st.booleans())
def test_phases_fit_and_saturation_comes_last(seconds: float, with_channel: bool) -> None:
    try:
        found = phases(seconds, beside=with_channel)
    except NotMeasuredError:
        assert seconds < 0.3
        return
    assert sum(phase.seconds for phase in found) <= seconds + 1e-9
    rates = [phase.rate for phase in found]
    assert None in rates
    assert rates == sorted(rates, key=lambda rate: rate or float("inf"))


# -- the verdict


def test_hits_beside_the_channel_are_what_came_and_what_the_processor_is_for() -> None:
    assert judge(facts(hits=HITS)).hits == 3000
    small = msgspec.structs.replace(ALLOWED, quota=0.1, quota_by="cpu.max")
    verdict = judge(facts(hits=HITS, allowed=small))
    assert verdict.hits == pytest.approx((0.085 - 0.06) / 0.0001, abs=1)
    assert judge(facts(hits=None)).hits is None
    assert judge(facts(hits=msgspec.structs.replace(HITS, beside=None))).hits is None
    assert judge(facts(hits=Hits("power"))).hits is None


@given(st.floats(0.00001, 0.01), st.floats(0.1, 1.0), st.none() | st.floats(0.01, 2.0))
def test_cheaper_hits_are_never_fewer(each: float, factor: float, quota: float | None) -> None:
    def hits(value: float) -> int:
        sent = (STEADY, msgspec.structs.replace(FULL, cost=Figure(value)))
        found = msgspec.structs.replace(HITS, alone=msgspec.structs.replace(HITS.alone, sent=sent))
        allowed = msgspec.structs.replace(ALLOWED, quota=quota, quota_by="q")
        return judge(facts(hits=found, allowed=allowed)).hits or 0

    assert hits(each * factor) >= hits(each) >= 0


def test_what_it_says_of_hits() -> None:
    words = judge(facts(hits=HITS)).sentences
    assert (
        "About 3000 hits a second beside the channel: as many as 3000 visitors who open a page every second send, or "
        "90000 with one every 30 s."
    ) in words
    assert any("5000 a second, 100 µs of processor time each" in sentence for sentence in words)
    assert any("3000 hits a second came through while the channel made 99 % of real time on full." in s for s in words)
    assert "A hit is answered beside the channel after 2.0 ms at 200 a second (99th percentile 8.0)." in words
    assert any("takes 2 ms to make a write safe" in s and "at most 500 hits a second" in s for s in words)
    assert any("may take 20 ms: 50 a second for such a client" in s for s in words)


def test_a_disk_that_is_none_and_answers_that_do_not_wait_are_said() -> None:
    memory = msgspec.structs.replace(HITS, disk=Disk("/dev/shm", "tmpfs", 0.00001, 0.00002, 100))
    assert any("kept in memory here (tmpfs)" in s for s in judge(facts(hits=memory)).sentences)
    crash = msgspec.structs.replace(HITS, durability="process")
    words = " ".join(judge(facts(hits=crash)).sentences)
    assert "no answer waits for it" in words
    assert "such a client" not in words


def test_a_report_of_hits_alone_speaks_of_nothing_else() -> None:
    only = msgspec.structs.replace(HITS, beside=None)
    found = facts(rendition=None, stream=None, rungs=(), together=None, fanout=None, lags=(), hits=only)
    verdict = judge(found)
    assert (verdict.holds, verdict.hits, verdict.viewers) == (True, 5000, None)
    assert verdict.memory_left == (512 - 18) << 20
    whole = report(
        request=msgspec.structs.replace(report().request, rendition=None), stream=None, rungs=(), together=None,
        fanout=None, lags=(), hits=only, verdict=verdict, snippet="",
    )  # fmt: skip
    shown = io.StringIO()
    show(whole, (), "", shown)
    for text in (page(whole), shown.getvalue()):
        assert "About 5000 hits a second: as many as" in text
        assert "For the configuration" not in text
        assert "rung" not in text.partition("</style>")[2]
    assert "<title>edge bench: hits</title>" in page(whole)


# -- the disk


def test_the_disk_is_tried_where_data_dir_will_be_and_nothing_stays(tmp_path: Path) -> None:
    with disk.place(str(tmp_path / "not" / "yet")) as where:
        assert where.path.parent == tmp_path
        assert where.of == "data_dir"
        found = disk.measure(where, 0.1)
    assert list(tmp_path.iterdir()) == []
    assert disk.LEAST <= found.writes <= disk.MOST
    assert 0 < found.p50 <= found.p99
    assert found.filesystem == disk.filesystem(tmp_path) is not None


def test_another_folder_is_named_where_data_dir_cannot_be_written() -> None:
    with disk.place("/proc/edge") as where:
        assert where.of != "data_dir"
        assert where.path.parent == Path(where.of)
    assert disk.filesystem(Path("/proc/self")) == "proc"


# -- real workers


@pytest.fixture(name="scene")
def _scene(tmp_path: Path, small_sample: Path) -> Scene:
    return Scene(tmp_path, CHANNEL, str(small_sample), 9.0)


def test_a_worker_takes_hits_beside_its_channel(scene: Scene) -> None:
    found = beside(HitScene(scene, "process"), processes())
    assert [sent.rate is None for sent in found.sent][-1]
    assert saturated(found.sent) > 0
    assert all(sent.cost is None for sent in found.sent)
    assert found.rungs


def test_no_time_is_told(scene: Scene) -> None:
    with pytest.raises(NotMeasuredError, match="no time was left"):
        alone(HitScene(msgspec.structs.replace(scene, seconds=0.3), "power"), processes())


def test_a_whole_run_of_hits_alone(tmp_path: Path) -> None:
    made = Rendition(RENDITION.video, RENDITION.audio, RENDITION.ladder)
    plan = Plan(6.0, made, skip=frozenset(WEIGHTS) - {"hits"}, data_dir=str(tmp_path))
    found = session.measure(session.Options(plan, RENDITION, channels=False), Quiet())
    assert found.complete
    made_alone = found.hits.alone
    assert made_alone is not None, found.left_out
    assert all(0 < sent.cost.value < 0.1 for sent in made_alone.sent if sent.rate is None)
    assert all(sent.refused == 0 for sent in made_alone.sent)
    assert 5 << 20 < made_alone.before <= made_alone.peak
    assert found.hits.disk.of == "data_dir"
    assert (found.hits.beside, found.stream, found.rungs, found.snippet) == (None, None, (), "")
    assert found.verdict.holds
    assert found.verdict.hits > 0
    assert list(tmp_path.iterdir()) == []
