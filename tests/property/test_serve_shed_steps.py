"""Whatever memory does: a step at a time, never up without need, never down without ease, and an end to both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.serve.shed import CALM, EASE, HOLD, HOLD_IDLE, JOBS, Measure, State, shed

MOMENTS = st.lists(
    st.tuples(st.floats(0.05, 30), st.integers(0, 2000), st.none() | st.integers(0, 2000)), min_size=1, max_size=60
)


@given(MOMENTS)
def test_steps_follow_need_and_ease(moments):
    state, now, changed, eased = State(), 0.0, float("-inf"), None
    for wait, used, anonymous in moments:
        now += wait
        measures = (Measure("budget", used, 1000), Measure("anonymous", anonymous, 1000))
        most = max(used, anonymous or 0)
        eased = None if most >= EASE * 1000 else now if eased is None else eased
        before, state = state.step, shed(state, measures, now)
        assert 0 <= state.step <= JOBS
        assert abs(state.step - before) <= 1
        if state.step > before:
            assert most > 1000
            assert before == 0 or now - changed >= HOLD
        if state.step < before:
            assert eased is not None
            assert now - eased >= CALM
        if most > 1000:
            assert state.step > 0  # new viewers are refused at once
        changed = now if state.step != before else changed


@given(st.integers(0, JOBS), st.integers(1001, 5000), st.integers(0, 899))
def test_long_need_ends_at_the_last_step_and_long_ease_at_none(step, much, little):
    state, now = State(step), 0.0
    for _ in range(JOBS + 1):
        now += HOLD_IDLE
        state = shed(state, (Measure("budget", much, 1000),), now)
    assert state.step == JOBS
    for _ in range(JOBS + 1):
        now += CALM
        state = shed(state, (Measure("budget", little, 1000),), now)
    assert state.step == 0
