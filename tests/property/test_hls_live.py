"""Live playlists over generated lives of a channel: whatever the source does, the checker's rules hold."""

from __future__ import annotations

from itertools import pairwise

import m3u8
import pytest
from hlscheck import Checker
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.flow.live import EPOCH, Live, Numbers
from edge.flow.playlist import render
from edge.flow.ring import Chunk
from edge.flow.window import MAX_BYTES

TICK = 0.1  # a tenth of the target duration is asked for; half of that keeps float sums out of the verdict


class World:
    """A source, a clock and the playlist between them, with the checker looking at every version."""

    def __init__(self, copy, max_bytes=MAX_BYTES):
        self.copy = copy
        self.max_bytes = max_bytes
        self.now = 1000.0
        self.wall = 1_750_000_000.3
        self.media = 40.0
        self.sent: list[Chunk] = []
        self.listed = {}
        self.lives = {}  # by number, the life of the server that listed it
        self.life = 0
        self.check = Checker()
        self.version = 0
        self.born = self.now
        self.start(None, None)

    def start(self, floor, target):
        self.life += 1
        self.began = self.now
        self.live = Live(
            self.now,
            self.wall,
            age=self.now - self.born,
            copy=self.copy,
            max_bytes=self.max_bytes,
            floor=floor,
            target_duration=target,
        )
        self.clock = max(self.wall - EPOCH, floor.msn if floor else 0)
        self.version = 0

    def pass_time(self, seconds):
        end = self.now + seconds
        while self.now < end:
            step = min(TICK, end - self.now)
            self.now += step
            self.wall += step
            self.live.tick(self.now)
            self.look()

    def send(self, key, size=4):
        chunk = Chunk(len(self.sent).to_bytes(4, "big") * (size // 4), key, self.media)
        self.sent.append(chunk)
        self.live.append(chunk, self.now)
        self.look()

    def look(self):
        live = self.live
        if not live.ready:
            return
        text = render(live.window, independent=not self.copy).decode()
        # Two pieces may be listed at one time: the checker sees each list, the numbers tell what came between.
        self.check(self.now, text)
        if live.version != self.version:
            self.version = live.version
            assert len(m3u8.loads(text).segments) == len(live.window.segments)
            for segment in live.window.segments:
                assert self.listed.setdefault(segment.msn, segment) is segment
                self.lives.setdefault(segment.msn, self.life)
        stats = live.window.stats()
        assert stats.bytes <= self.max_bytes or stats.listed == 1

    def gop(self, seconds, interval, pace=1.0, key=True, size=4):
        """Media of `seconds`, a chunk of `size` bytes every `interval`; `pace` wall seconds a media second."""
        end = self.media + seconds
        while self.media < end - 1e-9:
            self.send(key, size)
            key = False
            self.media = min(self.media + interval, end)
            self.pass_time(interval * pace)

    def restart(self, keep):
        """The process ends, and the next begins at once. Its file may be too old for the media sequence number."""
        numbers = self.live.next_numbers
        kept = numbers if keep or self.set_back else Numbers(0, numbers.discontinuity_sequence)
        self.born = self.now
        self.follow(kept)

    def follow(self, floor):
        if self.live.ready:
            self.check.restarted()
        self.start(floor, self.live.target_duration)

    @property
    def set_back(self):
        """The wall clock is behind where numbers already are. Only a clock set back does this."""
        return self.live.next_numbers.msn - 1 > self.wall - EPOCH


events = st.lists(
    st.one_of(
        st.tuples(st.just("gop"), st.floats(0.2, 5), st.sampled_from([0.02, 0.0667, 0.5, 1.7]), st.floats(0.3, 1.5)),
        st.tuples(st.just("steady"), st.integers(1, 6), st.floats(0, 0.13)),
        st.tuples(st.just("burst"), st.integers(1, 8)),
        st.tuples(st.just("stall"), st.floats(0, 4)),
        st.tuples(st.just("away"), st.floats(4, 20)),
        st.tuples(st.just("lost"), st.floats(0.5, 3)),
        st.tuples(st.just("jump"), st.floats(-100, 1000)),
        st.tuples(st.just("discontinuity")),
        st.tuples(st.just("part")),
        st.tuples(st.just("huge"), st.floats(9, 30)),
        st.tuples(st.just("restart"), st.floats(0, 8), st.booleans()),
        st.tuples(st.just("rest"), st.floats(0, 8)),
        st.tuples(st.just("clock back"), st.floats(0, 10**7)),
        st.tuples(st.just("flicker"), st.integers(1, 8)),
    ),
    min_size=1,
    max_size=14,
)


def play(world, event):
    kind, *args = event
    match kind:
        case "gop":
            world.gop(*args)
        case "steady":  # keyframes at the first frame after each mark, as encoded channels have them
            for n in range(args[0]):
                world.gop(2.0 + args[1] * (-1) ** n, 0.25)
        case "burst":
            for _ in range(args[0]):
                world.gop(2.0, 0.5, pace=0)
        case "stall" | "away":
            world.pass_time(args[0])
            world.media += 0.01
        case "lost":  # the encoder went on without us: a hole in the media, no keyframe, nobody said anything
            world.pass_time(args[0])
            world.media += args[0]
            world.gop(1.0, 0.2, key=False)
        case "jump":
            world.media += args[0]
            world.send(False)
        case "discontinuity":
            world.live.discontinuity()
            world.media += 0.3
            world.gop(0.3, 0.1, key=False)
        case "part":
            world.live.part(world.now)
            world.look()
        case "huge":
            world.gop(args[0], 0.9)
        case "restart":
            world.pass_time(args[0])
            world.restart(args[1])
        case "rest":  # nobody asked for a while
            numbers = world.live.next_numbers
            world.now += args[0]
            world.wall += args[0]
            world.follow(numbers)
        case "clock back":
            world.wall -= args[0]
            world.restart(True)
        case "flicker":  # a source that comes and goes several times a second
            for _ in range(args[0]):
                world.live.discontinuity()
                world.gop(0.2, 0.1, pace=0.5)


@settings(max_examples=150, deadline=None)
@given(events, st.booleans(), st.sampled_from([MAX_BYTES, 30_000]))
def test_every_rule_holds_whatever_the_source_does(script, copy, max_bytes):
    world = World(copy, max_bytes)
    for event in script:
        play(world, event)
        # No number is above the clock: what a restart relies on.
        assert world.live.next_numbers.msn - 1 <= world.clock + (world.now - world.began)
    world.check.finish(world.now)
    check_content(world)


def check_content(world):
    """What is listed without a mark continues what is listed before it, byte for byte; nothing comes twice."""
    place = {chunk.data: n for n, chunk in enumerate(world.sent)}
    last, before, after_gap, life = -1, None, False, 0
    for msn, segment in sorted(world.listed.items()):
        piece = segment.piece
        if world.lives[msn] != life:
            before, after_gap, life = None, False, world.lives[msn]
        if piece.gap:
            before, after_gap = None, True
            continue
        numbers = [place[data] for data in piece.chunks]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] > last
        assert piece.independent == world.sent[numbers[0]].key
        assert all(data is world.sent[n].data for data, n in zip(piece.chunks, numbers, strict=True))
        assert piece.discontinuity or not after_gap
        after_gap = False
        if piece.discontinuity or before is None:
            assert piece.independent
        elif segment.msn == before.msn + 1:
            assert numbers[0] == last + 1
        last, before = numbers[-1], segment


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 20), st.sampled_from([0.04, 0.0667, 0.1, 0.3]), st.floats(0, 1))
def test_an_encoded_channel_is_cut_at_every_keyframe(gops, interval, phase):
    """Keyframes at the first frame at or after each even second: never a cut without one, EXTINF is the way between."""
    world = World(copy=False)
    frames = [40 + phase * interval + n * interval for n in range(int(gops * 2 / interval))]
    mark, keys = 0.0, []
    for time in frames:
        world.media = time
        key = time >= mark
        if key:
            mark = time // 2 * 2 + 2
            keys.append(time)
        world.send(key)
        world.pass_time(interval)
    pieces = [s.piece for _, s in sorted(world.listed.items())]
    assert all(p.independent and not p.discontinuity and not p.gap for p in pieces)
    regular = [b - a for a, b in pairwise(keys)]
    if regular and regular[0] < 1:  # the first GOP may be a stump
        regular = [regular[0] + regular[1], *regular[2:]]
    assert [p.duration for p in pieces] == pytest.approx(regular[: len(pieces)], abs=1e-4)
    assert len(pieces) >= len(regular) - 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.3, 20), min_size=3, max_size=8))
