"""How late the event loop is: what every viewer feels."""

from __future__ import annotations

import asyncio
from collections import deque

from edge.flow.stats import Histogram, HistogramStats

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
SECOND, MINUTE = 4, 240  # samples
INTERVAL = 0.25  # seconds; a wake-up costs 0.1 ms with its cold caches: ten a second were 3 % of what a channel costs


class LagSampler:
    """Asks for a call every INTERVAL and counts by how much it came too late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._histogram = Histogram(BUCKETS)
        self._second: deque[float] = deque(maxlen=SECOND)
        self._minute: deque[float] = deque(maxlen=MINUTE)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stats(self) -> HistogramStats:
        return self._histogram.snapshot()

    def worst(self) -> float:
        """Seconds; of the last second."""
        return max(self._second, default=0.0)

    def recent(self) -> tuple[float, ...]:
        """Seconds; each of the last minute."""
        return tuple(self._minute)

    def _arm(self) -> None:
        due = self._loop.time() + INTERVAL
        self._timer = self._loop.call_at(due, self._sample, due)

    def _sample(self, due: float) -> None:
        """A loop with a coarse clock (uvloop's is 1 ms) may call early by its resolution: that is no lag."""
        late = max(0.0, self._loop.time() - due)
        self._histogram.observe(late)
        self._second.append(late)
        self._minute.append(late)
        self._arm()
