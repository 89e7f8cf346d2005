"""Which step is in force when: each step alone and in order, up and down."""

from __future__ import annotations

import pytest

from edge.serve.shed import CALM, EASE, HOLD, HOLD_IDLE, IDLE, JOBS, STEPS, Measure, State, shed, worst


def budget(used: int | None, limit: int | None = 1000) -> tuple[Measure, ...]:
    return (Measure("budget", used, limit),)


OVER, BETWEEN, EASY = budget(1001), budget(950), budget(899)


def run(state: State, measures: tuple[Measure, ...], start: float, seconds: float) -> list[tuple[float, int]]:
    """Changes of step, with when they came; looked at four times a second."""
    found = []
    for n in range(int(seconds * 4)):
        before, state = state.step, shed(state, measures, start + n / 4)
        if state.step != before:
            found.append((n / 4, state.step))
    return found


def test_the_first_step_is_taken_at_once_and_each_other_when_the_one_before_had_its_time():
    steps = run(State(), OVER, 100.0, 20)
    assert steps == [(n * HOLD + (HOLD_IDLE - HOLD) * (n >= IDLE), n + 1) for n in range(JOBS)]
    assert STEPS[JOBS] == "jobs"


def test_full_to_the_byte_is_not_over():
    assert run(State(), budget(1000), 0.0, 5) == []


@pytest.mark.parametrize("step", range(1, JOBS + 1))
def test_between_ease_and_the_limit_every_step_stays(step):
    assert run(State(step, 0.0), BETWEEN, 100.0, 3600) == []


@pytest.mark.parametrize("step", range(1, JOBS + 1))
def test_with_ease_every_step_is_taken_back_after_its_own_calm(step):
    assert run(State(step, 0.0), EASY, 100.0, 200) == [((n + 1) * CALM, step - 1 - n) for n in range(step)]


def test_ease_that_is_interrupted_begins_anew():
    state = State(2, 0.0)
    state = shed(state, EASY, 10.0)
    state = shed(state, BETWEEN, 10.0 + CALM - 1)
    state = shed(state, EASY, 10.0 + CALM)
    assert shed(state, EASY, 10.0 + 2 * CALM - 0.1).step == 2
    assert shed(state, EASY, 10.0 + 2 * CALM).step == 1


def test_a_step_that_was_taken_back_is_taken_again_when_it_is_needed():
    state = shed(State(1, 0.0, 0.0), EASY, CALM)
    assert state == State(0, CALM)
    assert shed(state, OVER, CALM).step == 1


@pytest.mark.parametrize("name", ["budget", "anonymous", "cgroup"])
def test_each_figure_counts_alike(name):
    measures = tuple(Measure(each, 1001 if each == name else 10, 1000) for each in ("budget", "anonymous", "cgroup"))
    assert worst(measures).name == name
    assert shed(State(), measures, 0.0).step == 1


def test_what_is_not_known_is_no_reason():
    unknown = (Measure("budget", 10**12, None), Measure("anonymous", None, 1000), Measure("cgroup", None, None))
    assert run(State(), unknown, 0.0, 10) == []
    assert worst(unknown).excess == 0


def test_the_excess_is_what_leads_back_to_ease():
    assert Measure("budget", 1001, 1000).excess == 1001 - int(EASE * 1000)
    assert Measure("budget", 1000, 1000).excess == 0
    assert Measure("budget", 1, 0).share > 1
    assert Measure("budget", 0, 0).share == 0
