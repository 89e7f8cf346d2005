"""What many ask for at once is made once: pages are kept for some seconds, within a bound, and few made at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

import msgspec

from edge.clock import Clock
from edge.errors import OverloadError
from edge.hits.asking import Ask, Work
from edge.http.html import Asset

FRESH = 10.0  # seconds that a page is given for, or as long as it takes to make it WORTH times, up to LONGEST
WORTH, LONGEST = 20, 300.0
MOST_KEPT = 1_048_576  # bytes; what came first goes first
MOST_MADE = 4  # at a time
_SHORT = 0.005  # seconds that need no rest


class SharedStats(msgspec.Struct, frozen=True):
    """`kept` and `making` are now, the others counts since the start."""

    kept: int  # bytes
    making: int
    made: int
    given: int  # without being made
    refused: int


class Shared:
    """Belongs to the loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Asset]] = {}  # until when; what was made first comes first
        self._making: dict[Hashable, asyncio.Task[Asset]] = {}
        self._made = self._given = self._refused = 0

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Asset]]) -> Asset:
        """What `make` gave within the last seconds, or gives now. Raises what it raises; OverloadError when too many
        different things are being made."""
        self._forget()
        kept = self._kept.get(key)
        if kept is not None:
            self._given += 1
            return kept[1]
        task = self._making.get(key)
        if task is None:
            task = self._begin(key, make)
        else:
            self._given += 1
        return await asyncio.shield(task)  # one who leaves takes nothing from the others

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]

    def clear(self) -> None:
        """What was made, or is being made now, may show what is no longer there: none of it is given to newcomers."""
        self._kept.clear()
        self._making.clear()

    def _begin(self, key: Hashable, make: Callable[[], Awaitable[Asset]]) -> asyncio.Task[Asset]:
        if len(self._making) >= MOST_MADE:
            self._refused += 1
            raise OverloadError("Many reports are being made: try again in a moment.", retry_after=2)
        self._made += 1
        task = asyncio.ensure_future(_as_coroutine(make()))
        self._making[key] = task
        began = self._clock.monotonic()
        task.add_done_callback(lambda done: self._keep(key, done, began))
        return task

    def _keep(self, key: Hashable, done: asyncio.Task[Asset], began: float) -> None:
        if self._making.get(key) is not done:
            return  # cleared meanwhile
        del self._making[key]
        if done.cancelled() or done.exception() is not None:
            return  # who waits is told; the next one tries again
        now = self._clock.monotonic()
        self._kept[key] = (now + min(LONGEST, max(FRESH, WORTH * (now - began))), done.result())
        while self._bytes() > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _bytes(self) -> int:
        return sum(len(page.body) + len(page.packed) for _, page in self._kept.values())

    def stats(self) -> SharedStats:
        return SharedStats(self._bytes(), len(self._making), self._made, self._given, self._refused)


async def _as_coroutine(awaited: Awaitable[Asset]) -> Asset:
    return await awaited


class Paced:
    """A store's `ask` for strangers: one question at a time, and then a rest as long as it took. However many pages are
    asked for, hits have the store's thread for half of the time, and between any two questions."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._turn = asyncio.Lock()

    async def __call__(self, work: Work) -> Any:
        async with self._turn:
            began = self._clock.monotonic()
            answer = await self._ask(work)
            took = self._clock.monotonic() - began
            if took > _SHORT:
                await asyncio.sleep(took)
            return answer
