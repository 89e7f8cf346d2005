from __future__ import annotations

import pytest
from hlscheck import parse

from edge.flow.live import EPOCH, Live, Numbers
from edge.flow.playlist import render
from edge.flow.ring import Chunk
from edge.flow.segment import Cutter, Piece
from edge.flow.tables import leading_tables
from edge.flow.window import Window


def piece(seconds=2.0, size=100, **marks):
    return Piece((b"x" * size,), seconds, **marks)


# --- Window


def test_a_segment_that_left_stays_for_its_own_time_and_its_longest_playlists():
    window = Window(2, 100, 7)
    for n in range(7):
        window.append(piece(), float(n))
    assert (window.msn, window.next_msn) == (101, 107)
    first = window.get(100)
    assert first is not None
    assert first.until == 6.0 + 2.0 + 12.0
    window.expire(19.9)
    assert window.get(100) is first
    window.expire(20.0)
    assert window.get(100) is None
    assert window.get(101) is not None


def test_the_playlist_stays_longer_than_its_size_while_the_rest_would_be_too_short():
    window = Window(6, 0, 0)
    for n in range(20):
        window.append(piece(2.0), float(n))
        assert window.duration >= min(18, 2 * (n + 1))
    assert len(window.segments) == 9


def test_discontinuities_that_left_are_counted():
    window = Window(2, 0, 50)
    for n in range(12):
        window.append(piece(discontinuity=n % 2 == 1), float(n))
    assert window.msn == 6
    assert window.discontinuity_sequence == 53
    assert window.next_discontinuity_sequence == 57


def test_numbers_that_are_not_there_and_gaps_are_none():
    window = Window(2, 10, 0)
    window.append(piece(), 0.0)
    window.append(Piece((), 2.0, gap=True), 2.0)
    assert window.get(10) is not None
    assert [window.get(n) for n in (9, 11, 12, -1)] == [None] * 4


def test_over_its_bytes_the_oldest_go_first_and_are_counted():
    window = Window(2, 0, 0, max_bytes=1000)
    for n in range(9):
        window.append(piece(size=120), float(n))
    stats = window.stats()
    assert (stats.listed, stats.kept, stats.bytes) == (6, 2, 960)
    assert (stats.early, stats.starved) == (1, 0)
    window.append(piece(size=600), 9.0)  # now even listed ones must go: R10 gives way to memory
    stats = window.stats()
    assert (stats.listed, stats.kept, stats.bytes) == (4, 0, 960)
    assert (stats.early, stats.starved) == (4, 2)
    window.append(piece(size=5000), 10.0)
    assert (window.stats().listed, window.stats().bytes) == (1, 5000)
    assert window.msn == 10


def test_over_its_count_the_oldest_kept_go():
    window = Window(2, 0, 0)
    window.max_kept = 3
    for _ in range(20):
        window.append(piece(), 0.0)
    assert (window.stats().kept, window.stats().early) == (3, 11)
    assert window.get(10) is None
    assert window.get(11) is not None


# --- rendering


def test_the_playlist_text():
    window = Window(2, 1000, 3)
    window.append(piece(2.0), 0.0)
    window.append(piece(1.96), 0.0)
    text = render(window, independent=True).decode()
    assert text == (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1000\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXTINF:2.00000,\n1000.ts\n#EXTINF:1.96000,\n1001.ts\n"
    )
    window.append(Piece((), 2.0, gap=True), 0.0)
    window.append(piece(2.0, discontinuity=True), 0.0)
    text = render(window, independent=True).decode()
    assert "#EXT-X-VERSION:8" in text
    assert text.endswith("#EXT-X-GAP\n#EXTINF:2.00000,\n1002.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\n1003.ts\n")
    assert len(parse(text).entries) == 4


def test_independent_is_claimed_only_while_it_is_true():
    window = Window(2, 0, 0)
    window.append(piece(), 0.0)
    assert b"INDEPENDENT" not in render(window, independent=False)
    window.append(piece(independent=False), 0.0)
    assert b"INDEPENDENT" not in render(window, independent=True)
    for _ in range(7):
        window.append(piece(), 0.0)
    assert b"INDEPENDENT" in render(window, independent=True)


# --- cutting


def cut(times, keys, limit=2.499, target=2.0, max_bytes=1 << 20):
    cutter = Cutter(target, limit, max_bytes)
    pieces = []
    for n, time in enumerate(times):
        pieces += cutter.push(Chunk(bytes([n]), n in keys, time))
    return cutter, pieces


def test_without_a_keyframe_in_time_the_last_chunk_that_fits_not_ends_the_piece_before_it():
    _, pieces = cut([0, 1, 2, 2.4, 2.6, 3], keys=[0])
    assert [(p.chunks, p.duration, p.independent) for p in pieces] == [((b"\0", b"\1", b"\2"), 2.4, True)]


