"""Items from a thread to the loop: what was muxed on its way to the viewers."""

from __future__ import annotations

import asyncio
import threading
import time
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

    Bytes count as kept until `deliver` has returned, so a loop that lags holds the thread back. With `patience` the
    loop is woken by `flush`, which the thread calls when it begins to wait for something; or by the next `put` when the
    oldest item has been kept for that many seconds. Without, by every `put`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[list[Item]], None],
        max_bytes: int,
        patience: float = 0.0,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._max_bytes = max_bytes
        self._patience = patience
        self._oldest = 0.0  # monotonic, of what the loop has not been woken for
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
            if not self._await_room(size, timeout):
                if self._loop.is_closed():
                    self._drop()
                self._dropped += 1
                return False
            if self._patience and not self._items:
                self._oldest = time.monotonic()
            self._items.append(item)
            self._items_bytes += size
            self._used += size
            self._peak = max(self._peak, self._used)
            if not self._patience or time.monotonic() - self._oldest >= self._patience:
                self._wake()
            return not self._closed

    def _await_room(self, size: int, timeout: float) -> bool:
        if not self._closed and not self._fits(size):
            self._wake()
            self._room.wait_for(lambda: self._closed or self._fits(size), timeout)
        return not self._closed and self._fits(size)

    def _fits(self, size: int) -> bool:
        return not self._used or self._used + size <= self._max_bytes

    def flush(self) -> None:
        """What is kept goes to the loop now. From any thread; does not block."""
        if self._items and not self._woken:  # looked at without the lock: the thread that puts is the one that flushes
            with self._room:
                self._wake()

    def _wake(self) -> None:
        if self._woken or not self._items:
            return
        self._woken = True
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
            else:
                self._wake()
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
