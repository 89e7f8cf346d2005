from __future__ import annotations

import threading

import pytest

from edge.flow.budget import Budget
from edge.flow.stats import Histogram, Tally


def test_histogram_counts_are_cumulative_and_bounds_inclusive():
    histogram = Histogram((0.1, 1.0, 5.0))
    for value in (0.05, 0.1, 0.5, 5.0, 7.0):
        histogram.observe(value)
    stats = histogram.snapshot()
    assert stats.counts == (2, 3, 4)
    assert stats.count == 5
    assert stats.sum == pytest.approx(12.65)


def test_histogram_refuses_bounds_that_do_not_rise():
    with pytest.raises(ValueError, match="rising"):
        Histogram((1.0, 1.0))


def test_tally_folds_what_is_over_its_limit():
    tally = Tally(limit=2)
    for word in ("a", "b", "c", "d", "a"):
        tally.add(word)
    tally.add("b", 3)
    assert tally.snapshot() == {"a": 2, "b": 4, "(other)": 2}
    assert tally.total == 8
    assert tally.get("nobody") == 0


def test_budget_refuses_what_is_not_there_and_takes_it_after_a_release():
    budget = Budget(100)
    assert budget.claim("ring", 60)
    assert not budget.claim("hls", 41)
    assert budget.claim("hls", 40)
    budget.release("ring", 30)
    assert budget.claim("hls", 30)
    stats = budget.stats()
    assert (stats.used, stats.peak, stats.refused) == (100, 100, 1)
    assert stats.claims == {"ring": 30, "hls": 70}


def test_budget_forgets_a_name_that_gave_all_back():
    budget = Budget(None)
    assert budget.claim("ring", 10**12)
    budget.release("ring", 10**12)
    assert budget.stats().claims == {}


@pytest.mark.parametrize("n", [-1, 11])
def test_budget_refuses_a_release_of_what_was_not_claimed(n):
    budget = Budget(100)
    budget.claim("ring", 10)
    with pytest.raises(ValueError, match="at most 10"):
        budget.release("ring", n)
    assert budget.stats().used == 10


def test_budget_refuses_a_negative_claim():
    with pytest.raises(ValueError, match="0 bytes or more"):
        Budget(100).claim("ring", -1)


def test_budget_holds_when_threads_race():
    budget = Budget(1000)
    won: list[int] = []

    def take():
        won.extend(7 for _ in range(200) if budget.claim("x", 7))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == budget.stats().used == 994
