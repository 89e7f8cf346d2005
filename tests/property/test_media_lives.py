"""The timeline under generated lives of a source: cut and replayed by any amount, damaged, rebased, jumped, wrapped.

A packet's identity is (stream, number). The source is one endless stream; a response shows a stretch of it on a clock.
"""

from __future__ import annotations

from itertools import pairwise
from zlib import crc32

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.media.overlap import AUDIO, PROOF, TICKS, VIDEO, Mark
from edge.media.timeline import START, WRAP, Placed, Timeline

FRAME, SOUND, GOP = 3600, 1920, 12
Packet = tuple[int, int]  # stream, number
LIFE = settings(max_examples=150, deadline=None)


def packets(first: int, last: int) -> list[Packet]:
    """Packets number first..last-1 of the endless stream, in the order in which a muxer interleaves them."""
    seconds = last * SOUND // TICKS + 2
    both = [(n * FRAME, VIDEO, n) for n in range(seconds * TICKS // FRAME)]
    both += [(n * SOUND, AUDIO, n) for n in range(seconds * TICKS // SOUND)]
    return [(stream, n) for _, stream, n in sorted(both)[first:last]]


def mark(packet: Packet, base: int, salt: str = "") -> Mark:
    stream, n = packet
    dts = base + n * (FRAME if stream == VIDEO else SOUND)
    pts = dts % WRAP + (2 * FRAME if stream == VIDEO else 0)  # libavformat unwraps it beside the dts
    duration = FRAME if stream == VIDEO else SOUND
    digest = crc32(f"{salt}{stream} {n}".encode())
    return Mark(stream, dts % WRAP, pts, duration, stream == AUDIO or n % GOP == 0, digest)


class Response(msgspec.Struct, frozen=True):
    """Begins `step` packets after the end of the one before (negative: a replay); `damaged` and `lost` are positions;
    `clock`: where its clock has moved, in seconds; `jump`: (position, seconds) at which it moves on within it."""

    length: int
    step: int = 0
    damaged: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    clock: int = 0
    jump: tuple[int, int] | None = None


NEVER, ZERO = st.none(), st.just(0)


def responses(steps, *, damaged: int = 0, lost: int = 0, clocks=ZERO, jumps=NEVER):
    places = st.integers(0, 250)
    return st.builds(
        Response,
        length=st.integers(1, 250),
        step=steps,
        damaged=st.frozensets(places, max_size=damaged),
        lost=st.frozensets(places, max_size=lost),
        clock=clocks,
        jump=jumps,
    )


class Life:
    """Plays responses and keeps what was placed; `end` is how far the source was received."""

    def __init__(self, base: int) -> None:
        self.timeline: Timeline[Packet] = Timeline()
        self.base = base
        self.end = 40
        self.now = 0.0
        self.pace = 0.0  # seconds between packets
        self.placed: list[Placed[Packet]] = []

    def play(self, response: Response) -> list[Packet]:
        """What the response shows."""
        self.timeline.connect(self.now)
        begin = max(0, self.end + response.step)
        shown = packets(begin, begin + response.length)
        for i, packet in enumerate(shown):
            if i not in response.lost:
                self.push(packet, i, response)
        self.timeline.end(clean=False)
        self.end = begin + response.length
        self.check()
        return shown

    def push(self, packet: Packet, i: int, response: Response) -> None:
        moved = response.clock + (response.jump[1] if response.jump and i >= response.jump[0] else 0)
        seen = mark(packet, self.base + moved * TICKS, f"{self.end} {i}" if i in response.damaged else "")
        self.now += self.pace
        self.placed += self.timeline.push(seen, packet, self.now)

    def of(self, stream: int) -> list[Placed[Packet]]:
        return [p for p in self.placed if p.stream == stream]

    def check(self) -> None:
        """What holds whatever the source does."""
        for stream in (VIDEO, AUDIO):
            assert all(a.dts < b.dts for a, b in pairwise(self.of(stream)))
        assert all(p.dts >= START for p in self.placed)
        for p in self.of(VIDEO):
            assert p.pts - p.dts == 2 * FRAME
            assert not p.fresh or p.item[1] % GOP == 0

    def check_once(self) -> None:
        items = [p.item for p in self.placed]
        assert len(items) == len(set(items))
        for stream in (VIDEO, AUDIO):
            numbers = [p.item[1] for p in self.of(stream)]
            assert numbers == sorted(numbers)

    def check_references(self) -> None:
        """A picture that is not fresh follows the one before it: nothing that it refers to is missing."""
        for before, after in pairwise(self.of(VIDEO)):
            assert after.fresh or after.item[1] == before.item[1] + 1


BASES = st.sampled_from([0, 30472 * TICKS, WRAP - 20 * TICKS, WRAP - 3 * TICKS])


@LIFE
@given(BASES, st.lists(responses(st.integers(-120, 60)), min_size=1, max_size=6))
def test_cut_and_replayed_anywhere_on_one_clock(base: int, life: list[Response]) -> None:
    run = Life(base)
    for response in life:
        run.play(response)
    run.check_once()
    run.check_references()


@LIFE
@given(BASES, st.lists(responses(st.integers(-120, 0)), min_size=2, max_size=6))
def test_nothing_is_lost_when_every_replay_covers_the_cut(base: int, life: list[Response]) -> None:
    run = Life(base)
    run.play(Response(130))
    furthest = run.end
    for response in life:
        run.play(response)
        furthest = max(furthest, run.end)
        run.end = furthest
    first = run.of(VIDEO)[0].item[1]
    shown = [n for stream, n in packets(0, furthest) if stream == VIDEO and n >= first]
    assert [p.item[1] for p in run.of(VIDEO)] == shown
    assert [p.fresh for p in run.of(VIDEO)] == [True] + [False] * (len(shown) - 1)
    assert not any(p.discontinuity for p in run.placed)
    assert run.timeline.counts["gap"] == run.timeline.counts["discontinuity"] == 0


@LIFE
@given(BASES, st.lists(responses(st.integers(-120, 60), damaged=20), min_size=1, max_size=6))
def test_damaged_copies_are_never_shown_again(base: int, life: list[Response]) -> None:
    run = Life(base)
    for response in life:
        run.play(response)
    run.check_once()
    run.check_references()


@LIFE
@given(BASES, st.lists(responses(st.integers(-120, 60), damaged=10, lost=10), min_size=1, max_size=6))
def test_lost_packets_never_make_a_frame_come_twice(base: int, life: list[Response]) -> None:
    run = Life(base)
    for response in life:
        run.play(response)
    run.check_once()


@LIFE
@given(
    BASES,
    st.integers(60, 250),
    st.lists(responses(st.integers(-120, -PROOF), clocks=st.integers(-5000, 0)), min_size=1, max_size=6),
)
def test_every_response_on_a_clock_of_its_own_is_followed_by_its_content(
    base: int, length: int, life: list[Response]
) -> None:
    """The overlap is proven by equal packets at one distance, if the clock moved back (most start at 0 each time). One
    that moved on is another clock: a source that loops a film on rising times must not be taken for a replay."""
    run = Life(base)
    run.end = 0
    run.play(Response(length))
    clock = 0
    for response in life:
        clock += response.clock
        length = response.length - response.step  # what is new comes besides
        run.play(msgspec.structs.replace(response, length=length, clock=clock))
    run.check_once()
    run.check_references()
    videos = [n for stream, n in packets(0, run.end) if stream == VIDEO]
    assert [p.item[1] for p in run.of(VIDEO)] == videos


JUMPS = st.tuples(st.integers(0, 250), st.one_of(st.integers(-90_000, 90_000), st.integers(-12, 12)))


@LIFE
@given(
    BASES,
    st.lists(
        responses(
            st.integers(-120, 200), damaged=20, lost=20, clocks=st.integers(-200, 90_000), jumps=st.none() | JUMPS
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(-90_000, 90_000),
)
def test_whatever_happens_times_only_rise_and_a_sound_response_is_shown(
    base: int, life: list[Response], clock: int
) -> None:
    run = Life(base)
    for response in life:
        run.play(response)
    run.pace = 0.0103
    shown = run.play(Response(600, clock=clock))
    assert set(shown[-100:]) <= {p.item for p in run.placed}


@LIFE
@given(
    st.lists(
        st.builds(
            Mark,
            stream=st.integers(0, 1),
            dts=st.integers(0, WRAP - 1),
            pts=st.integers(0, WRAP - 1),
            duration=st.integers(0, 9000),
            key=st.booleans(),
            digest=st.integers(0, 3),
        ),
        max_size=80,
    ),
    st.lists(st.integers(0, 80), max_size=3),
)
def test_noise_raises_nothing_and_still_only_rises(noise: list[Mark], cuts: list[int]) -> None:
    timeline: Timeline[int] = Timeline()
    timeline.connect(0.0)
    placed = []
    for i, seen in enumerate(noise):
        if i in cuts:
            timeline.end(clean=i % 2 == 0)
            timeline.connect(float(i))
        placed += timeline.push(seen, i, float(i))
    for stream in (VIDEO, AUDIO):
        assert all(a.dts < b.dts for a, b in pairwise([p for p in placed if p.stream == stream]))
    assert len({p.item for p in placed}) == len(placed)
