"""Turns: what a unit costs, and how much that varies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.model import Figure
from edge.bench.turns import MOST_POINTS, MOST_TURNS, Point, Points, cost, figure, percentile, scaled


@given(st.floats(0.001, 10), st.floats(0.1, 20), st.integers(2, 500), st.floats(0.01, 1))
def test_a_constant_cost_is_found(each: float, period: float, count: int, step: float) -> None:
    points = [Point(5 + n * step * each, 3 + n * step) for n in range(count)]
    found = cost(points, period)
    assert found.value == pytest.approx(each, rel=1e-6)
    if found.low is not None:
        assert found.low <= found.value * 1.000001
        assert found.value <= found.high * 1.000001


def test_a_keyframe_counts_in_every_turn_and_one_disturbance_in_none() -> None:
    used, points = 0.0, [Point(0.0, 0.0)]
    for n in range(1, 1001):
        used += 0.01 if n % 20 else 0.05  # what comes once in a period
        used += 5.0 if n == 333 else 0.0  # a neighbour
        points.append(Point(used, n / 10))
    found = cost(points, 2.0)
    assert found.value == pytest.approx(0.12)
    assert found.high == pytest.approx(0.12)


def test_too_little_is_one_turn_or_nothing() -> None:
    assert cost([], 1) is None
    assert cost([Point(1, 1)], 1) is None
    assert cost([Point(1, 1), Point(2, 1)], 1) is None
    assert cost([Point(1, 1), Point(2, 3)], 5) == Figure(0.5)


def test_turns_are_bounded() -> None:
    found = cost([Point(n * (1 + n % 3), float(n)) for n in range(1000)], 1.0)
    assert found.low is not None
    assert MOST_TURNS < 1000


def test_points_are_bounded_and_span_the_whole() -> None:
    points = Points()
    for n in range(10 * MOST_POINTS):
        points.add(n / 10, float(n))
    assert len(points.kept) < MOST_POINTS
    assert points.kept[0].done < 20
    assert points.kept[-1].done > 10 * MOST_POINTS - 50
    assert cost(points.kept, 100.0).value == pytest.approx(0.1)


def test_quartiles_need_enough_values() -> None:
    assert figure([3, 1, 2]) == Figure(2)
    assert figure([1, 2, 3, 4, 5]) == Figure(3, 2, 4)
    assert scaled(Figure(2, 1, None), 3) == Figure(6, 3, None)


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0, 1))
def test_a_percentile_has_that_share_at_or_below_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(v <= found for v in values) >= share * len(values) - 1e-9
    assert percentile([], share) == 0.0
