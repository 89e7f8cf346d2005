"""The clocks."""

from __future__ import annotations

import time

from edge.clock import ManualClock, Steps, SystemClock


def test_the_system_clock_is_the_hosts() -> None:
    clock = SystemClock()
    assert time.monotonic() <= clock.monotonic() <= time.monotonic()
    before, now, after = time.time(), clock.wall(), time.time()
    assert before - 3600 <= now <= after + 3600  # NTP may step between the calls


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(monotonic=5, wall=100)
    assert (clock.monotonic(), clock.wall()) == (5, 100)
    clock.advance(2)
    assert (clock.monotonic(), clock.wall()) == (7, 102)


def test_a_step_moves_the_wall_clock_alone() -> None:
    clock = ManualClock(monotonic=5, wall=100)
    clock.step(-50)
    assert (clock.monotonic(), clock.wall()) == (5, 50)


def test_steps_of_the_wall_clock_are_counted_and_its_going_is_not() -> None:
    clock = ManualClock()
    steps = Steps(clock)
    for _ in range(5):
        clock.advance(60)
        clock.step(0.5)  # slewed
        steps.look()
    assert steps.count == 0
    clock.step(-3600)
    steps.look()
    clock.step(1)
    steps.look()
    steps.look()
    assert steps.count == 2
