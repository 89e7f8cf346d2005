"""A connection that has become a stream: bytes go out without an end, what the peer says is ignored within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from edge.http.progress import Progress
from edge.http.sockets import queued, set_send_buffers
from edge.http.table import NEVER, Table


def _nothing() -> None:
    """The owner has not said yet what it wants to hear."""


class StreamOutlet(asyncio.Protocol):
    """The `Outlet` of a viewer. Takes the transport over from the connection that read the request."""

    __slots__ = (
        "_ignored",
        "_lost",
        "_progress",
        "_table",
        "_transport",
        "deadline",
        "on_close",
        "on_resume",
        "paused",
        "peer",
    )
    on_resume: Callable[[], None]
    on_close: Callable[[], None]
    _progress: Progress  # while paused or closing

    def __init__(self, table: Table, transport: asyncio.Transport, peer: str, paused: bool) -> None:
        self._table = table
        self._transport = transport
        self._ignored = 0
        self._lost = False
        self.peer = peer
        self.paused = paused
        self.on_resume = _nothing
        self.on_close = _nothing
        self.deadline = NEVER

    def open(self, owner: Callable[[StreamOutlet], None], *, ended: bool) -> None:
        """Hands the outlet to its owner. `ended`: the peer has closed its side already, so nobody may be there."""
        self._table.streams += 1
        if not self._transport.is_reading():
            self._transport.resume_reading()
        if self.paused:
            self._watch()
        try:
            owner(self)
        except Exception as error:  # noqa: BLE001 - as in protocol.py: a handler's mistake ends here
            self._table.failed(error)
            self.abort()
        if ended:
            self.abort()

    @property
    def pending(self) -> int:
        return 0 if self._lost else self._transport.get_write_buffer_size()

    @property
    def queued(self) -> int:
        return 0 if self._lost else queued(self._transport)

    def write(self, chunks: Sequence[bytes]) -> None:
        if self._lost or self._transport.is_closing():
            return
        self._transport.writelines(chunks)
        self._table.counters.sent += sum(map(len, chunks))

    def close(self) -> None:
        if not self._lost:
            self._watch()
            self._transport.close()

    drain = close

    def abort(self) -> None:
        if not self._lost:
            self._transport.abort()

    # What the transport and the table tell.

    def data_received(self, data: bytes) -> None:
        """A viewer has nothing to say; reading on is how we notice that it leaves."""
        self._ignored += len(data)
        if self._ignored > self._table.limits.ignored_bytes:
            self.abort()

    def eof_received(self) -> bool:
        """Whoever shuts its side of an endless stream down has left: the next write could be far away."""
        return False

    def pause_writing(self) -> None:
        self.paused = True
        self._watch()

    def resume_writing(self) -> None:
        self.paused = False
        self.deadline = NEVER
        self.on_resume()

    def _watch(self) -> None:
        self._progress = Progress(self.pending, self._table.now, self._table.limits, NEVER)
        self.deadline = self._progress.deadline

    def weigh(self, now: float) -> tuple[int, int]:  # noqa: ARG002
        """Its owner counts what it holds."""
        return 0, 0

    def set_send_buffers(self, *, short: bool) -> None:
        set_send_buffers(self._transport, self._table.limits, short=short)

    def expire(self, now: float) -> None:
        if self._progress.moved(self.pending, now):
            self.deadline = self._progress.deadline
            return
        self._table.counters.expired["stall"] += 1
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it went does not matter
        self._lost = True
        self.paused = False
        self.deadline = NEVER
        self._table.streams -= 1
        self._table.remove(self)
        on_close, self.on_resume, self.on_close = self.on_close, _nothing, _nothing
        on_close()
