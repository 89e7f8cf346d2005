"""The one budget: full, overflowing, draining, closing."""

from __future__ import annotations

import pytest

from edge.flow.budget import AccountStats, Budget


def test_without_a_limit_everything_is_admitted_and_still_counted():
    budget = Budget()
    draw = budget.draw("rings")
    draw.set(1 << 40)
    assert budget.admits(1 << 50)
    assert budget.bears(1 << 50)
    assert budget.limit is None
    stats = budget.stats()
    assert (stats.limit, stats.used, stats.refused) == (None, 1 << 40, 0)


def test_full_means_that_nothing_new_is_admitted_to_the_byte():
    budget = Budget(1000)
    draw = budget.draw("rings")
    draw.set(900)
    assert budget.room() == 100
    assert budget.admits(100)
    assert not budget.admits(101)
    draw.set(1000)
    assert budget.admits(0)
    assert not budget.admits(1)
    assert budget.stats().refused == 2


def test_what_is_held_may_overflow_and_those_who_are_in_have_an_eighth_more():
    budget = Budget(800)
    draw = budget.draw("viewers")
    draw.set(850)
    assert budget.room() == -50
    assert not budget.admits(0)
    assert budget.bears(50)
    assert not budget.bears(51)


def test_draining_admits_again():
    budget = Budget(100)
    draw = budget.draw("viewers")
    draw.set(100)
    assert not budget.admits(1)
    draw.add(-40)
    assert budget.admits(40)
    assert budget.stats().accounts["viewers"] == AccountStats(used=60, peak=100, owners=1)


def test_a_closed_budget_admits_nothing_new_and_bears_what_is_in():
    budget = Budget(100)
    budget.closed = True
    assert not budget.admits(0)
    assert budget.bears(100)
    budget.closed = False
    assert budget.admits(100)


def test_accounts_are_shared_by_their_owners_and_closing_gives_back():
    budget = Budget(100)
    one, two, other = budget.draw("rings"), budget.draw("rings"), budget.draw("requests")
    one.set(10)
    two.set(20)
    other.set(5)
    assert budget.used == 35
    assert budget.stats().accounts["rings"] == AccountStats(used=30, peak=30, owners=2)
    two.close()
    two.close()
    two.set(50)
    assert budget.stats().accounts["rings"] == AccountStats(used=10, peak=30, owners=1)
    one.close()
    other.close()
    assert budget.used == 0
    assert budget.peak == 35


def test_nobody_holds_less_than_nothing():
    draw = Budget(10).draw("rings")
    draw.set(3)
    with pytest.raises(ValueError, match="expected 0 bytes or more, got -1"):
        draw.add(-4)
    assert draw.held == 3


def test_a_new_limit_is_in_force_at_once():
    budget = Budget(10)
    budget.draw("rings").set(8)
    budget.limit = 5
    assert budget.room() == -3
    assert not budget.admits(0)
    budget.limit = None
    assert budget.admits(1 << 40)
    with pytest.raises(ValueError, match="expected a limit"):
        budget.limit = -1
