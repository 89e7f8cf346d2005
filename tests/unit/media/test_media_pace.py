"""Pace, lateness and frame rate: pure functions of media seconds and monotonic seconds."""

from itertools import pairwise

import pytest

from edge.media.overlap import TICKS
from edge.media.pace import BURST, FILLED, SLACK, Allowance, Lateness, Pacer
from edge.media.video import MOST_REPEATS, REPEAT, FrameRate, repeats


def test_no_lead_never_waits() -> None:
    pacer = Pacer(None)
    assert [pacer.delay(media, 0.0) for media in (0.0, 100.0, 5.0)] == [0.0, 0.0, 0.0]


def test_media_may_run_ahead_by_the_lead_and_no_more() -> None:
    pacer = Pacer(2.0)
    assert pacer.delay(10.0, 100.0) == 0.0
    assert pacer.delay(12.0, 100.0) == 0.0
    assert pacer.delay(13.5, 100.0) == pytest.approx(1.5)
    assert pacer.delay(13.5, 101.5) == pytest.approx(0.0)


def test_media_that_comes_late_is_not_hurried_after() -> None:
    pacer = Pacer(0.0)
    pacer.delay(0.0, 0.0)
    assert pacer.delay(1.0, 31.0) == 0.0  # 30 s late: the anchor moves
    assert pacer.delay(2.0, 31.0) == pytest.approx(1.0)


def test_pace_over_an_hour_has_no_drift() -> None:
    pacer, now = Pacer(0.0), 0.0
    for n in range(3600 * 25):
        now += pacer.delay(n / 25, now)
    assert now == pytest.approx(3600 - 1 / 25, abs=1e-6)


def test_sleeps_that_end_late_cost_no_time() -> None:
    pacer, now = Pacer(0.0), 0.0
    for n in range(3600 * 25):
        wait = pacer.delay(n / 25, now)
        now += wait + 0.012 if wait else 0.001
    assert now == pytest.approx(3600 - 1 / 25, abs=0.1)


def test_media_that_is_a_little_late_is_caught_up_with_and_a_stall_is_not() -> None:
    pacer = Pacer(0.0)
    pacer.delay(0.0, 0.0)
    assert pacer.delay(1.0, 1.0 + SLACK) == 0.0
    assert pacer.delay(4.0, 2.0 + SLACK) == pytest.approx(2.0 - SLACK)
    assert pacer.delay(5.0, 5.1 + SLACK) == 0.0
    assert pacer.delay(6.0, 5.1 + SLACK) == pytest.approx(1.0)


def test_lag_is_what_the_output_is_behind_its_best() -> None:
    late = Lateness()
    late.note(0.0, 100.0)
    late.note(1.0, 100.5)  # it catches up: this is the best now
    late.note(2.0, 102.0)
    assert late.lag == pytest.approx(0.5)
    late.reset()
    late.note(3.0, 200.0)
    assert late.lag == 0.0


@pytest.mark.parametrize(("source", "most", "expected"), [(50, 15, 15), (25, 25, 25), (30, 25, 25), (12, 25, 12)])
def test_frame_rate_is_the_bound_or_the_sources(source: int, most: int, expected: int) -> None:
    rate = FrameRate(most)
    taken = [n * TICKS // source for n in range(10 * source) if rate.take(n * TICKS // source)]
    assert len(taken) == 10 * expected


def test_frame_rate_of_a_jittering_source_never_exceeds_its_slots() -> None:
    rate = FrameRate(15)
    times = [n * 1800 + (n * 7919) % 1500 for n in range(2000)]
    taken = [t for t in times if rate.take(t)]
    assert len({t * 15 // TICKS for t in taken}) == len(taken)


def test_a_fraction_of_a_frame_a_second() -> None:
    rate = FrameRate(0.5)
    assert [t for t in range(10) if rate.take(t * TICKS)] == [0, 2, 4, 6, 8]


def test_no_repeats_up_to_a_hole() -> None:
    assert repeats(1000, 1000 + 2 * REPEAT) == []
    assert repeats(1000, 500) == []


def test_repeats_fill_a_hole_at_a_distance_from_both_ends() -> None:
    pts = 5 * TICKS
    at = repeats(0, pts)
    assert at[0] == REPEAT
    assert pts - at[-1] >= REPEAT // 2
    assert all(b - a == REPEAT for a, b in pairwise(at))


def test_repeats_are_bounded() -> None:
    assert len(repeats(0, 3600 * TICKS)) == MOST_REPEATS


def test_repeats_keep_to_a_slow_rate() -> None:
    assert repeats(0, 2 * TICKS, every=TICKS) == []
    assert repeats(0, 5 * TICKS, every=TICKS) == [TICKS, 2 * TICKS, 3 * TICKS, 4 * TICKS]


def test_without_a_bound_nothing_is_paced() -> None:
    assert Allowance().delay(100.0, 1.0) == 0.0


@pytest.mark.parametrize("cores", [0.03, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("step", [0.001, 0.02, 0.3])
def test_work_stays_within_the_allowance(cores: float, step: float) -> None:
    """Flat out in steps of processor time: over any stretch at most what is allowed, one burst and one step."""
    allowance, used, now = Allowance(), 7.0, 50.0
    allowance.allow(cores, used, now)
    for _ in range(400):
        used, now = used + step, now + step
        now += allowance.delay(used, now)
        assert used - 7.0 <= (now - 50.0 + BURST) * cores + step
    assert used - 7.0 >= (now - 50.0 - BURST) * cores * 0.99  # and no less than that: time is not lost


def test_only_a_burst_is_saved_up() -> None:
    allowance = Allowance()
    allowance.allow(0.5, 0.0, 0.0)
    assert allowance.delay(0.0, 60.0) == 0.0
    assert allowance.delay(0.05, 60.0) == pytest.approx(0.0)
    assert allowance.delay(0.15, 60.0) == pytest.approx(0.2 + FILLED * BURST)


def test_work_comes_in_spells() -> None:
    """Small steps do not each wait: the bucket is emptied first."""
    allowance, used, now, waits = Allowance(), 0.0, 0.0, 0
    allowance.allow(0.05, used, now)
    while now < 10.0:
        used, now = used + 0.0005, now + 0.0005
        wait = allowance.delay(used, now)
        waits, now = waits + (wait > 0), now + wait
    assert 100 <= waits <= 130


def test_a_new_allowance_counts_from_now_on_and_none_ends_it() -> None:
    allowance = Allowance()
    allowance.allow(0.1, 0.0, 0.0)
    assert allowance.delay(1.0, 0.0) == pytest.approx(10.0 + FILLED * BURST)
    allowance.allow(0.5, 1.0, 5.0)
    assert allowance.delay(1.0, 5.0) == pytest.approx(1.0 + FILLED * BURST)
    allowance.allow(None, 1.0, 5.0)
    assert allowance.delay(9.0, 5.0) == 0.0
