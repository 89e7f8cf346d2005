"""Items from a thread to the loop: what was muxed on its way to the viewers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


def call_on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> bool:
    """Calls `call` on `loop` soon, from any thread. False: the loop is closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        return False
    return True


class OutboxStats(msgspec.Struct, frozen=True):
    """`delivered / wakeups` is the size of a batch. `dropped` counts items lost to a time-out or to the end."""

    buffered: int
    peak: int
    delivered: int
    wakeups: int
    dropped: int


class Outbox(Generic[Item]):
    """Items for the loop: handed to `deliver` there, in order, in one batch per wake-up.

    Bytes count as kept until `deliver` has returned, so a loop that lags holds the thread back.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[Item]], None], max_bytes: int) -> None:
        self._loop = loop
        self._deliver = deliver
        self._max_bytes = max_bytes
        self._room = threading.Condition(threading.Lock())
        self._items: list[Item] = []
        self._items_bytes = 0
        self._used = 0
        self._woken = False
        self._closed = False
        self._peak = 0
        self._delivered = 0
        self._wakeups = 0
        self._dropped = 0

    def put(self, item: Item, size: int, timeout: float = 5.0) -> bool:
        """Hands `item` over; waits while full. False: waited `timeout` seconds in vain, or closed; it is dropped.

        An item larger than the bound passes when nothing else is under way. In the thread; blocks.
        """
        with self._room:
            if not self._room.wait_for(lambda: self._closed or self._fits(size), timeout) or self._closed:
                if self._loop.is_closed():
                    self._drop()
                self._dropped += 1
                return False
            self._items.append(item)
            self._items_bytes += size
            self._used += size
            self._peak = max(self._peak, self._used)
            if not self._woken:
                self._woken = True
                self._wake()
            return not self._closed

    def _fits(self, size: int) -> bool:
        return not self._used or self._used + size <= self._max_bytes

    def _wake(self) -> None:
        if call_on(self._loop, self._hand_over):
            self._wakeups += 1
        else:
            self._drop()

    def _hand_over(self) -> None:
        with self._room:
            self._woken = False
            items, size = self._items, self._items_bytes
            self._items, self._items_bytes = [], 0
        try:
            if items:
                self._deliver(items)
        finally:
            with self._room:
                self._used -= size
                self._delivered += len(items)
                self._room.notify_all()

    def close(self, *, discard: bool = False) -> None:
        """Takes no more, from either side; whoever waits in `put` gets False. What was accepted is still delivered,
        unless `discard`."""
        with self._room:
            self._closed = True
            if discard:
                self._drop()
            self._room.notify_all()

    def _drop(self) -> None:
        """The loop is closed, or its owner wants no more: nobody will fetch what is kept."""
        self._closed = True
        self._dropped += len(self._items)
        self._used -= self._items_bytes
        self._items, self._items_bytes = [], 0
        self._room.notify_all()

    def stats(self) -> OutboxStats:
        with self._room:
            return OutboxStats(self._used, self._peak, self._delivered, self._wakeups, self._dropped)
