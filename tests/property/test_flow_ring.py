"""The ring and its cursors against a list that forgets nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.flow.ring import OVERHEAD, Bounds, Chunk, Cursor, Ring


class RingMachine(RuleBasedStateMachine):
    """Every chunk ever appended is in `all`; the ring must be a suffix of it, as the bounds say."""

    def __init__(self):
        super().__init__()
        self.all: list[Chunk] = []
        self.begins = 0  # of what the ring may still hold
        self.now = 0.0
        self.cursors: list[tuple[Cursor, list[int]]] = []

    @initialize(bounds=st.sampled_from([Bounds.flat(1500), Bounds(1000, 2500, 6000, 3.0), Bounds(0, 0, 10**6, 0.0)]))
    def begin(self, bounds):
        self.bounds = bounds
        self.ring = Ring(bounds)

    @rule(size=st.integers(0, 2000), key=st.booleans(), step=st.sampled_from([0.0, 0.5, 0.5, 1.0, 1.0, 20.0, -3.0]))
    def append(self, size, key, step):
        self.now += step
        data = len(self.all).to_bytes(4, "big") * (size // 4 + 1) if size else b""
        self.ring.append(Chunk(data, key, self.now))
        if data:
            self.all.append(Chunk(data, key, self.now))
            self.begins = next(n for n in range(self.begins, len(self.all)) if self.stays(n))

    def stays(self, n):
        """Whether chunk `n` stays, were it the oldest."""
        rest, bounds = self.all[n:], self.bounds
        size = sum(len(c.data) + OVERHEAD for c in rest)
        if len(rest) == 1 or size <= bounds.least:
            return True
        wanted = rest[0].key and sum(c.key for c in rest) <= 2
        recent = size <= bounds.usual and 0 <= rest[-1].time - rest[1].time < bounds.seconds
        return size <= bounds.most and (wanted or recent)

    @rule()
    def clear(self):
        self.ring.clear()
        self.begins = len(self.all)

    @rule()
    @precondition(lambda self: len(self.cursors) < 5)
    def join(self):
        self.cursors.append((Cursor(self.ring), []))

    @rule(data=st.data(), limit=st.integers(1, 3000))
    @precondition(lambda self: self.cursors)
    def take(self, data, limit):
        cursor, seen = data.draw(st.sampled_from(self.cursors))
        before = cursor.skipped
        taken = [int.from_bytes(chunk[:4], "big") for chunk in cursor.take(limit)]
        if taken:
            assert sum(len(self.all[n].data) for n in taken) <= limit or len(taken) == 1
            assert taken == list(range(taken[0], taken[0] + len(taken)))
            self.check_start(taken[0], seen)
            seen.extend(taken)
        elif seen and cursor.skipped == before:
            assert not self.begins <= seen[-1] + 1 < len(self.all)
        assert cursor.taken == sum(len(self.all[n].data) for n in seen)

    def check_start(self, first, seen):
        if seen and first == seen[-1] + 1:
            return
        newest_key = max(n for n in range(self.begins, len(self.all)) if self.all[n].key)
        assert first == newest_key
        assert not seen or first > seen[-1]

    @invariant()
    def the_ring_is_the_suffix_that_the_bounds_say(self):
        ring, tail = self.ring, self.begins
        assert (ring.tail, ring.head) == (tail, len(self.all))
        assert ring.chunks(tail) == self.all[tail:]
        keys = [n for n in range(tail, len(self.all)) if self.all[n].key]
        assert ring.last_key() == (keys[-1] if keys else None)
        near = [n for n in keys if self.all[-1].time - self.all[n].time <= 3.0]
        assert ring.key_within(3.0) == (near[0] if near else None)
        seconds, bits = ring.span()
        assert seconds == (max(0, self.all[-1].time - self.all[tail].time) if tail < len(self.all) else 0)
        assert bits == 8 * sum(len(c.data) for c in self.all[tail:-1])
        stats = ring.stats()
        assert stats.bytes == sum(len(c.data) + OVERHEAD for c in self.all[tail:])
        assert stats.bytes <= self.bounds.most or stats.chunks == 1
        assert (stats.appended, stats.keyframes) == (len(self.all), len(keys))


TestRing = RingMachine.TestCase


@given(
    st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=60),
    st.integers(300, 5000),
    st.lists(st.integers(0, 6), max_size=60),
)
def test_a_viewer_sees_each_gop_it_gets_from_its_keyframe_and_nothing_twice(chunks, bound, pauses):
    """However slow the reader: numbers rise, each jump lands on a keyframe and is counted."""
    ring, seen = Ring(Bounds.flat(bound)), []
    cursor = Cursor(ring)
    pauses = iter(pauses)
    wait = 0
    for n, (size, key) in enumerate(chunks):
        ring.append(Chunk(n.to_bytes(2, "big") * size, key))
        if wait:
            wait -= 1
            continue
        wait = next(pauses, 0)
        while run := cursor.take(200):
            seen += [int.from_bytes(data[:2], "big") for data in run]
    jumps = [b for a, b in pairwise(seen) if b != a + 1]
    assert seen == sorted(set(seen))
    assert all(chunks[n][1] for n in [*seen[:1], *jumps])
    assert len(jumps) <= cursor.skipped


def test_the_newest_chunk_stays_even_when_it_is_over_the_bound():
    ring = Ring(Bounds.flat(10))
    ring.append(Chunk(b"a" * 100, True))
    ring.append(Chunk(b"b" * 100, False))
    assert ring.read(1, 5) == ((b"b" * 100,), 2)
    assert ring.last_key() is None


@pytest.mark.parametrize("seq", [0, 3])
def test_reading_what_is_not_there_is_an_error(seq):
    ring = Ring(Bounds.flat(10))
    ring.append(Chunk(b"a", True))
    ring.append(Chunk(b"b", True))
    with pytest.raises(IndexError, match=r"from 1 to 2"):
        ring.read(seq, 10)
    with pytest.raises(IndexError):
        ring.chunks(seq)


def test_a_shared_run_does_not_outlive_a_change():
    ring = Ring(Bounds.flat(300))
    assert ring.read(0, 9) == ((), 0)
    ring.append(Chunk(b"a", True))
    assert ring.read(0, 9) == ((b"a",), 1)
    ring.append(Chunk(b"b" * 200, False))
    with pytest.raises(IndexError):
        ring.read(0, 9)
    ring.clear()
    assert ring.read(2, 9) == ((), 2)


def test_viewers_at_one_place_share_one_run():
    ring = Ring(Bounds.flat(10_000))
    cursors = [Cursor(ring) for _ in range(3)]
    ring.append(Chunk(b"a", True))
    runs = [cursor.take(100) for cursor in cursors]
    assert runs[0] is runs[1] is runs[2]
    assert [c.take(100) for c in cursors] == [(), (), ()]
    ring.append(Chunk(b"b", False))
    assert cursors[0].take(100) == (b"b",)


def test_resync_waits_for_a_keyframe_without_counting():
    ring = Ring(Bounds.flat(10_000))
    cursor = Cursor(ring)
    ring.append(Chunk(b"a", True))
    cursor.take(100)
    ring.clear()
    cursor.resync()
    ring.append(Chunk(b"p", False))
    assert cursor.take(100) == ()
    ring.append(Chunk(b"k", True))
    assert cursor.take(100) == (b"k",)
    assert cursor.skipped == 0


def flow(ring, rate, gop, seconds, fps=25, *, timed=True, factor=8):
    """A stream of `rate` bits a second, its keyframes `factor` times as large as other pictures."""
    frames = round(gop * fps)
    usual = rate / 8 * gop / (frames - 1 + factor)
    for n in range(round(seconds * fps)):
        key = n % frames == 0
        ring.append(Chunk(bytes(int(usual * (factor if key else 1))), key, n / fps if timed else 0.0))
        yield n / fps


@pytest.mark.parametrize("timed", [True, False])
@given(rate=st.integers(32_000, 12_000_000), gop=st.floats(0.2, 10))
@settings(max_examples=40, deadline=None)
def test_a_newcomer_finds_a_keyframe_and_a_slow_viewer_has_a_gop_or_eight_seconds(timed, rate, gop):
    if rate * gop > 40_000_000:  # three such GOPs are more than a ring may be
        rate = int(40_000_000 / gop)
    ring = Ring(Bounds())
    for at in flow(ring, rate, gop, 3 * gop + 12, timed=timed):
        assert ring.last_key() is not None
        stats = ring.stats()
        kept = stats.chunks / 25
        assert kept >= min(at, 8.0) or stats.bytes > 800_000 or not timed
        assert kept >= min(at, gop - 0.1)
        # No more than this needs.
        assert stats.bytes <= max(2**20, 2.5 * gop * rate / 8 + 300_000)
    if timed and rate < 200_000:
        assert ring.stats().bytes <= 512 << 10


@pytest.mark.parametrize(("rate", "gop"), [(5_000_000, 2.0), (4_000_000, 4.0), (2_000_000, 10.0)])
def test_a_ring_holds_a_gop_at_ordinary_rates(rate, gop):
    ring = Ring(Bounds())
    without = sum(ring.last_key() is None for _ in flow(ring, rate, gop, 60))
    assert without == 0


def test_at_the_lowest_rates_a_ring_takes_a_quarter_of_a_mebibyte():
    ring = Ring(Bounds())
    for _ in flow(ring, 64_000, 2.0, 120):
        assert ring.stats().bytes <= 256 << 10
    assert ring.stats().bytes > 200 << 10


def test_a_gop_without_end_is_let_go():
    ring, most = Ring(Bounds()), 0
    for n in range(1500):
        ring.append(Chunk(bytes(20_000), n == 0, n / 25))
        most = max(most, ring.stats().bytes)
    assert 15 << 20 < most <= 16 << 20
    assert ring.stats().bytes <= 1 << 20
    assert ring.last_key() is None
