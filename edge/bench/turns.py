"""A measurement cut into turns, so that its noise is known. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple

from edge.bench.model import Figure

MOST_TURNS = 12
ENOUGH = 4  # turns, for quartiles
MOST_POINTS = 4096


class Point(NamedTuple):
    """Where a process stood: processor seconds used, and how much it had done by then."""

    used: float
    done: float


class Points:
    """Points as they come, bounded: when full, every second one goes."""

    def __init__(self) -> None:
        self.kept: list[Point] = []
        self._every, self._skipped = 1, 0

    def add(self, used: float, done: float) -> None:
        self._skipped += 1
        if self._skipped >= self._every:
            self._skipped = 0
            self.kept.append(Point(used, done))
            if len(self.kept) >= MOST_POINTS:
                self.kept = self.kept[::2]
                self._every *= 2


def cost(points: Sequence[Point], period: float) -> Figure | None:
    """What one unit of `done` costs: the median of turns of whole `period`s, as what is done repeats itself after one.
    Less than two periods are one turn. None: nothing was done."""
    if len(points) < 2 or points[-1].done <= points[0].done:
        return None
    whole = int((points[-1].done - points[0].done) / period)
    if whole < 2:
        return Figure(_slope(points[0], points[-1]))
    step = period * max(1, -(-whole // MOST_TURNS))
    marks = _marks(points, step)
    return figure([_slope(a, b) for a, b in pairwise(marks)])


def _slope(a: Point, b: Point) -> float:
    return (b.used - a.used) / (b.done - a.done)


def _marks(points: Sequence[Point], step: float) -> list[Point]:
    """The first point at or after each multiple of `step` from the first one on."""
    marks, due = [points[0]], points[0].done + step
    for point in points[1:]:
        if point.done >= due:
            marks.append(point)
            due = point.done + step
    return marks if len(marks) > 1 else [points[0], points[-1]]


def figure(values: Sequence[float]) -> Figure:
    """Median and quartiles of at least one value; no quartiles of fewer than ENOUGH."""
    if len(values) < ENOUGH:
        return Figure(median(values))
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Figure(median(values), low, high)


def scaled(of: Figure, factor: float) -> Figure:
    low, high = (None if part is None else part * factor for part in (of.low, of.high))
    return Figure(of.value * factor, low, high)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0
