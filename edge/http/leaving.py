"""A connection after its last answer: what is pending goes out, what still comes is dropped.

A socket that is closed while bytes wait in it resets the connection, and the peer may never read the answer. So our
side is shut down first, and the peer's bytes are read over until it closes too, for a moment and within bounds.
"""

from __future__ import annotations

import asyncio

from edge.http.progress import Progress
from edge.http.sockets import queued, set_send_buffers
from edge.http.table import Table


class Leaving(asyncio.Protocol):
    """Takes the transport over from a `Connection`."""

    __slots__ = ("_ignored", "_progress", "_table", "_transport", "deadline")

    def __init__(self, table: Table, transport: asyncio.Transport) -> None:
        self._table = table
        self._transport = transport
        self._ignored = 0
        pending = transport.get_write_buffer_size()
        self._progress = Progress(pending, table.now, table.limits, table.now + table.limits.answer_seconds)
        self.deadline = self._progress.deadline if pending else table.now + table.limits.linger_seconds

    def linger(self) -> None:
        if not self._transport.is_reading():
            self._transport.resume_reading()
        self._transport.write_eof()

    def close(self) -> None:
        """Closes once what is pending has gone, without waiting for the peer."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._ignored += len(data)
        if self._ignored > self._table.limits.linger_bytes:
            self.abort()

    def eof_received(self) -> bool:
        """The peer has closed its side: the transport closes ours once what is pending has gone."""
        return False

    def expire(self, now: float) -> None:
        pending = self._transport.get_write_buffer_size()
        if self._progress.moved(pending, now):
            self.deadline = self._progress.deadline
            return
        self._table.counters.expired["stall" if pending else "linger"] += 1
        self.abort()

    def weigh(self, now: float) -> tuple[int, int]:
        pending = self._transport.get_write_buffer_size()
        if not pending:
            return 0, 0
        return self._progress.weight(pending, now), queued(self._transport)

    def set_send_buffers(self, *, short: bool) -> None:
        set_send_buffers(self._transport, self._table.limits, short=short)

    def drain(self) -> None:
        """It is going already."""

    def abort(self) -> None:
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it went does not matter
        self._table.remove(self)
