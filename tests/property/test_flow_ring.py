"""The ring and its cursors against a list that forgets nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.flow.ring import OVERHEAD, Chunk, Cursor, Ring


class RingMachine(RuleBasedStateMachine):
    """Every chunk ever appended is in `all`; the ring must be a suffix of it, as long as the bound allows."""

    MAX = 1500

    def __init__(self):
        super().__init__()
        self.ring = Ring(self.MAX)
        self.all: list[Chunk] = []
        self.cleared = 0
        self.cursors: list[tuple[Cursor, list[int]]] = []

    @rule(size=st.integers(0, 2000), key=st.booleans())
    def append(self, size, key):
        data = len(self.all).to_bytes(4, "big") * (size // 4 + 1) if size else b""
        self.ring.append(Chunk(data, key, float(len(self.all))))
        if data:
            self.all.append(Chunk(data, key, float(len(self.all))))

    @rule()
    def clear(self):
        self.ring.clear()
        self.cleared = len(self.all)

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
        elif seen and cursor.skipped == before and self.cleared <= seen[-1]:
            assert not self.expected_tail() <= seen[-1] + 1 < len(self.all)
        assert cursor.taken == sum(len(self.all[n].data) for n in seen)

    def check_start(self, first, seen):
        if seen and first == seen[-1] + 1:
            return
        newest_key = max(n for n in range(self.expected_tail(), len(self.all)) if self.all[n].key)
        assert first == newest_key
        assert not seen or first > seen[-1]

    def expected_tail(self):
        tail, size = len(self.all), 0
        while tail > self.cleared:
            size += len(self.all[tail - 1].data) + OVERHEAD
            if size > self.MAX and tail < len(self.all):
                break
            tail -= 1
        return tail

    @invariant()
    def the_ring_is_the_longest_suffix_within_the_bound(self):
        ring, tail = self.ring, self.expected_tail()
        assert (ring.tail, ring.head) == (tail, len(self.all))
        assert ring.chunks(tail) == self.all[tail:]
        keys = [n for n in range(tail, len(self.all)) if self.all[n].key]
        assert ring.last_key() == (keys[-1] if keys else None)
        near = [n for n in keys if n >= len(self.all) - 4]  # a chunk's time is its number
        assert ring.key_within(3.0) == (near[0] if near else None)
        seconds, bits = ring.span()
        assert seconds == max(0, len(self.all) - tail - 1)
        assert bits == 8 * sum(len(c.data) for c in self.all[tail:-1])
        stats = ring.stats()
        assert stats.bytes == sum(len(c.data) + OVERHEAD for c in self.all[tail:])
        assert stats.bytes <= self.MAX or stats.chunks == 1
        assert (stats.appended, stats.keyframes) == (len(self.all), len(keys))


TestRing = RingMachine.TestCase


@given(
    st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=60),
    st.integers(300, 5000),
    st.lists(st.integers(0, 6), max_size=60),
)
def test_a_viewer_sees_each_gop_it_gets_from_its_keyframe_and_nothing_twice(chunks, bound, pauses):
    """However slow the reader: numbers rise, each jump lands on a keyframe and is counted."""
    ring, seen = Ring(bound), []
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
    ring = Ring(10)
    ring.append(Chunk(b"a" * 100, True))
    ring.append(Chunk(b"b" * 100, False))
    assert ring.read(1, 5) == ((b"b" * 100,), 2)
    assert ring.last_key() is None


@pytest.mark.parametrize("seq", [0, 3])
def test_reading_what_is_not_there_is_an_error(seq):
    ring = Ring(10)
    ring.append(Chunk(b"a", True))
    ring.append(Chunk(b"b", True))
    with pytest.raises(IndexError, match=r"from 1 to 2"):
        ring.read(seq, 10)
    with pytest.raises(IndexError):
        ring.chunks(seq)


def test_a_shared_run_does_not_outlive_a_change():
    ring = Ring(300)
    assert ring.read(0, 9) == ((), 0)
    ring.append(Chunk(b"a", True))
    assert ring.read(0, 9) == ((b"a",), 1)
    ring.append(Chunk(b"b" * 200, False))
    with pytest.raises(IndexError):
        ring.read(0, 9)
    ring.clear()
    assert ring.read(2, 9) == ((), 2)


def test_viewers_at_one_place_share_one_run():
    ring = Ring(10_000)
    cursors = [Cursor(ring) for _ in range(3)]
    ring.append(Chunk(b"a", True))
    runs = [cursor.take(100) for cursor in cursors]
    assert runs[0] is runs[1] is runs[2]
    assert [c.take(100) for c in cursors] == [(), (), ()]
    ring.append(Chunk(b"b", False))
    assert cursors[0].take(100) == (b"b",)


def test_resync_waits_for_a_keyframe_without_counting():
    ring = Ring(10_000)
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