def test_a_hole_in_the_media_does_not_leave_a_stump():
    _, pieces = cut([0, 0.1, 2.55, 3, 4], keys=[0, 4])
    assert [(len(p.chunks), p.duration) for p in pieces] == [(2, 2.499), (2, 1.45)]


def test_time_that_steps_is_a_discontinuity_at_the_next_keyframe():
    cutter, pieces = cut([10, 11, 12, 12.5, 100, 101, 103], keys=[0, 2, 5, 6])
    assert [(p.chunks, p.duration, p.discontinuity) for p in pieces] == [
        ((b"\0", b"\1"), 2.0, False),
        ((b"\2", b"\3"), 1.0, False),
        ((b"\5",), 2.0, True),
    ]
    assert cutter.dropped == 1


def test_a_small_step_back_is_only_uneven_tracks():
    _, pieces = cut([10, 11, 10.8, 12.1], keys=[0, 3])
    assert [(len(p.chunks), p.duration) for p in pieces] == [(3, 2.1)]


def test_a_stream_whose_time_stands_still_does_not_grow():
    cutter = Cutter(2.0, 2.499, 10_000)
    for n in range(1000):
        assert cutter.push(Chunk(b"x" * 1000, n == 0, 5.0)) == []
        assert cutter._size <= 10_000
    assert cutter.dropped > 900


def ts_packet(pid, body=b"", *, start=True):
    return (bytes([0x47, (0x40 if start else 0) | pid >> 8, pid & 255, 0x10]) + body).ljust(188, b"\xff")


def pat(pmt_pid):
    section = bytes([0, 0xB0, 17, 0, 1, 0xC1, 0, 0, 0, 0, 0xE0, 16, 0, 1, 0xE0 | pmt_pid >> 8, pmt_pid & 255])
    return ts_packet(0, b"\0" + section)


def test_a_piece_that_begins_without_a_keyframe_repeats_the_tables():
    tables = pat(0x1000) + ts_packet(0x1000, b"\0pmt")
    cutter = Cutter(2.0, 6.0, 1 << 20)
    pieces = []
    for n in range(15):
        head = tables if n == 0 else b""
        pieces += cutter.push(Chunk(head + ts_packet(0x100, bytes([n])), n == 0, float(n)))
    assert [p.independent for p in pieces] == [True, False]
    assert pieces[0].chunks[0].startswith(tables)
    assert pieces[1].chunks[0] == tables
    assert pieces[1].chunks[1] == ts_packet(0x100, bytes([6]))


@pytest.mark.parametrize(
    ("data", "packets"),
    [
        (pat(0x1000) + ts_packet(0x1000) + ts_packet(0x100), 2),
        (ts_packet(0x11) + pat(0x20) + ts_packet(0x20) + ts_packet(0x21), 3),
        (pat(0x1000) + ts_packet(0x20), 1),
        (ts_packet(0x100) + pat(0x1000), 0),
        (b"", 0),
        (b"FLV" * 100, 0),
        (pat(0x1000)[:100], 0),
        (ts_packet(0, b"\xff" * 184), 1),
        (bytes([0x47, 0x40, 0, 0x30, 183]) + b"\xff" * 183, 1),
    ],
)
def test_tables_are_the_leading_packets_of_pat_sdt_and_pmt(data, packets):
    assert leading_tables(data) == data[: packets * 188]


# --- the playlist over time


def live(now=0.0, **options):
    return Live(now, EPOCH + 1000.5, **options)


def feed(playlist, start, seconds, now=None, step=0.5, gop=2.0):
    for n in range(int(seconds / step)):
        time = start + n * step
        playlist.append(Chunk(b"data", time % gop == 0, time), time if now is None else now)


def test_numbers_begin_above_the_seconds_and_at_the_hours_since_2020_or_above_what_was():
    assert live().next_numbers == Numbers(1001, 0)  # 1000.5 is when the process began
    assert live(age=3.0).next_numbers == Numbers(998, 0)
    assert live(age=300.0).next_numbers == Numbers(993, 0)  # eight numbers until now
    assert live(floor=Numbers(5000, 3)).next_numbers == Numbers(5000, 3)
    assert Live(0.0, EPOCH + 7200.0, floor=Numbers(5000, 1)).next_numbers == Numbers(7201, 2)


@pytest.mark.parametrize(("age", "listed"), [(0.0, 0), (2.0, 2), (300.0, 4)])
def test_a_burst_is_listed_as_far_as_the_process_is_old_and_then_one_a_second(age, listed):
    playlist = live(age=age)
    feed(playlist, 0, 8.5, now=0.0)
    assert playlist.version == listed
    for _ in range(4 - listed):
        now = playlist.due
        playlist.tick(now - 0.01)
        assert playlist.version == listed
        playlist.tick(now)
        listed += 1
        assert playlist.version == listed
        assert playlist.next_numbers.msn - 1 == 1000 + int(now + 0.5)
    assert playlist.stats().gaps == playlist.stats().ended == 0


