"""Between the loop and a thread, both ways, bounded in bytes.

`Pipe` carries a response's bytes from the loop to the thread that demuxes them; `Outbox` carries muxed chunks from the
thread to the loop. Neither ever blocks the loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from edge.errors import EdgeError, SourceError

Item = TypeVar("Item")

# A reader told to stop may still hand over what it already holds: one socket buffer of uvloop. More is its mistake.
SLACK = 1 << 20


def call_on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> bool:
    """Calls `call` on `loop` soon, from any thread. False: the loop is closed."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        return False
    return True


class PipeStats(msgspec.Struct, frozen=True):
    """`filled` counts how often the reader of the response had to stop."""

    received: int
    buffered: int
    peak: int
    filled: int


class Pipe:
    """Bytes for a thread that reads them as a file.

    `read` ends (b"") after `finish`, at once after `cancel`, and when it has waited `silence` seconds without a byte;
    `error` then says why (None: a proper end). `keep` last bytes handed to the reader stay available as `tail()`.
    `on_drain` is called on the loop when it was full and fell below half; it may come after the end.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, max_bytes: int, on_drain: Callable[[], None], keep: int = 0
    ) -> None:
        self.silence = 5.0
        self.error: EdgeError | None = None
        self.received = 0
        self._loop = loop
        self._max_bytes = max_bytes
        self._on_drain = on_drain
        self._keep = keep
        self._ready = threading.Condition(threading.Lock())
        self._parts: deque[bytes] = deque()
        self._offset = 0  # into the first part
        self._buffered = 0
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._full = False
        self._ended = False
        self._peak = 0
        self._filled = 0

    def feed(self, data: bytes) -> bool:
        """Keeps `data` (on the loop). False: full, or ended: stop reading the response until `on_drain`.

        BufferError: it was full long ago and is fed on and on.
        """
        with self._ready:
            if self._ended:
                return False
            if self._buffered + len(data) > self._max_bytes + SLACK:
                raise BufferError(f"expected a stop at {self._max_bytes} bytes, got {self._buffered + len(data)}")
            if data:
                self._store(data)
            return not self._full

    def _store(self, data: bytes) -> None:
        self._parts.append(data)
        self.received += len(data)
        self._buffered += len(data)
        self._peak = max(self._peak, self._buffered)
        if self._buffered >= self._max_bytes and not self._full:
            self._full = True
            self._filled += 1
        self._ready.notify()

    def finish(self, error: EdgeError | None = None) -> None:
        """The response is over: `read` ends after what was fed. The first reason given stands."""
        with self._ready:
            if not self._ended:
                self._ended = True
                self.error = error
            self._ready.notify()

    def cancel(self) -> None:
        """From any thread: `read` ends at once, what is kept is dropped."""
        with self._ready:
            self._ended = True
            self._full = False
            self._parts.clear()
            self._offset = self._buffered = 0
            self._ready.notify()

    def read(self, n: int) -> bytes:
        """At most `n` bytes: whatever is there, as soon as anything is. b"": the end. In the thread; blocks."""
        with self._ready:
            if not self._wait():
                return b""
            data = self._take(n)
            drained = self._full and not self._ended and self._buffered * 2 < self._max_bytes
            if drained:
                self._full = False
        if drained:
            call_on(self._loop, self._on_drain)
        return data

    def _wait(self) -> bool:
        deadline = time.monotonic() + self.silence
        while not self._parts:
            left = deadline - time.monotonic()
            if not self._ended and left <= 0:
                self._ended = True
                self.error = SourceError("silent", f"expected bytes from the source, got none for {self.silence:g} s")
            if self._ended:
                return False
            self._ready.wait(left)
        return True

    def _take(self, n: int) -> bytes:
        part = self._parts[0]
        left = len(part) - self._offset
        if left > n:
            data = bytes(memoryview(part)[self._offset : self._offset + n])
            self._offset += n
        else:
            data = part[self._offset :]  # the same object when it is the whole part
            self._parts.popleft()
            self._offset = 0
        self._buffered -= len(data)
        if self._keep:
            self._remember(data)
        return data

    def _remember(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= self._keep:
            self._tail_bytes -= len(self._tail.popleft())

    def tail(self) -> bytes:
        """The last bytes that `read` gave, at most `keep`."""
        with self._ready:
            return b"".join(self._tail)[-self._keep :] if self._keep else b""

    def stats(self) -> PipeStats:
        with self._ready:
            return PipeStats(self.received, self._buffered, self._peak, self._filled)


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
