"""How the time is spent: by the clock, not by media, so that a slow host ends in time too. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from edge.bench.model import Figure, RungCost

LEAST_MEDIA = 4.0  # seconds of media: a GOP of the sample to warm up, another to measure
WINDOW = (0.8, 10.0)  # seconds, shortest and longest that one rung is measured
WEIGHTS = {"sample": 10, "rungs": 43, "together": 24, "fanout": 13, "lag": 10, "hits": 24}  # in the order they are done
AIR = 0.97  # of the time, for what is planned


class Budget:
    """What is left is shared among the steps to come, so one that took longer costs the later ones, not the end."""

    def __init__(self, seconds: float, now: float, skip: Collection[str] = ()) -> None:
        self._end = now + seconds * AIR
        self._open = {step: weight for step, weight in WEIGHTS.items() if step not in skip}

    def left(self, now: float) -> float:
        return max(0.0, self._end - now)

    def share(self, step: str, now: float) -> float:
        """Seconds for `step`; it and the steps before it take no more of what is left after it."""
        later = {name: weight for name, weight in self._open.items() if name != step}
        share = self.left(now) * self._open[step] / (self._open[step] + sum(later.values()))
        self._open = later
        return share


def windows(works: Sequence[str], done: str, seconds: float, startup: float, speed: float) -> dict[str, float]:
    """Which rungs to measure besides `done` in `seconds`, and for how long each, evenly spread where not all fit.
    `startup`: seconds that a process needs besides; `speed`: media seconds a wall second on `done`."""
    wanted = spread([name for name in works if name != done])
    shortest = min(max(WINDOW[0], LEAST_MEDIA / max(speed, 1e-3)), WINDOW[1])
    count = min(len(wanted), int(seconds / (startup + shortest)))
    if not count:
        return {}
    window = min(WINDOW[1], seconds / count - startup)
    chosen = set(wanted[:count])
    return {name: window for name in works if name in chosen}


def spread(names: Sequence[str]) -> list[str]:
    """The last, then the middle of what lies between, and so on: any number of the first ones spans the whole."""
    if not names:
        return []
    order, parts = [len(names) - 1], [(0, len(names) - 1)]
    while parts:
        begin, end = parts.pop(0)
        if begin < end:
            middle = (begin + end) // 2
            order.append(middle)
            parts += [(begin, middle), (middle + 1, end)]
    return [names[n] for n in order]


def fill(works: Sequence[tuple[str, float]], measured: Mapping[str, RungCost]) -> tuple[RungCost, ...]:
    """Every rung: measured, or its guessed relative cost times what the nearest measured ones cost of theirs."""
    known = [n for n, (name, _) in enumerate(works) if name in measured]
    return tuple(
        measured[name]
        if name in measured
        else RungCost(name, measured=False, cost=Figure(guess * _ratio(works, measured, known, n)))
        for n, (name, guess) in enumerate(works)
        if known
    )


def _ratio(
    works: Sequence[tuple[str, float]], measured: Mapping[str, RungCost], known: Sequence[int], at: int
) -> float:
    above = max((n for n in known if n < at), default=None)
    below = min((n for n in known if n > at), default=None)
    ratios = [measured[works[n][0]].cost.value / works[n][1] for n in (above, below) if n is not None]
    if above is None or below is None:
        return ratios[0]
    weight = (at - above) / (below - above)
    return ratios[0] * (1 - weight) + ratios[1] * weight
