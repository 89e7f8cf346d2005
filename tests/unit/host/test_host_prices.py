"""What is learned of the rungs' costs."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from governed import JUDGED, wrong
from hypothesis import given
from hypothesis import strategies as st

from edge.host.prices import MOST, Prices

RELATIVE = [(name, cost / 0.055) for name, cost in JUDGED.items()]


def costs(prices: Prices) -> dict[str, float]:
    return {rung.name: rung.cost for rung in prices.rungs()}


def test_before_anything_is_seen_the_guesses_hold():
    prices = Prices(RELATIVE, first=0.1)
    assert costs(prices)["full"] == pytest.approx(0.1)
    assert costs(prices)["skip-b"] == pytest.approx(0.1 * 0.027 / 0.055)
    assert not any(rung.seen for rung in prices.rungs())


def test_one_rung_seen_scales_all():
    prices = Prices(RELATIVE)
    prices.observe("full", 0.22, 1.0)  # an old core
    assert costs(prices) == pytest.approx({name: 4 * cost for name, cost in JUDGED.items()})
    assert [rung.name for rung in prices.rungs() if rung.seen] == ["full"]


def test_between_two_that_were_seen_the_error_of_the_guess_is_shared():
    prices = Prices([("full", 1.0), ("half", 0.5), ("quarter", 0.25), ("eighth", 0.125)])
    prices.observe("full", 1.0, 1.0)
    prices.observe("quarter", 0.5, 1.0)  # twice its guess
    assert costs(prices)["half"] == pytest.approx(0.5 * 2**0.5, rel=0.01)
    assert costs(prices)["eighth"] == pytest.approx(0.25)


def test_the_rung_in_use_follows_the_content_within_seconds():
    prices = Prices(RELATIVE)
    for _ in range(60):
        prices.observe("full", 0.055, 1.0)
    for _ in range(10):
        prices.observe("full", 0.0715, 1.0)
    assert costs(prices)["full"] == pytest.approx((0.055 + 0.0715) / 2, rel=0.05)
    for _ in range(30):
        prices.observe("full", 0.0715, 1.0)
    assert costs(prices)["full"] == pytest.approx(0.0715, rel=0.05)


def test_what_was_seen_long_ago_drifts_with_the_rung_in_use():
    prices = Prices(RELATIVE)
    prices.observe("full", 0.11, 2.0)
    for _ in range(30):
        prices.observe("skip-b", 0.0351, 1.0)  # 1.3 times
    soon = costs(prices)["full"]
    for _ in range(900):
        prices.observe("skip-b", 0.0351, 1.0)
    assert soon == pytest.approx(0.055, rel=0.05)
    assert costs(prices)["full"] == pytest.approx(1.3 * 0.055, rel=0.05)


def test_the_newest_is_believed_where_two_contradict_the_order():
    prices = Prices(RELATIVE)
    prices.observe("skip-b", 0.027, 1.0)
    prices.observe("skip-nonref", 0.02, 1.0)
    assert costs(prices)["skip-nonref"] == pytest.approx(0.02)
    assert costs(prices)["skip-b"] <= 0.02


def test_what_comes_after_copy_may_cost_more():
    prices = Prices([("full", 1.0), ("copy", 0.05), ("key", 0.2), ("audio", 0.18)])
    prices.observe("full", 0.055, 1.0)
    prices.observe("copy", 0.003, 1.0)
    assert costs(prices)["key"] > costs(prices)["copy"]
    prices.observe("copy", 0.002, 1.0)
    assert costs(prices)["key"] > 0.005


def test_other_rungs_may_be_offered_and_what_was_learned_stays():
    prices = Prices(RELATIVE)
    prices.observe("skip-b", 0.054, 1.0)
    prices.offer(RELATIVE[:3])
    assert [rung.name for rung in prices.rungs()] == ["full", "loop-noref", "loop-none"]
    prices.observe("skip-b", 1.0, 1.0)  # of a moment ago: not offered now
    prices.offer(RELATIVE)
    assert costs(prices)["skip-b"] == pytest.approx(0.054)


def test_rungs_remembered_are_bounded():
    prices = Prices([])
    for n in range(MOST + 50):
        prices.offer([(f"r{n}", 1.0)])
        prices.observe(f"r{n}", 1.0, 1.0)
    assert len(prices._known) == MOST
    assert prices.rungs()[0].seen


@given(
    seed=st.integers(0, 2**32),
    seen=st.lists(
        st.tuples(st.sampled_from([*JUDGED, "other"]), st.floats(0.0, 10.0), st.floats(-1.0, 30.0)), max_size=30
    ),
)
def test_costs_fall_in_the_order_of_the_guesses_whatever_is_seen(seed, seen):
    guesses = wrong(random.Random(seed))
    prices = Prices([(name, cost / guesses["full"]) for name, cost in guesses.items()])
    for rung, processor, media in seen:
        prices.observe(rung, processor, media)
    rungs = prices.rungs()
    assert [rung.name for rung in rungs] == list(JUDGED)
    assert all(a.cost >= b.cost * (1 - 1e-9) for a, b in pairwise(rungs))
    assert all(rung.cost > 0.0 or rung.seen for rung in rungs)


@given(seed=st.integers(0, 2**32), factor=st.sampled_from([1.3, 2.0]))
def test_once_all_are_seen_all_are_known(seed, factor):
    guesses = wrong(random.Random(seed), factor)
    prices = Prices([(name, cost / guesses["full"]) for name, cost in guesses.items()])
    for name, cost in JUDGED.items():
        prices.observe(name, cost, 1.0)
    assert costs(prices) == pytest.approx(JUDGED, rel=0.05)
