"""The reading half of a fetch: bytes from the transport into the sink, until the end or a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from edge.errors import SourceError
from edge.http.dial import Deadlines
from edge.http.origin import Origin
from edge.http.reply import Reply

GATHER = 0.25  # seconds of the stream in one read, as the kernel gathers them (SO_RCVLOWAT)
MOST_GATHERED = 65536  # bytes; half of the kernel's usual receive buffer
PATIENCE = 2 * GATHER  # a source that has become slower is heard then
_MEASURE = 1.0  # seconds


class Receiver(asyncio.Protocol):
    """`ended` is set when the response is over, to the error that ended it or None. (As a value: a future that fails
    with what was raised in here would be a cycle through the frames that it passed.)

    One timer for deadlines: first for the whole head, then for silence. It is not moved by each read, but looks when it
    fires how long the silence really was. Another while the kernel gathers.
    """

    def __init__(
        self,
        origin: Origin,
        feed: Callable[[bytes], bool],
        begin: Callable[[Origin, Reply], bool],
        deadlines: Deadlines,
    ) -> None:
        self.reply = Reply()
        self.received = 0
        self.clean = True
        self._origin = origin
        self._feed = feed
        self._begin = begin
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[SourceError | None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._last = 0.0  # loop time of the last byte
        self._paused = False
        self._gathered = 1  # SO_RCVLOWAT in force
        self._measured = (0.0, 0)  # loop time and bytes when the rate was last looked at

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._timer = self._loop.call_later(self._deadlines.head, self._headless)

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._last = self._loop.time()
        if self._last - self._measured[0] >= _MEASURE:
            self._measure(self._last)
        self._be_patient()
        try:
            self._take(data)
        except SourceError as error:
            self._fail(error)

    def _measure(self, now: float) -> None:
        """Asks the kernel to wake us for `GATHER` seconds of the stream at a time: with a wake-up for every packet of
        the source transcoding takes a third more processor time, for every 80 ms a tenth: caches are cold each time.
        The burst at a response's start is no measure."""
        since, before = self._measured
        self._measured = (now, self.received)
        if since:
            rate = (self.received - before) / (now - since)
            self._gather(max(1, min(MOST_GATHERED, int(rate * GATHER))))

    def _be_patient(self) -> None:
        """While the kernel gathers: what is there after PATIENCE is enough."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_later(PATIENCE, self._gather, 1) if self._gathered > 1 else None

    def _gather(self, size: int) -> None:
        if self._transport is None or size == self._gathered:
            return
        self._gathered = size
        with contextlib.suppress(OSError, AttributeError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    def _take(self, data: bytes) -> None:
        begun = self.reply.status != 0
        body = self.reply.feed(data)
        if not begun and self.reply.status:
            if not self._begin(self._origin, self.reply):
                self._end()
                return
            self._listen()
        if body:
            self.received += len(body)
            if not self._feed(body):
                self._pause()
        if self.reply.broken:
            self._break()
        elif self.reply.done:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.done():
            return
        if not self.reply.status:
            what = "reset the connection" if exc else "closed the connection"
            self._fail(SourceError("reset", f"expected a response head, but {self._who()} {what}"))
        elif exc is not None and not self.received:
            self._fail(SourceError("reset", f"{self._who()} reset the connection before the first byte"))
        else:
            self.clean = exc is None and not self.reply.declared
            self._end()

    def resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._last = self._loop.time()
            self._transport.resume_reading()

    def stop(self) -> None:
        """Nothing more is read or fed. Whoever waits for `ended` is released."""
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()
        self._timer = self._patience = None
        if not self.ended.done():
            self.ended.cancel()
        transport, self._transport = self._transport, None  # each refers to the other: the collector comes by rarely
        if transport is not None:
            transport.abort()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _headless(self) -> None:
        self._timer = None
        seconds = self._deadlines.head
        self._fail(SourceError("timeout_head", f"expected a response head from {self._who()} within {seconds:g} s"))

    def _listen(self) -> None:
        """(Re)arms the timer for the moment when the silence would be too long."""
        if self._timer is not None:
            self._timer.cancel()
        since = self._loop.time() if self._paused else self._last
        self._timer = self._loop.call_at(since + self._deadlines.silence, self._judge_silence)

    def _judge_silence(self) -> None:
        self._timer = None
        seconds = self._deadlines.silence
        if self._paused or self._loop.time() - self._last < seconds:
            self._listen()
        else:
            self._fail(SourceError("silent", f"expected bytes from {self._who()}, got none for {seconds:g} s"))

    def _break(self) -> None:
        """Chunks that stop making sense after data came are an end like any other; before, they are an error."""
        if self.received:
            self.clean = False
            self._end()
        else:
            self._fail(SourceError("protocol", self.reply.broken))

    def _fail(self, error: SourceError) -> None:
        if not self.ended.done():
            self.ended.set_result(error.with_traceback(None))
        self.stop()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        self.stop()

    def _who(self) -> str:
        """The host alone: paths of sources may hold a password too."""
        return self._origin.authority