def test_of_a_burst_only_so_much_waits_and_what_follows_is_marked():
    playlist = live()
    feed(playlist, 0, 80.5, now=0.0)
    assert playlist.stats().overtaken == 40 - 16
    for second in range(1, 17):
        playlist.tick(second - 0.4)
    segments = list(playlist.window.segments)
    assert playlist.version == 16
    assert segments[-1].piece.chunks == (b"data",) * 4
    feed(playlist, 80.5, 2, now=16.0)
    assert not any(s.piece.discontinuity for s in segments)  # the first listed continues nothing, the others it


def test_a_burst_overtakes_what_was_not_listed_yet_with_a_mark():
    playlist = live()
    feed(playlist, 0, 2.5)
    feed(playlist, 2.5, 80, now=2.0)
    for second in range(3, 8):
        playlist.tick(float(second))
    assert playlist.stats().overtaken > 20
    assert sum(s.piece.discontinuity for s in playlist.window.segments) == 1


def test_what_waits_is_bounded_in_bytes():
    playlist = live(max_bytes=8000)
    for n in range(40):
        playlist.append(Chunk(b"x" * 300, n % 2 == 0, n * 1.0), 0.0)
    assert playlist.stats().overtaken == 19 - 3  # of 600 bytes each: a quarter is 2000


def test_what_no_player_could_begin_with_is_overtaken_to_the_next_keyframe():
    playlist = live()
    for n in range(100):
        playlist.append(Chunk(b"x", n == 0, n * 1.0), 0.0)
    assert playlist.stats().overtaken == 17
    assert playlist.stats().dropped > 0
    playlist.append(Chunk(b"k", True, 100.0), 0.0)
    playlist.append(Chunk(b"k", True, 102.0), 0.0)
    playlist.tick(1.0)
    assert [s.piece.chunks for s in playlist.window.segments] == [(b"k",)]


def test_discontinuity_numbers_stay_small_enough_for_players_that_keep_an_array_of_that_length():
    year_2050 = 2_524_608_000.0
    assert Live(0.0, year_2050).next_numbers.discontinuity_sequence < 1_000_000
    assert Live(0.0, 0.0).next_numbers == Numbers(1, 0)  # a host without a clock yet


def test_a_source_that_goes_away_and_comes_back():
    playlist = live()
    feed(playlist, 0, 4.5)
    assert playlist.due == 4.0 + 2.8
    playlist.tick(6.7)
    assert playlist.version == 2
    for now in (6.8, 9.6, 11.6, 13.6):
        playlist.tick(now)
    feed(playlist, 4.5, 6, now=14.0)  # goes on in the middle of a GOP: nothing of it before the keyframe at 6
    shape = [(s.piece.duration, s.piece.gap, s.piece.discontinuity) for s in playlist.window.segments]
    assert (
        shape
        == [
            (2.0, False, False),
            (0.5 * 2 - 0.5, False, False),
            (2.0, True, False),
            (2.0, True, False),
            (2.0, True, False),
            (2.0, False, True),
            (2.0, False, False),
        ][-len(shape) :]
    )
    assert playlist.stats().gaps == 3
    assert playlist.stats().ended == 1
    assert playlist.stats().dropped == 3


def test_a_short_stall_costs_no_picture():
    playlist = live()
    feed(playlist, 0, 3.5)
    playlist.tick(4.8)
    feed(playlist, 3.5, 3, now=5.0)  # a keyframe at 4

    shape = [(s.piece.duration, s.piece.independent, s.piece.discontinuity) for s in playlist.window.segments]
    assert shape == [(2.0, True, False), (1.5, True, False), (0.5, False, False), (2.0, True, False)]
    assert playlist.stats().dropped == 0


@pytest.mark.parametrize(("gop", "known_at", "target"), [(2.0, 6.0, 6), (4.0, 8.0, 6), (5.0, 8.0, 8), (60.0, 8.0, 12)])
def test_copy_mode_lists_nothing_before_it_knows_the_gops(gop, known_at, target):
    playlist = live(copy=True)
    feed(playlist, 0, known_at, gop=gop)
    assert not playlist.ready
    assert playlist.target_duration is None
    assert playlist.due == float("inf")
    feed(playlist, known_at, 12, gop=gop)
    assert playlist.target_duration == target
    assert playlist.ready


def test_copy_mode_decides_by_the_clock_when_little_comes():
    playlist = live(copy=True)
    feed(playlist, 0, 1.0)
    playlist.tick(7.9)
    assert playlist.target_duration is None
    playlist.tick(8.0)
    assert playlist.target_duration == 6


def test_the_first_playlist_of_all_bears_no_mark():
    playlist = live()
    playlist.discontinuity()
    feed(playlist, 0, 2.5)
    assert [s.piece.discontinuity for s in playlist.window.segments] == [False]
