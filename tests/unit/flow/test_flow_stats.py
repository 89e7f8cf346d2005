from __future__ import annotations

import pytest

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
    assert tally.get("nobody") == 0
