"""Bounds of rings and playlists that change while they run."""

from __future__ import annotations

import pytest

from edge.flow.bounds import Bounds
from edge.flow.budget import Budget
from edge.flow.live import Live
from edge.flow.ring import OVERHEAD, Chunk, Cursor, Ring


def filled(seconds: int, size: int = 10_000, draw=None) -> Ring:
    """Four chunks a second, a keyframe every two."""
    ring = Ring(Bounds(), draw)
    for n in range(seconds * 4):
        ring.append(Chunk(b"x" * size, n % 8 == 0, n / 4))
    return ring


def test_within_lowers_what_is_over_and_raises_nothing():
    assert Bounds().within(1 << 30) == Bounds()
    assert Bounds().within(300 << 10) == Bounds(256 << 10, 300 << 10, 300 << 10)
    assert Bounds().within(1000) == Bounds(1000, 1000, 1000)
    assert Bounds().within(300 << 10).tight().most == 300 << 10


def test_a_tight_ring_keeps_the_last_keyframe_and_a_second():
    ring = filled(60)
    before = ring.held
    ring.bound(Bounds().tight())
    assert ring.held < before / 3
    assert ring.last_key() is not None
    assert ring.tail <= ring.last_key()
    chunks = ring.chunks(ring.tail)
    assert chunks[-1].time - chunks[0].time >= 1.0
    assert len([chunk for chunk in chunks if chunk.key]) == 1


def test_in_a_tight_ring_a_viewer_who_keeps_up_loses_nothing():
    ring = filled(60)
    ring.bound(Bounds().tight())
    cursor, got = Cursor(ring), []
    cursor.take(1 << 20)
    for n in range(240, 480):
        ring.append(Chunk(b"%d" % n, n % 8 == 0, n / 4))
        got += cursor.take(1 << 20)
    assert got == [b"%d" % n for n in range(240, 480)]
    assert cursor.skipped == 0


def test_a_cursor_in_what_was_let_go_begins_at_the_keyframe_and_not_in_a_remembered_run():
    ring = filled(60)
    slow, fast = Cursor(ring), Cursor(ring)
    slow.take(1)
    assert ring.run(slow._seq, 1000)[0]  # made, and remembered
    ring.bound(Bounds.flat(OVERHEAD))  # only the newest stays
    assert ring.stats().chunks == 1
    assert slow.take(1000) == ()
    assert slow.skipped == 1
    ring.append(Chunk(b"key", True, 60.0))
    assert slow.take(1000) == fast.take(1000) == (b"key",)


def test_wide_again_a_ring_fills_again():
    ring = filled(60)
    before = ring.held
    ring.bound(Bounds().tight())
    ring.bound(Bounds())
    for n in range(240, 480):
        ring.append(Chunk(b"x" * 10_000, n % 8 == 0, n / 4))
    assert ring.held == before


def test_the_draw_is_what_the_ring_holds_also_when_it_changes_hands_and_when_it_ends():
    budget = Budget()
    ring = filled(10, draw=budget.draw("rings"))
    assert budget.used == ring.held == ring.stats().bytes
    ring.bound(Bounds.flat(20_000))
    assert budget.used == ring.held <= 20_000 + OVERHEAD
    other = Budget()
    ring.draw_on(other.draw("rings"))
    assert (budget.used, other.used) == (0, ring.held)
    ring.clear()
    assert other.used == 0
    ring.append(Chunk(b"x", True))
    assert other.used == 1 + OVERHEAD
    ring.close()
    assert other.used == ring.held == 0
    assert other.stats().accounts["rings"].owners == 0


def play(live: Live, start: int, seconds: int) -> None:
    for n in range(start * 2, (start + seconds) * 2):
        live.append(Chunk(b"x" * 10_000, n % 4 == 0, n / 2), float(start + (n - start * 2) / 2))
        live.tick(start + (n - start * 2) / 2)


def test_a_playlist_of_fewer_segments_keeps_three_target_durations():
    live = Live(0.0, 1_800_000_000.0, age=100.0)
    play(live, 0, 60)
    assert live.window is not None
    assert len(live.window.segments) == 6
    live.bound(64 << 20, 3)
    play(live, 60, 20)
    assert len(live.window.segments) == 3
    assert live.window.duration >= 6
    live.bound(64 << 20, 6)
    play(live, 80, 20)
    assert len(live.window.segments) == 6
    assert live.window.stats().early == live.window.stats().starved == 0


@pytest.mark.parametrize("copy", [False, True])
def test_a_playlist_holds_no_more_than_its_new_bound_and_says_what_that_cost(copy):
    live = Live(0.0, 1_800_000_000.0, age=100.0, copy=copy)
    play(live, 0, 100)
    assert live.held > 400_000
    live.bound(400_000, 6)
    play(live, 100, 20)
    assert live.window is not None
    assert live.window.held <= 400_000
    assert live.held <= 400_000 * 1.5  # with what is open
    assert live.window.stats().early > 0


def test_what_a_playlist_holds_is_its_segments_what_waits_and_what_is_open():
    live = Live(0.0, 1_800_000_000.0, age=0.0)
    for n in range(40):
        live.append(Chunk(b"x" * 1000, n % 4 == 0, n / 2), 0.0)  # all at once: most wait for their numbers
    assert live.window is not None
    assert live.window.held < live.held
    assert live.held >= 40_000
    learning = Live(0.0, 1_800_000_000.0, copy=True)
    learning.append(Chunk(b"x" * 1000, True, 0.0), 0.0)
    assert learning.held == 1000 + OVERHEAD
