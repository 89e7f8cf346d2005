"""Damaged times are dropped, real jumps pass, nothing is lost in between."""

from collections.abc import Iterable

import pytest

from edge.media.guard import CONFIRMED, WRAP, Guard
from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark

FRAME = 1800


def marks(times: Iterable[int], stream: int = VIDEO) -> list[Mark]:
    return [Mark(stream, t % WRAP, t % WRAP, FRAME, True, 0) for t in times]


def run(given: list[Mark], *, whole: bool = True) -> list[Mark]:
    guard: Guard[Mark] = Guard()
    guard.connect()
    out = [m for mark in given for m, _ in guard.push(mark, mark)]
    out += [m for m, _ in guard.end(whole=whole)]
    assert len(out) + guard.damaged == len(given) or not whole
    return out


def steady(n: int, start: int = 0, step: int = FRAME) -> list[int]:
    return [start + i * step for i in range(n)]


@pytest.mark.parametrize("step", [FRAME, 90_000, 5 * TICKS], ids=["50 frames/s", "1 frame/s", "a slide show"])
def test_an_undamaged_stream_passes_whole(step):
    given = marks(steady(200, WRAP - 100 * step, step))
    assert run(given) == given


@pytest.mark.parametrize("by", [-3600 * TICKS, -2 * TICKS, 3 * TICKS, 9 * TICKS, 40_000 * TICKS])
@pytest.mark.parametrize("at", [2, 50, 198])
def test_one_damaged_time_is_dropped(by, at):
    times = steady(200)
    given = marks(times[:at]) + marks([times[at] + by]) + marks(times[at + 1 :])
    assert run(given) == given[:at] + given[at + 1 :]


@pytest.mark.parametrize("by", [-3600 * TICKS, 3 * TICKS, 9 * TICKS, 40_000 * TICKS])
@pytest.mark.parametrize("at", [0, 1])
def test_a_damaged_time_at_the_beginning_costs_one_more_at_most(by, at):
    times = steady(200)
    given = marks(times[:at]) + marks([times[at] + by]) + marks(times[at + 1 :])
    assert run(given) == given[at + 1 :]


def test_the_frames_of_a_damaged_pes_are_dropped_together():
    times = steady(100, step=1920)
    given = marks(times[:50], AUDIO) + marks([t + 4 * TICKS for t in times[50:58]], AUDIO) + marks(times[58:], AUDIO)
    assert run(given) == given[:50] + given[58:]


@pytest.mark.parametrize("by", [-3600 * TICKS, 3 * TICKS, 3600 * TICKS])
def test_a_real_jump_passes_whole(by):
    given = marks(steady(100)) + marks(steady(100, 100 * FRAME + by))
    assert run(given) == given


def test_a_jump_passes_as_soon_as_it_is_sure():
    guard: Guard[Mark] = Guard()
    for mark in marks(steady(10)):
        guard.push(mark, mark)
    jumped = marks(steady(CONFIRMED, 900 * TICKS))
    given = [guard.push(mark, mark) for mark in jumped]
    assert [len(each) for each in given] == [0] * (CONFIRMED - 1) + [CONFIRMED]


def test_random_times_are_bounded_and_end():
    given = marks([(i * 7919 % 1009) * 97 * TICKS for i in range(500)])
    assert len(run(given)) < 250


def test_a_cut_response_keeps_nothing():
    given = marks([*steady(10), 99 * TICKS])
    assert run(given, whole=False) == given[:10]


def test_a_damaged_pts_becomes_the_dts():
    guard: Guard[None] = Guard()
    mark = Mark(VIDEO, 1000, 1000 + 60 * TICKS, FRAME, True, 0)
    guard.push(mark, None)
    ((got, _), _) = guard.push(Mark(VIDEO, 2800, 4600, FRAME, False, 0), None)
    assert got.pts == got.dts == 1000


def test_streams_do_not_disturb_each_other():
    video, audio = marks(steady(60)), marks([t + 500 * TICKS for t in steady(60)], AUDIO)
    mixed = [m for pair in zip(video, audio, strict=True) for m in pair]
    assert sorted(run(mixed), key=lambda m: (m.stream, m.dts)) == [*video, *audio]
