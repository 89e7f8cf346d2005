"""The timeline against responses that are cut, replayed, damaged, jumped and rebased."""

from collections.abc import Iterable
from itertools import pairwise
from zlib import crc32

import pytest

from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark
from edge.media.timeline import HOLD, START, WRAP, Timeline

FRAME = 1800  # 50 frames/s
GOP = 100
BASE = 30472 * TICKS


def video(n: int, base: int = BASE, salt: int = 0) -> Mark:
    dts = base + n * FRAME
    return Mark(VIDEO, dts % WRAP, (dts + 2 * FRAME) % WRAP, FRAME, n % GOP == 0, crc32(f"{salt} v {n}".encode()))


def audio(n: int, base: int = BASE, salt: int = 0) -> Mark:
    dts = base + n * 1920
    return Mark(AUDIO, dts % WRAP, dts % WRAP, 1920, True, crc32(f"{salt} a {n}".encode()))


def stretch(first: int, last: int, base: int = BASE, salt: int = 0) -> list[Mark]:
    """Frames first..last-1 and the audio beside them, in order of time."""
    marks = [video(n, base, salt) for n in range(first, last)]
    marks += [audio(n, base, salt) for n in range(first * FRAME // 1920, last * FRAME // 1920)]
    return sorted(marks, key=lambda m: ((m.dts - base) % WRAP, m.stream))


class Run:
    """Feeds a timeline and keeps what it placed; `item` is the mark."""

    def __init__(self, **options: bool) -> None:
        self.timeline: Timeline[Mark] = Timeline(**options)
        self.now = 0.0
        self.placed = []

    def response(self, marks: Iterable[Mark], *, clean: bool = False, replays: bool = True) -> list:
        self.timeline.connect(self.now, replays=replays)
        new = [p for m in marks for p in self.timeline.push(m, m, self.now)]
        self.timeline.end(clean=clean)
        self.placed += new
        return new

    def videos(self) -> list:
        return [p for p in self.placed if p.stream == VIDEO]

    def check_rising(self) -> None:
        for stream in (VIDEO, AUDIO):
            dts = [p.dts for p in self.placed if p.stream == stream]
            assert all(a < b for a, b in pairwise(dts))


def test_first_response_starts_at_the_first_keyframe() -> None:
    run = Run()
    run.response(stretch(30, 250))
    first = run.placed[0]
    assert (first.item.key, first.stream, first.dts, first.fresh) == (True, VIDEO, START, True)
    assert not any(p.fresh or p.discontinuity for p in run.placed[1:])


def test_replay_is_dropped_and_not_one_frame_is_lost_or_shown_twice() -> None:
    run = Run()
    run.response(stretch(0, 600))
    second = run.response(stretch(500, 1200))
    assert [p.item.dts for p in run.videos()] == [video(n).dts for n in range(1200)]
    assert not any(p.fresh or p.discontinuity for p in second)
    assert run.timeline.counts["overlap"] == 1
    run.check_rising()


def test_byte_exact_continuation_keeps_the_decoder() -> None:
    run = Run()
    run.response(stretch(0, 600))
    second = run.response(stretch(600, 900))
    assert not any(p.fresh or p.discontinuity for p in second)
    assert len(run.videos()) == 900
    assert run.timeline.counts["continued"] == 1


def test_damaged_copies_in_a_replay_are_not_news() -> None:
    run = Run()
    run.response(stretch(0, 600))
    replay = [m if i % 7 else video(9999) for i, m in enumerate(stretch(500, 600))]
    damaged = [
        Mark(m.stream, o.dts, o.pts, o.duration, o.key, m.digest)
        for m, o in zip(replay, stretch(500, 600), strict=True)
    ]
    run.response([*damaged, *stretch(600, 700)])
    assert [p.item.dts for p in run.videos()] == [video(n).dts for n in range(700)]
    assert run.timeline.counts["damaged_copy"] > 10
    run.check_rising()


def test_gap_waits_for_a_keyframe_and_keeps_its_length_when_short() -> None:
    run = Run()
    run.response(stretch(0, 595))
    second = run.response(stretch(610, 800))
    first = next(p for p in second if p.stream == VIDEO)
    assert first.fresh
    assert first.item.key
    assert first.item.dts == video(700).dts
    assert first.dts - run.videos()[594].dts == (700 - 594) * FRAME  # audio kept the time meanwhile
    run.check_rising()


def test_long_gap_closes_up_with_a_discontinuity() -> None:
    run = Run()
    run.response(stretch(0, 600))
    second = run.response(stretch(800, 1000))
    assert second[0].discontinuity
    assert second[0].dts - run.placed[-len(second) - 1].dts < HOLD
    run.check_rising()


def reordered(count: int, base: int, salt: int) -> list[Mark]:
    """Pictures in the order I P B B P B B …: a P picture is shown three frames after it is decoded."""
    shown = [1, *(3 * (n // 3) + (4, 2, 3)[n % 3] for n in range(count - 1))]
    times = [(base + n * FRAME, base + at * FRAME) for n, at in enumerate(shown)]
    return [Mark(VIDEO, *each, FRAME, n == 0, crc32(f"{salt} {n}".encode())) for n, each in enumerate(times)]


@pytest.mark.parametrize("distance", [3 * TICKS, 50_000 * TICKS])  # a gap that closes up, another clock
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("count", [200, 201, 202])  # cut after each kind of picture
def test_after_a_break_everything_is_shown_after_what_was_before(count: int, plain: bool, distance: int) -> None:
    run = Run()
    first = run.response(reordered(count, BASE, 1))
    base = BASE + count * FRAME + distance
    second = run.response([video(n, base) for n in range(count)] if plain else reordered(count, base, 2))
    last, begin = max(p.pts for p in first), min(p.pts for p in second)
    assert second[0].discontinuity
    assert 0 < begin - last <= 3 * FRAME
    assert len(run.videos()) == 2 * count
    run.check_rising()


def test_responses_that_each_start_at_zero_are_followed() -> None:
    run = Run()
    marks = stretch(0, 600)
    run.response([Mark(m.stream, m.dts - BASE, m.pts - BASE, m.duration, m.key, m.digest) for m in marks])
    later = stretch(500, 1200)
    zero = later[0].dts
    second = run.response([Mark(m.stream, m.dts - zero, m.pts - zero, m.duration, m.key, m.digest) for m in later])
    assert [p.item.digest for p in run.videos()] == [video(n).digest for n in range(1200)]
    assert not any(p.fresh or p.discontinuity for p in second)
    run.check_rising()


def test_other_content_with_older_times_goes_on_behind_the_last_packet() -> None:
    run = Run()
    run.response(stretch(0, 600))
    second = run.response(stretch(0, 600, BASE - 400 * FRAME, salt=1))
    assert second[0].discontinuity
    assert second[0].fresh
    assert second[0].item.key
    assert len([p for p in second if p.stream == VIDEO]) == 600
    run.check_rising()


@pytest.mark.parametrize("jump", [-3600, -20, -2, 11, 50_000])
def test_clock_that_jumps_within_a_response(jump: int) -> None:
    run = Run()
    later = stretch(600, 1200, BASE + jump * TICKS, salt=2)
    # the muxer interleaves: audio of the old clock comes after video of the new
    first, rest = stretch(0, 600), later
    first[-3:], rest[:1] = rest[:1], first[-3:]
    run.response([*first, *rest])
    run.check_rising()
    assert len(run.videos()) >= 600 + 490
    assert run.timeline.counts["discontinuity"] == 1


def test_replay_within_a_response_is_dropped_too() -> None:
    run = Run()
    run.response([*stretch(0, 600), *stretch(450, 1000)])
    assert [p.item.dts for p in run.videos()] == [video(n).dts for n in range(1000)]
    assert run.timeline.counts["discontinuity"] == 0


def test_33_bit_wrap_is_no_event() -> None:
    run = Run()
    base = WRAP - 300 * FRAME
    run.response(stretch(0, 500, base))
    run.response(stretch(400, 900, base))
    assert len(run.videos()) == 900
    assert run.timeline.counts["discontinuity"] == 0
    assert run.timeline.counts["gap"] == 0
    run.check_rising()


def test_a_file_is_played_again_after_a_response_of_replays_alone() -> None:
    run = Run()
    rounds = [len(run.response(stretch(0, 100), clean=True)) for _ in range(4)]
    assert rounds[0] == rounds[2] > 100
    assert rounds[1] == rounds[3] == 0


def test_looped_file_needs_no_proof() -> None:
    run = Run()
    rounds = [len(run.response(stretch(0, 100), clean=True, replays=False)) for _ in range(3)]
    assert rounds[0] == rounds[1] == rounds[2]
    run.check_rising()


def test_silence_repeats_itself_and_proves_nothing() -> None:
    run = Run(has_video=False)
    quiet = [Mark(AUDIO, n * 1920, n * 1920, 1920, True, 7) for n in range(200)]
    run.response(quiet)
    run.response([Mark(AUDIO, m.dts + 250 * 1920, m.pts + 250 * 1920, 1920, True, 7) for m in quiet])
    assert run.timeline.counts["overlap"] == 0
    assert len(run.placed) == 400
    run.check_rising()


def test_audio_alone_is_played_after_a_while_without_pictures() -> None:
    run = Run()
    run.response([audio(n) for n in range(500)])
    assert 200 < len(run.placed) < 270


def test_live_packets_older_than_the_proof_window_are_taken_as_news() -> None:
    run = Run()
    run.response(stretch(0, 600))
    run.timeline.connect(run.now)
    got = []
    for m in stretch(0, 400, BASE - 450 * FRAME, salt=3):
        run.now += 0.011
        got += run.timeline.push(m, m, run.now)
    assert got
    assert got[0].discontinuity


def test_counts_tell_what_became_of_every_packet() -> None:
    run = Run()
    sent = [stretch(30, 300), stretch(250, 500), stretch(520, 700), stretch(0, 300, 5 * TICKS, salt=4)]
    for marks in sent:
        run.response(marks)
    counts = run.timeline.counts
    dropped = counts["replayed"] + counts["waiting_key"] + counts["late"]
    assert len(run.placed) + dropped == sum(map(len, sent))
    assert (counts["overlap"], counts["gap"], counts["discontinuity"]) == (1, 1, 1)
    assert counts["damaged_copy"] == 0


def test_audio_only_channel_needs_no_picture() -> None:
    run = Run(has_video=False)
    run.response([audio(n) for n in range(100)])
    run.response([audio(n) for n in range(80, 200)])
    assert [p.item.dts for p in run.placed] == [audio(n).dts for n in range(200)]
    assert not any(p.fresh or p.discontinuity for p in run.placed)
    run.check_rising()


def test_a_gap_of_audio_alone_keeps_its_length() -> None:
    run = Run(has_video=False)
    run.response([audio(n) for n in range(100)])
    run.response([audio(n) for n in range(120, 200)])
    dts = [p.dts for p in run.placed]
    assert dts[100] - dts[99] == 21 * 1920
    assert len(dts) == 180


def test_video_that_disappears_leaves_the_audio_going_on() -> None:
    run = Run()
    run.response(stretch(0, 600))
    last = audio(600 * FRAME // 1920 - 1)
    assert run.placed[-1].item == last or run.placed[-2].item == last
    second = run.response([audio(n) for n in range(540, 1200)])
    assert [p.item.dts for p in second] == [audio(n).dts for n in range(600 * FRAME // 1920, 1200)]
    assert not any(p.discontinuity for p in second)
    third = run.response(stretch(1290, 1500))  # frame 1300 is a keyframe
    first = next(p for p in third if p.stream == VIDEO)
    assert first.fresh
    assert first.item.dts == video(1300).dts
    run.check_rising()


def test_a_late_packet_is_not_a_step_back() -> None:
    run = Run()
    marks = stretch(0, 300)
    marks[100], marks[103] = marks[103], marks[100]
    run.response(marks)
    assert 0 < run.timeline.counts["late"] <= 4
    assert run.timeline.counts["discontinuity"] == 0
    run.check_rising()
