"""What is remembered of a stream, and the verdicts on a new response."""

import pytest

from edge.media.overlap import (
    AUDIO,
    BEFORE,
    COMPARED,
    HELD,
    JUMP,
    PROOF,
    REMEMBERED,
    SECONDS,
    TICKS,
    VIDEO,
    History,
    Mark,
    Probe,
)  # fmt: skip
from edge.media.timeline import Timeline

FRAME = 3600
FIRST = 1000 * TICKS


def mark(n: int, digest: int | None = None, stream: int = VIDEO, by: int = 0) -> Mark:
    dts = FIRST + n * FRAME + by
    return Mark(stream, dts, dts, FRAME, n % 12 == 0 or stream == AUDIO, n if digest is None else digest)


def histories(last: int, stream: int = VIDEO) -> tuple[History, History]:
    both = (History(), History())
    for n in range(last + 1):
        both[stream].add(FIRST + n * FRAME, n)
    return both


def test_history_finds_by_time_and_by_content() -> None:
    history = histories(100)[VIDEO]
    assert history.last == FIRST + 100 * FRAME
    assert history.at(FIRST + 7 * FRAME) == 7
    assert history.at(FIRST + 7 * FRAME + 1) is None
    assert history.only(7) == FIRST + 7 * FRAME
    assert history.only(101) is None
    history.add(FIRST + 101 * FRAME, 7)
    assert history.only(7) is None  # twice: it proves nothing


def test_an_empty_history() -> None:
    history = History()
    assert (len(history), history.last, history.at(5), history.only(5), history.could_tell(5)) == (
        0, None, None, None, False,
    )  # fmt: skip


def test_history_is_bounded_and_keeps_the_newest() -> None:
    history = History()
    most = 0
    for n in range(5 * REMEMBERED):
        history.add(n, n)
        most = max(most, len(history))
    assert most == 2 * REMEMBERED
    assert len(history) >= REMEMBERED
    assert history.at(5 * REMEMBERED - REMEMBERED) is not None
    assert history.at(0) is None


def test_history_cannot_tell_shortly_before_what_it_remembers() -> None:
    history = histories(10)[VIDEO]
    assert history.could_tell(FIRST)
    assert not history.could_tell(FIRST - 1)
    assert not history.could_tell(FIRST - BEFORE)
    assert history.could_tell(FIRST - BEFORE - 1)


def test_proof_needs_several_equal_packets() -> None:
    probe = Probe(histories(100), 0.0)
    verdicts = [probe.push(mark(n), 0.0) for n in range(50, 50 + PROOF)]
    assert verdicts[:-1] == [None] * (PROOF - 1)
    assert (verdicts[-1].kind, verdicts[-1].distance) == ("overlap", 0)


def test_proof_at_another_distance() -> None:
    probe = Probe(histories(100), 0.0)
    verdicts = [probe.push(mark(n, by=-FIRST), 0.0) for n in range(50, 50 + PROOF)]
    assert (verdicts[-1].kind, verdicts[-1].distance) == ("overlap", FIRST)


def test_equal_packets_at_changing_distances_prove_nothing() -> None:
    probe = Probe(histories(100), 0.0)
    assert [probe.push(mark(n, by=-FIRST - 7 * n), 0.0) for n in range(60)] == [None] * 60


@pytest.mark.parametrize(("ahead", "kind"), [(1, "same"), (100, "same"), (JUMP // FRAME, "same"), (251, "other")])
def test_what_begins_ahead_is_the_same_clock_up_to_a_jump(ahead: int, kind: str) -> None:
    assert Probe(histories(100), 0.0).push(mark(100 + ahead), 0.0).kind == kind


def test_differing_copies_raise_doubt() -> None:
    probe = Probe(histories(100), 0.0)
    assert [probe.push(mark(n, digest=9999 + n), 0.0) for n in range(90, 101)] == [None] * 11
    assert probe.push(mark(101), 0.0).kind == "doubt"


def test_many_comparable_packets_without_proof_are_another_clock() -> None:
    probe = Probe(histories(1000), 0.0)
    verdicts = [probe.push(mark(n, digest=9999 + n), 0.0) for n in range(COMPARED)]
    assert verdicts[:-1] == [None] * (COMPARED - 1)
    assert verdicts[-1].kind == "other"


def test_time_decides_when_nothing_can_be_compared() -> None:
    probe = Probe(histories(100), 50.0)
    assert probe.push(mark(-20), 50.0) is None
    assert probe.push(mark(-19), 50.0 + SECONDS) is None
    assert probe.push(mark(-18), 50.1 + SECONDS).kind == "other"


def test_only_the_stream_that_stepped_back_may_end_the_probing() -> None:
    probe = Probe(histories(100, AUDIO), 0.0, only=VIDEO)
    assert probe.push(mark(101, stream=AUDIO), 0.0) is None
    probe = Probe(histories(100, AUDIO), 0.0)
    assert probe.push(mark(101, stream=AUDIO), 0.0).kind == "same"


def filled() -> Timeline[int]:
    timeline: Timeline[int] = Timeline()
    timeline.connect(0.0)
    for n in range(100):
        timeline.push(mark(n), n, 0.0)
    timeline.end(clean=False)
    timeline.connect(1.0)
    return timeline


def test_what_waits_for_the_verdict_is_bounded_and_the_oldest_go() -> None:
    """A replay longer than what is remembered, sent at once: nothing can be compared until it reaches the memory."""
    timeline = filled()
    for n in range(-1400, 0):
        assert timeline.push(mark(n), n, 1.0) == []
        assert len(timeline._held) <= HELD
    assert [i for _, i in timeline._held] == list(range(-HELD, 0))
    out = [p.item for n in range(150) for p in timeline.push(mark(n), n, 1.0)]
    assert out == list(range(100, 150))
    assert timeline.counts["replayed"] == 100 + HELD - (PROOF - 1)
    assert timeline._held == []


def test_overflow_of_what_waits_before_another_clock_starts_at_a_keyframe() -> None:
    timeline = filled()
    for n in range(-1400, -5):
        timeline.push(mark(n, digest=n & 0xFFFF), n, 1.0)
    placed = timeline.push(mark(-5, digest=77), -5, 2.0 + SECONDS)
    assert (placed[0].item % 12, placed[0].fresh, placed[0].discontinuity) == (0, True, True)
    assert [p.item for p in placed] == list(range(placed[0].item, -4))
    assert len(placed) > HELD - 13


def test_what_waits_is_forgotten_at_the_end_of_a_response() -> None:
    timeline = filled()
    for n in range(-50, -10):
        timeline.push(mark(n), n, 1.0)
    timeline.end(clean=False)
    assert timeline._held == []
    timeline.connect(2.0)
    assert [p.item for n in range(90, 110) for p in timeline.push(mark(n), n, 2.0)] == list(range(100, 110))
