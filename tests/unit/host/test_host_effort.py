"""The gauge between a thread's meter and the governor."""

from __future__ import annotations

import pytest
from governed import Meter

from edge.host.effort import Bill, Gauge


def play(gauge: Gauge, steps, rung="full", start=100.0, lump=0.0, meter=None):
    """Notes `meter` every quarter of a second; a step is (processor, worked, media, working for) in that time."""
    meter, now, efforts = meter or Meter(), start, []
    for processor, worked, media, working in steps:
        now += 0.25
        meter.processor += processor
        meter.worked += worked
        meter.media += media
        meter.working_since = None if working is None else now - working
        efforts.append(gauge.note(meter, rung, now, lump))
    return efforts


def test_a_thread_that_waits_for_its_source_is_not_behind():
    last = play(Gauge(), [(0.01, 0.02, 0.25, None)] * 8)[-1]
    assert (last.behind, last.speed) == (0.0, None)
    assert last.share == pytest.approx(0.5)
    assert last.used == pytest.approx(0.04)


def test_the_speed_is_of_the_spell_of_work_alone():
    calm = [(0.01, 0.01, 0.25, None)] * 4
    efforts = play(Gauge(), [*calm, (0.01, 0.15, 0.2, 0.15), (0.01, 0.25, 0.1, 0.4), (0.01, 0.25, 0.15, 0.65)])
    assert [effort.behind for effort in efforts[4:]] == pytest.approx([0.15, 0.4, 0.65])
    assert efforts[4].speed is None  # what was made in this quarter was made before, mostly
    assert efforts[5].speed == pytest.approx(0.4)
    assert efforts[6].speed == pytest.approx(0.5)


def test_the_speed_is_of_the_last_second_at_most():
    slow = [(0.01, 0.25, 0.05, 0.25 * n) for n in range(1, 9)]
    fast = [(0.01, 0.25, 0.5, 2.0 + 0.25 * n) for n in range(1, 6)]
    assert play(Gauge(), slow)[-1].speed == pytest.approx(0.2)
    assert play(Gauge(), [*slow, *fast])[-1].speed == pytest.approx(2.0)


def test_streams_that_take_turns_let_media_go_back_and_forth():
    """The sound is 0.3 s ahead of the pictures; every other sample is of a picture."""
    steps = [(0.01, 0.25, 0.2 + (0.3 if n % 2 else -0.3), 0.25 * n) for n in range(1, 20)]
    last = play(Gauge(), steps)[-1]
    assert last.speed == pytest.approx(0.8, abs=0.35)
    assert play(Gauge(), steps[:18])[-1].speed == pytest.approx(0.8, abs=0.35)
    gauge = Gauge()
    play(gauge, steps)
    assert gauge.bill() is not None


def test_another_rung_is_measured_anew():
    gauge, meter = Gauge(), Meter()
    play(gauge, [(0.02, 0.25, 0.1, 0.25 * n) for n in range(1, 5)], meter=meter)
    steps = [(0.03, 0.25, 0.1, 1.0 + n / 4) for n in range(1, 5)] + [(0.01, 0.25, 0.3, 2.0 + n / 4) for n in (1, 2)]
    *opening, first, second = play(gauge, steps, "key", 101.0, meter=meter)
    assert {effort.speed for effort in opening} == {None}  # a decoder is opened, the old one is emptied
    assert first.speed is None
    assert second.speed == pytest.approx(1.2)


def test_a_meter_that_begins_anew_is_measured_anew():
    gauge = Gauge()
    play(gauge, [(0.01, 0.02, 0.25, None)] * 8)
    last = play(gauge, [(0.01, 0.02, 0.25, None)] * 3, start=102.0, meter=Meter())[-1]
    assert last.used == pytest.approx(0.04)


def test_a_rung_of_keyframes_works_in_lumps_and_is_not_behind_for_it():
    """One keyframe every two seconds takes 0.9 s, then all is done at once."""
    lump = [(0.006, 0.25, 0.0, 0.25 * n) for n in (1, 2, 3)] + [(0.004, 0.15, 2.0, None)] + [(0.0, 0.0, 0.0, None)] * 4
    assert max(effort.behind for effort in play(Gauge(), lump * 3, "key", lump=2.0)) == 0.0
    assert max(effort.behind for effort in play(Gauge(), lump * 3, "key")) == pytest.approx(0.75)
    late = [(0.006, 0.25, 0.5 if n % 4 == 0 else 0.0, 0.25 * n) for n in range(1, 21)]
    last = play(Gauge(), late, "key", lump=2.0)[-1]
    assert last.behind == pytest.approx(3.0)
    assert last.speed == pytest.approx(0.5)


def test_half_a_second_of_media_of_one_rung_makes_a_bill():
    gauge, meter = Gauge(), Meter()
    play(gauge, [(0.01, 0.02, 0.2, None)] * 2, meter=meter)
    assert gauge.bill() is None
    play(gauge, [(0.01, 0.02, 0.2, None)] * 3, start=100.5, meter=meter)
    bill = gauge.bill()
    assert bill == Bill("full", pytest.approx(0.03), pytest.approx(0.6))
    assert gauge.bill() is None


def test_no_bill_is_of_two_rungs():
    gauge, meter = Gauge(), Meter()
    play(gauge, [(0.01, 0.02, 0.2, None)] * 2, meter=meter)
    play(gauge, [(0.1, 0.02, 0.3, None)] * 4 + [(0.001, 0.02, 0.3, None)] * 3, "key", 100.5, meter=meter)
    assert gauge.bill() == Bill("key", pytest.approx(0.002), pytest.approx(0.6))


def test_what_it_keeps_is_bounded():
    gauge = Gauge()
    play(gauge, [(0.01, 0.02, 0.25, None)] * 500, lump=1000.0)
    assert len(gauge._samples) == 64
