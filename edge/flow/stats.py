"""Counts as plain values: who counts pays one addition, who asks gets a frozen copy. Not locked: one thread each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import msgspec

OTHER = "(other)"


class HistogramStats(msgspec.Struct, frozen=True):
    """`counts[i]` observations were at most `buckets[i]`; all of them are `count` (the bucket `+Inf`)."""

    buckets: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float
    count: int


class Histogram:
    """Observations counted in fixed buckets, given by their rising upper bounds (inclusive)."""

    __slots__ = ("_counts", "_sum", "buckets")

    def __init__(self, buckets: Sequence[float]) -> None:
        self.buckets = tuple(buckets)
        if any(a >= b for a, b in pairwise(self.buckets)):
            raise ValueError(f"expected rising buckets, got {self.buckets}")
        self._counts = [0] * (len(self.buckets) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self.buckets, value)] += 1
        self._sum += value

    def snapshot(self) -> HistogramStats:
        total = 0
        cumulative = []
        for count in self._counts:
            total += count
            cumulative.append(total)
        return HistogramStats(self.buckets, tuple(cumulative[:-1]), self._sum, total)


class Tally:
    """Counts by word. The first `limit` words have their own count, all later ones share `(other)`."""

    __slots__ = ("_counts", "_limit")

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._counts: dict[str, int] = {}

    def add(self, word: str, n: int = 1) -> None:
        if word not in self._counts and len(self._counts) >= self._limit:
            word = OTHER
        self._counts[word] = self._counts.get(word, 0) + n

    def get(self, word: str) -> int:
        return self._counts.get(word, 0)

    def snapshot(self) -> dict[str, int]:
        return dict(self._counts)
