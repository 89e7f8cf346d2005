"""What each rung costs on one load, learned from what was seen. Pure: its clock is the media that was observed."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp2, log

import msgspec

from edge.host.load import Rung

FIRST = 0.06  # processor seconds a media second of a rung whose `relative` is 1: the judged stream on a core of 2020
FORGET = 10.0  # media seconds after which half of what is known of the rung in use is from since then
AGE = 300.0  # media seconds after which a rung that was not used is believed half by what was seen then
TINY = 1e-6  # below which no cost and no media is believed
MOST = 64  # rungs remembered


class _Known(msgspec.Struct, frozen=True):
    """`weight`: media seconds that it stands for; `at`: media seconds observed by then, on all rungs."""

    cost: float
    weight: float
    at: float


class Prices:
    """`relative`: (name, guess of the cost compared with the best) of each rung, best first. They may change at any
    time, with the stream; what was learned stays by name.

    A rung never seen is priced by its guess, times by how much the guesses of its seen neighbours were wrong. Content
    changes, and moves all rungs alike as far as anybody knows: what was seen long ago drifts towards what its guess and
    the rung in use now say. Where a guess says that a later rung is not dearer (each leaves out more of the work;
    `copy` is another kind of work, and what follows it may be dearer), the prices say so, too: the newest is believed.
    """

    def __init__(self, relative: Sequence[tuple[str, float]], first: float = FIRST) -> None:
        self._relative = tuple(relative)
        self._first = first
        self._known: dict[str, _Known] = {}
        self._media = 0.0
        self._rungs: tuple[Rung, ...] | None = None  # until something is learned

    def offer(self, relative: Sequence[tuple[str, float]]) -> None:
        """These are the rungs now."""
        if tuple(relative) != self._relative:
            self._relative, self._rungs = tuple(relative), None

    def observe(self, rung: str, processor: float, media: float) -> None:
        """`media` seconds on `rung` took `processor` seconds."""
        if media < TINY or processor < 0.0 or all(rung != name for name, _ in self._relative):
            return
        self._rungs = None
        self._media += media
        known = self._known.get(rung)
        weight = known.weight * exp2(-media / FORGET) if known else 0.0
        before = known.cost * weight if known else 0.0
        self._known[rung] = _Known((before + processor) / (weight + media), weight + media, self._media)
        if len(self._known) > MOST:
            del self._known[min(self._known, key=lambda name: self._known[name].at)]

    def rungs(self) -> tuple[Rung, ...]:
        """As known now, in the order of the guesses."""
        if self._rungs is None:
            self._rungs = self._reckon()
        return self._rungs

    def _reckon(self) -> tuple[Rung, ...]:
        costs = self._ordered([self._price(n) for n in range(len(self._relative))])
        return tuple(
            Rung(name, cost, name in self._known) for (name, _), cost in zip(self._relative, costs, strict=True)
        )

    def _price(self, n: int) -> float:
        name, relative = self._relative[n]
        if name in self._known:
            return _sane(relative) * self._factor(name, relative)
        above = next((m for m in range(n - 1, -1, -1) if self._relative[m][0] in self._known), None)
        below = next((m for m in range(n + 1, len(self._relative)) if self._relative[m][0] in self._known), None)
        if above is None or below is None:
            near = above if above is not None else below
            return _sane(relative) * (self._factor(*self._relative[near]) if near is not None else self._first)
        return _sane(relative) * self._between(relative, above, below)

    def _between(self, relative: float, above: int, below: int) -> float:
        """As far as the guess lies between two others, in ratios, as far lies the factor."""
        top, bottom = (_sane(self._relative[m][1]) for m in (above, below))
        span = log(top / bottom)
        at = min(max(log(top / _sane(relative)) / span, 0.0), 1.0) if span else 0.5
        return _mean(self._factor(*self._relative[below]), self._factor(*self._relative[above]), at)

    def _factor(self, name: str, relative: float) -> float:
        """How wrong the guess is: by what was seen of this rung, the longer ago the more by what was seen last."""
        known = self._known[name]
        own = max(known.cost, TINY) / _sane(relative)
        guesses = dict(self._relative)
        last = max((each for each in self._known if each in guesses), key=lambda each: self._known[each].at)
        of_last = max(self._known[last].cost, TINY) / _sane(guesses[last])
        return _mean(own, of_last, exp2((known.at - self._media) / AGE))

    def _ordered(self, costs: list[float]) -> list[float]:
        """The newest first, each within what the ones before it leave."""
        names = [name for name, _ in self._relative]
        newest = sorted(range(len(costs)), key=lambda n: -self._known[names[n]].at if names[n] in self._known else 0.0)
        for place, n in enumerate(newest):
            firm = newest[:place]
            least = max((costs[m] for m in firm if m > n and self._dearer(n, m)), default=0.0)
            most = min((costs[m] for m in firm if m < n and self._dearer(m, n)), default=float("inf"))
            costs[n] = min(max(costs[n], least), most)
        return costs

    def _dearer(self, above: int, below: int) -> bool:
        return self._relative[above][1] >= self._relative[below][1]


def _sane(relative: float) -> float:
    return max(relative, TINY)


def _mean(one: float, other: float, weight: float) -> float:
    """Geometric; `weight` is of the one."""
    return float(one**weight * other ** (1.0 - weight))
