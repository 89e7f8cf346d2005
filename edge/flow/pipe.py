"""Bytes from the loop to a thread that reads them as a file: a response on its way to the demuxer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from edge.errors import EdgeError, SourceError
from edge.flow.outbox import call_on

# A reader told to stop may still hand over what it already holds: one socket buffer of uvloop. More is its mistake.
SLACK = 1 << 20


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

    @property
    def ready(self) -> bool:
        """Whether a read would not wait for bytes. In the thread."""
        return bool(self._parts)

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
