"""What was worked out lately from a visitor's text, by the hash of the text: the text itself is not held."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
_TURN = 900.0  # seconds; what nobody asked for goes after one to two turns, so within a visit's 30 minutes


class RecentStats(msgspec.Struct, frozen=True):
    entries: int
    most: int
    made: int  # results that had to be worked out
    turned: int  # times that the older half was forgotten


class Recent(Generic[T]):
    """At most `most` results in two halves: a full younger half becomes the older one, which is forgotten.

    Keys are `hash()` of strings: 64 bits, keyed by the process's random secret, so nobody can make two texts collide
    on purpose. What a value may weigh is for who puts it in.
    """

    __slots__ = ("_made", "_most", "_old", "_turned", "_turned_at", "_young")

    def __init__(self, most: int) -> None:
        self._most = max(1, most // 2)
        self._young: dict[int, T] = {}
        self._old: dict[int, T] = {}
        self._made = self._turned = 0
        self._turned_at = 0.0

    def get(self, key: int) -> T | None:
        value = self._young.get(key)
        if value is None and self._old:
            value = self._old.pop(key, None)
            if value is not None:
                self._keep(key, value)
        return value

    def put(self, key: int, value: T) -> None:
        self._made += 1
        self._keep(key, value)

    def _keep(self, key: int, value: T) -> None:
        if len(self._young) >= self._most:
            self._turn()
        self._young[key] = value

    def _turn(self) -> None:
        self._old, self._young = self._young, {}
        self._turned += 1

    def tick(self, now: float) -> None:
        """Call it every minute or so: what was not asked for in 30 minutes goes."""
        if not 0 <= now - self._turned_at < _TURN:
            self._turned_at = now
            self._turn()

    def stats(self) -> RecentStats:
        return RecentStats(len(self._young) + len(self._old), 2 * self._most, self._made, self._turned)
