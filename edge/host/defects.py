"""Exceptions that nobody took: what asyncio would print of them may hold a visitor's words."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.clock import Clock
from edge.errors import where
from edge.log import Log, Throttle


class Defects:
    """A loop's exception handler: logs of which kind the exception was and where it was raised, and nothing else."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._say = Throttle(log.error, "callback_failed")
        self._clock = clock

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        kind = "none" if error is None else type(error).__name__
        self._say(self._clock.monotonic(), error=kind, where="" if error is None else where(error))
