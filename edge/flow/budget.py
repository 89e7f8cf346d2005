"""The one budget of bytes that everything bounded draws on. Used on the loop only.

```
  Budget(limit)
    ├ account "rings"      ← one Draw a ring
    ├ account "playlists"  ← one Draw a playlist
    └ …                       a Draw says how much its owner holds now, and gives all of it back when it is closed
```

A draw is never refused: what holds bytes already holds them, and a ring that publishes cannot wait. Whoever lets
something new in asks `admits` first, and what to do about the rest decides `edge.serve.shed`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

AccountName: TypeAlias = Literal["rings", "playlists", "viewers", "sockets", "connections", "requests"]
NO_LIMIT = 1 << 62


class AccountStats(msgspec.Struct, frozen=True):
    """Bytes held now, the most there ever were, and by how many owners they are held."""

    used: int
    peak: int
    owners: int


class BudgetStats(msgspec.Struct, frozen=True):
    """`limit` is None where no limit is known. `used` is the sum of the accounts'. `refused`: how often `admits` said
    no, in all."""

    limit: int | None
    used: int
    peak: int
    refused: int
    accounts: dict[str, AccountStats]


class Account:
    """What all draws of one name hold together."""

    __slots__ = ("owners", "peak", "used")

    def __init__(self) -> None:
        self.used = 0
        self.peak = 0
        self.owners = 0


class Budget:
    """`limit` in bytes, None: no limit is known, everything is admitted and still counted."""

    __slots__ = ("_accounts", "_limit", "_refused", "closed", "peak", "used")

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.closed = False  # nothing new is admitted, whatever room there is: memory is short somewhere else
        self.used = 0
        self.peak = 0
        self._refused = 0
        self._accounts: dict[AccountName, Account] = {}

    @property
    def limit(self) -> int | None:
        return None if self._limit == NO_LIMIT else self._limit

    @limit.setter
    def limit(self, value: int | None) -> None:
        """What is held already stays, even over the new limit."""
        if value is not None and value < 0:
            raise ValueError(f"expected a limit of 0 bytes or more, got {value}")
        self._limit = NO_LIMIT if value is None else value

    def room(self) -> int:
        """Bytes left under the limit; negative: so much over it."""
        return self._limit - self.used

    def admits(self, size: int) -> bool:
        """Whether something new that may come to hold `size` bytes may be let in. Counts each no."""
        if not self.closed and self.used + size <= self._limit:
            return True
        self._refused += 1
        return False

    def bears(self, size: int) -> bool:
        """As `admits`, for what serves those who are in already: an eighth over the limit is kept for them, and
        `closed` does not matter."""
        if self.used + size <= self._limit + self._limit // 8:
            return True
        self._refused += 1
        return False

    def draw(self, name: AccountName) -> Draw:
        """What a new owner holds, on the account of that name: nothing yet."""
        return Draw(self, self._accounts.setdefault(name, Account()))

    def stats(self) -> BudgetStats:
        accounts: dict[str, AccountStats] = {
            name: AccountStats(each.used, each.peak, each.owners) for name, each in self._accounts.items()
        }
        return BudgetStats(self.limit, self.used, self.peak, self._refused, accounts)


class Draw:
    """What one owner holds. The numbers of a closed one go nowhere."""

    __slots__ = ("_account", "_budget", "_open", "held")

    def __init__(self, budget: Budget, account: Account) -> None:
        self._budget = budget
        self._account = account
        self._open = True
        self.held = 0
        account.owners += 1

    def set(self, held: int) -> None:
        """The owner holds `held` bytes now. In the path of every chunk: a few additions."""
        change = held - self.held
        if not change or not self._open:
            return
        if held < 0:
            raise ValueError(f"expected 0 bytes or more, got {held}")
        self.held = held
        account, budget = self._account, self._budget
        account.used += change
        budget.used += change
        if change > 0:
            account.peak = max(account.peak, account.used)
            budget.peak = max(budget.peak, budget.used)

    def add(self, change: int) -> None:
        """The owner holds `change` bytes more, or less."""
        self.set(self.held + change)

    def close(self) -> None:
        """The owner is gone and holds nothing. Once or more."""
        self.set(0)
        if self._open:
            self._open = False
            self._account.owners -= 1
