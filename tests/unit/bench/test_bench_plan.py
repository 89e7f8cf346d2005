"""The plan: whatever happens, the run ends in time, and what is measured spans the ladder."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.model import Figure, RungCost
from edge.bench.plan import WEIGHTS, WINDOW, Budget, fill, spread, windows

NAMES = [f"r{n}" for n in range(12)]


@given(st.floats(1, 1000), st.lists(st.floats(0, 2), min_size=len(WEIGHTS), max_size=len(WEIGHTS)))
def test_steps_that_keep_to_their_share_end_in_time(seconds: float, used: list[float]) -> None:
    now = 100.0
    budget = Budget(seconds, now)
    for step, part in zip(WEIGHTS, used, strict=True):
        share = budget.share(step, now)
        assert 0 <= share <= budget.left(now) + 1e-9
        now += share * min(part, 1.0)
    assert now <= 100 + seconds + 1e-6


def test_what_one_step_leaves_goes_to_the_later_ones() -> None:
    hasty, slow = Budget(100, 0), Budget(100, 0)
    hasty.share("sample", 0)
    slow.share("sample", 0)
    assert hasty.share("rungs", 1) > slow.share("rungs", 30) > 0
    assert slow.share("together", 200) == 0


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_any_beginning_of_the_order_spans_the_ladder(names: list[str]) -> None:
    order = spread(names)
    assert sorted(order) == sorted(names)
    for count in range(2, len(names)):
        places = sorted(names.index(name) for name in order[:count])
        assert places[-1] == len(names) - 1
        assert max(b - a for a, b in pairwise([-1, *places])) <= 2 * (len(names) // count + 1)


@given(st.integers(1, 12), st.floats(0, 200), st.floats(0.05, 30), st.floats(0.01, 100))
def test_the_rungs_chosen_fit_in_the_time(count: int, seconds: float, startup: float, speed: float) -> None:
    found = windows(NAMES[:count], "r0", seconds, startup, speed)
    assert "r0" not in found
    assert list(found) == [name for name in NAMES if name in found]
    assert sum(window + startup for window in found.values()) <= seconds + 1e-6
    assert all(window <= WINDOW[1] for window in found.values())
    assert all(window >= min(WINDOW[0], 4.0 / speed) - 1e-9 for window in found.values())


def test_a_fast_host_measures_every_rung_and_a_slow_one_a_few() -> None:
    assert list(windows(NAMES, "r0", 50, 0.5, 15.0)) == NAMES[1:]
    assert list(windows(NAMES, "r0", 50, 12.0, 0.5)) == ["r6", "r11"]
    assert windows(NAMES, "r0", 10, 12.0, 0.5) == {}


def rung(name: str, cost: float) -> RungCost:
    return RungCost(name, measured=True, cost=Figure(cost))


def test_rungs_that_were_not_measured_are_guessed_from_their_neighbours() -> None:
    works = (("full", 1.0), ("a", 0.8), ("b", 0.5), ("key", 0.2), ("audio", 0.1))
    found = fill(works, {"full": rung("full", 0.1), "key": rung("key", 0.04)})
    assert [r.measured for r in found] == [True, False, False, True, False]
    assert found[1].cost.value == pytest.approx(0.8 * (0.1 * 2 / 3 + 0.2 / 3))
    assert found[4].cost.value == pytest.approx(0.1 * 0.2)


def test_nothing_measured_is_nothing_guessed() -> None:
    assert fill((("full", 1.0),), {}) == ()