def test_a_copied_channel_keeps_the_target_duration_of_its_first_gops(gops):
    world = World(copy=True)
    targets = set()
    for seconds in gops:
        world.gop(seconds, 0.1)
        if world.live.target_duration:
            targets.add(world.live.target_duration)
    world.gop(8, 0.1)
    targets.add(world.live.target_duration)
    assert len(targets) == 1
    assert 6 <= targets.pop() <= 12
    check_content(world)


COPY, ENCODED = True, False


@pytest.mark.parametrize(
    ("rate", "gop", "copy"),
    [(2e6, 10.0, COPY), (4e6, 4.4, COPY), (6e6, 4.0, COPY), (6e6, 2.0, COPY), (3e6, 2.0, ENCODED), (9e6, 2.0, ENCODED)],
)
def test_at_ordinary_rates_every_segment_is_whole_and_kept_as_long_as_the_rules_say(rate, gop, copy):
    world = World(copy)
    for _ in range(int(100 / gop)):
        world.gop(gop, 0.2, size=int(rate / 8 * 0.2) // 4 * 4)
    world.check.finish(world.now)
    check_content(world)
    stats = world.live.stats()
    assert stats.segments > 100 / gop - 5
    assert (stats.dropped, stats.window.early, stats.window.starved) == (0, 0, 0)
    assert all(segment.piece.independent for segment in world.listed.values())


@pytest.mark.parametrize("rate", [60_000, 150_000])
def test_over_the_bound_pieces_are_cut_without_a_keyframe_and_nothing_is_lost(rate):
    """R10 and R15 give way to memory here, the content and the numbers do not."""
    world = World(copy=True, max_bytes=800_000)
    world.check = lambda *_: None
    for _ in range(12):
        world.gop(5.0, 0.1, size=rate // 10)
    stats = world.live.stats()
    assert stats.dropped == 0
    assert stats.window.early + stats.window.starved > 0
    check_content(world)
    assert max(segment.size for segment in world.listed.values()) <= 200_000
    assert not all(segment.piece.independent for segment in world.listed.values())
    assert min(segment.piece.duration for segment in world.listed.values()) >= 1.0
