"""Pacing, cuts, replay: the response is a pure function of the stream's time."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import av
import media
import pytest
from faultsource import Fate, Faults, fate, open_loop
from faultsource.faults import jumped, sample_at
from faultsource.response import MAX_AT_ONCE, Response
from hypothesis import given
from hypothesis import strategies as st

PLAIN = Fate()


def response(faults: Faults, now: float = 0.0, n: int = 1, last: int | None = None, fate_: Fate = PLAIN) -> Response:
    return Response(open_loop(media.sample("small")), faults, fate_, n, now, last)


def run(r: Response, now: float, step: float = 0.1) -> tuple[bytes, float]:
    """All bytes, and the time at which it ended."""
    parts = []
    while not r.ended:
        parts.append(r.take(now))
        now += step
    return b"".join(parts), now


def test_the_replayed_part_comes_at_once_and_the_rest_in_real_time() -> None:
    loop = open_loop(media.sample("small"))
    r = response(Faults(replay=2.0), now=3.0)
    assert len(r.take(3.0)) == loop.at(3.0) - loop.at(1.0)
    assert r.take(3.0) == b""
    assert len(r.take(3.5)) == loop.at(3.5) - loop.at(3.0)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=30))
def test_however_it_is_asked_the_bytes_are_the_same(waits: list[float]) -> None:
    r, other = response(Faults(damage=0.01)), response(Faults(damage=0.01))
    now, pieces = 0.0, b""
    for wait in waits:
        now += wait
        pieces += r.take(now)
    for _ in range(20):  # MAX_AT_ONCE
        pieces += r.take(now)
    whole = b"".join(other.take(now) for _ in range(50))
    assert pieces == whole


def test_one_take_is_bounded() -> None:
    assert len(response(Faults(replay=20.0), now=20.0).take(20.0)) == MAX_AT_ONCE


def test_a_replayed_part_equals_what_was_sent_before() -> None:
    faults = Faults(replay=2.0, cut=4.0, cut_at="unit")
    first, _ = run(response(faults, now=10.0), 10.0)
    second, _ = run(response(faults, now=14.0, n=2), 14.0)
    overlap = len(first) - response(faults, now=14.0, n=2).begin + response(faults, now=10.0).begin
    assert overlap > 10_000
    assert second[:overlap] == first[-overlap:]


def test_a_late_client_is_waited_for_up_to_the_patience() -> None:
    loop = open_loop(media.sample("small"))
    faults, last = Faults(replay=1.0, patience=5.0), loop.at(10.0)
    assert response(faults, now=10.0, last=last).begin == response(Faults(replay=1.0), now=10.0).begin
    assert loop.due(response(faults, now=13.0, last=last).begin) == pytest.approx(9.0, abs=0.1)
    assert response(faults, now=20.0, last=last).begin == loop.at(14.0)
    assert response(Faults(replay=1.0), now=13.0, last=last).begin == loop.at(12.0)


@pytest.mark.parametrize("cut_at", ["byte", "unit", "frame"])
def test_where_a_response_is_cut(cut_at: Any) -> None:
    loop = open_loop(media.sample("small"))
    faults = Faults(cut=3.0, cut_at=cut_at)
    ends = [response(faults, now=float(n), n=n).end for n in range(1, 20)]
    assert None not in ends
    inside = [end % 188 != 0 for end in ends if end is not None]
    assert all(inside) if cut_at == "byte" else not any(inside)
    if cut_at == "frame":
        starts = {unit * 188 for unit in loop.frames}
        assert all(end % loop.size in starts for end in ends if end is not None)


def test_a_cut_comes_after_its_time() -> None:
    _, ended = run(response(Faults(cut=12.0), now=5.0), 5.0, step=0.01)
    assert ended == pytest.approx(17.0, abs=0.1)


def test_resumed_responses_join_byte_exactly() -> None:
    faults = Faults(cut=1.7, resume=True)
    loop = open_loop(media.sample("small"))
    joined, now, last = b"", 1.0, None
    for n in range(1, 6):
        r = response(faults, now, n, last)
        data, now = run(r, now)
        joined, last, now = joined + data, r.position, now + 0.7
    begin = loop.at(1.0)
    assert joined == loop.render(begin, begin + len(joined), faults.first_timestamp, 1, Faults())


def test_resume_with_replay_goes_back_from_the_last_end() -> None:
    loop = open_loop(media.sample("small"))
    r = response(Faults(resume=True, replay=1.0), now=50.0, n=2, last=loop.at(9.0))
    assert loop.due(r.begin) == pytest.approx(8.0, abs=0.1)


def test_a_stalled_response_says_nothing_then_catches_up() -> None:
    loop = open_loop(media.sample("small"))
    r = response(Faults(), fate_=Fate(stall=(1.0, 5.0)))
    r.take(0.5)
    assert r.take(3.0) == b""
    assert r.wake(3.0) == 6.0
    assert len(r.take(6.0)) == loop.at(6.0) - loop.at(0.5)


def test_a_response_can_begin_at_a_keyframe() -> None:
    loop = open_loop(media.sample("small"))
    r = response(Faults(begin="keyframe"), now=2.0)
    assert r.begin // 188 in loop.keys
    assert r.begin >= loop.at(2.0)


def first_dts(data: bytes) -> float:
    with av.open(io.BytesIO(data), format="mpegts") as container:
        return min(float(p.dts * p.time_base) for p in container.demux() if p.dts is not None and p.time_base)


def test_rebased_responses_all_start_at_the_same_timestamp() -> None:
    faults = Faults(cut=3.0, rebase=True, begin="keyframe")
    for n, now in ((1, 2.0), (2, 40.0)):
        data, _ = run(response(faults, now, n), now)
        assert first_dts(data) == pytest.approx(faults.first_timestamp, abs=0.3)


def test_a_jump_moves_everything_from_its_time_on() -> None:
    faults = Faults(cut=4.0, jumps=((2.0, 1000.0),))
    data, _ = run(response(faults), 0.0)
    with av.open(io.BytesIO(data), format="mpegts") as container:
        dts = [float(p.dts * p.time_base) for p in container.demux(video=0) if p.dts is not None and p.time_base]
    steps = [later - earlier for earlier, later in itertools.pairwise(dts)]
    assert max(steps) == pytest.approx(1000.04, abs=0.001)
    assert sum(step > 1 for step in steps) == 1
    assert jumped(faults, 1.99) == 0
    assert jumped(faults, 2.0) == 1000


def test_the_length_is_what_is_sent() -> None:
    faults = Faults(cut=3.0, damage=0.02)
    r = response(faults)
    assert r.length() == len(run(r, 0.0)[0])
    with pytest.raises(ValueError, match="no length"):
        response(Faults()).length()


def test_every_nth_response_has_its_fate() -> None:
    faults = Faults(refuse_every=2, status_every=3, status=404, stall_every=5, body_every=7, body="empty")
    fates = [fate(faults, n) for n in range(1, 8)]
    assert [f.refused for f in fates] == [False, True, False, True, False, True, False]
    assert [f.status for f in fates] == [200, 200, 404, 200, 200, 200, 200]
    assert fates[4].stall == (2.0, 10.0)
    assert fates[6].body == "empty"
    assert fate(Faults(), 1) == Fate()


def test_samples_are_switched_from_a_response_on() -> None:
    faults = Faults(switch=((3, "b.ts"), (5, "c.ts")))
    assert [sample_at(faults, n) for n in range(1, 7)] == [None, None, "b.ts", "b.ts", "c.ts", "c.ts"]
    assert Path("b.ts").suffix == ".ts"
