"""Whatever owners do: no account is negative, the accounts sum up to the total, everything comes back at the end."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from edge.flow.budget import AccountName, Budget, Draw

NAMES = get_args(AccountName)
OPEN = st.tuples(st.just("open"), st.sampled_from(NAMES), st.just(0))
MOVE = st.tuples(st.sampled_from(["set", "add", "close"]), st.integers(0, 30), st.integers(-2000, 2000))


def _act(budget: Budget, draws: list[Draw], what: str, which, size: int) -> None:
    if what == "open":
        draws.append(budget.draw(which))
    elif draws:
        draw = draws[which % len(draws)]
        if what == "set":
            draw.set(abs(size))
        elif what == "add":
            draw.add(max(size, -draw.held))
        else:
            draw.close()


@given(st.lists(OPEN | MOVE, max_size=80), st.integers(0, 5000))
def test_the_accounts_always_add_up(actions, limit):
    budget = Budget(limit)
    draws: list[Draw] = []
    for action in actions:
        _act(budget, draws, *action)
        stats = budget.stats()
        assert all(account.used >= 0 for account in stats.accounts.values())
        assert sum(account.used for account in stats.accounts.values()) == budget.used == sum(d.held for d in draws)
        assert all(account.peak >= account.used for account in stats.accounts.values())
        assert budget.room() == limit - budget.used
        assert budget.admits(1) == (budget.used < limit)
    for draw in draws:
        draw.close()
    stats = budget.stats()
    assert budget.used == 0
    assert all(account.used == account.owners == 0 for account in stats.accounts.values())
