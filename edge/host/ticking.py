"""What is due every second, by parts that fail each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from edge.clock import Clock
from edge.log import Log, Throttle

SECOND = 1.0
Part = Callable[[float], None]  # is told the monotonic second


class Ticking:
    """Calls `parts` in their order, every second."""

    def __init__(self, parts: Sequence[Part], clock: Clock, log: Log) -> None:
        self._parts = parts
        self._clock = clock
        self._say_failed = Throttle(log.error, "tick_failed")

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(SECOND)
            now = self._clock.monotonic()
            for part in self._parts:
                self._call(part, now)
            self._say_failed.flush(now)

    def _call(self, part: Part, now: float) -> None:
        try:
            part(now)
        except Exception as error:  # noqa: BLE001 - the others must go on, and this one the next time
            self._say_failed(now, what=part.__qualname__, why=f"{type(error).__name__}: {error}")
