"""The one process-wide budget of bytes: whoever keeps a large store claims its bound here before it makes it."""

from __future__ import annotations

import threading

import msgspec


class BudgetStats(msgspec.Struct, frozen=True):
    """`limit` None: nothing is refused, claims are only added up. `refused` counts claims."""

    limit: int | None
    used: int
    peak: int
    refused: int
    claims: dict[str, int]


class Budget:
    """Bytes claimed by name, never more than `limit` in all. Safe from any thread."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._claims: dict[str, int] = {}
        self._used = 0
        self._peak = 0
        self._refused = 0

    def claim(self, name: str, n: int) -> bool:
        """Takes `n` bytes for `name`, on top of what it has. False: they are not there, nothing was taken."""
        if n < 0:
            raise ValueError(f"expected a claim of 0 bytes or more, got {n} for {name}")
        with self._lock:
            if self._limit is not None and self._used + n > self._limit:
                self._refused += 1
                return False
            self._claims[name] = self._claims.get(name, 0) + n
            self._used += n
            self._peak = max(self._peak, self._used)
            return True

    def release(self, name: str, n: int) -> None:
        """Gives `n` bytes of `name` back. More than it has is a mistake of the caller: ValueError, nothing changes."""
        with self._lock:
            held = self._claims.get(name, 0)
            if not 0 <= n <= held:
                raise ValueError(f"expected a release of at most {held} bytes, got {n} for {name}")
            self._used -= n
            if n == held:
                self._claims.pop(name, None)
            else:
                self._claims[name] = held - n

    def stats(self) -> BudgetStats:
        with self._lock:
            return BudgetStats(self._limit, self._used, self._peak, self._refused, dict(self._claims))
