"""The requests in a connection's bytes. No I/O: fed with pieces, asked for heads, and for a body where one may come."""

from __future__ import annotations

from edge.errors import PeerError
from edge.http.body import ChunkedBody, LengthBody
from edge.http.head import Head, take_head
from edge.http.limits import Limits

_LINE_ENDS = b"\r\n"
SMALL = 2048  # bytes; of the 4 kB that a connection is taken to hold in the kernel (`Limits.connection_bytes`)


class Inbox:
    """What was fed and is not yet asked for stays here; how much that may be is the connection's to bound."""

    __slots__ = ("_at", "_data", "_limits", "body", "reserved", "wants_continue")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._data = b""
        self._at = 0  # where in `_data` the next request, or the rest of a body, begins
        self.body: LengthBody | ChunkedBody | None = None  # that is being taken
        self.reserved = 0  # bytes that the body of the request under way may hold, until it is answered
        self.wants_continue = False  # its client waits for 100 Continue before it sends the body

    @property
    def waiting(self) -> int:
        """Bytes that no request has taken yet."""
        return len(self._data) - self._at

    @property
    def held(self) -> int:
        """Bytes of requests that are kept, or may be."""
        return len(self._data) - self._at + self.reserved

    def feed(self, data: bytes) -> None:
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def take_head(self) -> Head | None:
        """The next request's; None when more must be fed. PeerError when it can be none."""
        data, at = self._data, self._at
        if at == len(data):
            return None
        if data[at] in _LINE_ENDS:  # empty lines before a request are skipped (RFC 9112 2.2)
            self._at = at = len(data) - len(data[at:].lstrip(b"\r\n"))
        found = take_head(data, at, self._limits) if at < len(data) else None
        if found is None:
            return None
        head, at = found
        self._data, self._at = (b"", 0) if at == len(data) else (data, at)
        return head

    def _move(self, at: int) -> None:
        """What stands before `at` is taken. Of bytes that are all taken nothing is kept."""
        if at == len(self._data):
            self._data, at = b"", 0
        self._at = at

    def allow(self, head: Head, limit: int) -> None:
        """The body of `head` may come, and have `limit` bytes. PeerError 413 when it says that it has more."""
        limit = min(limit, self._limits.body)
        if head.length > limit:
            raise PeerError(413, f"expected a body of at most {limit} bytes" if limit else "expected no body")
        self.reserved = limit if head.chunked else head.length

    def begin(self, head: Head) -> None:
        """Its body is taken next."""
        self.body = ChunkedBody(self.reserved) if head.chunked else LengthBody(head.length)
        self.wants_continue = head.expects and not self.waiting

    def take_body(self) -> bytes | None:
        """What was begun, once it is whole; None when more must be fed. PeerError when it can be none."""
        body = self.body
        if body is None:
            raise ValueError("expected a body that was begun")
        self._move(body.feed(self._data, self._at))
        if not body.done:
            return None
        self.body = None
        return body.whole()

    def take_small(self, head: Head, limit: int) -> bytes | None:
        """A body that has come with its head and is no longer than what a connection counts anyway; None: see to it
        that it may come."""
        length = head.length
        if length > SMALL or length > limit or length > self._limits.body:
            return None
        return self.take_whole(head)

    def take_whole(self, head: Head) -> bytes | None:
        """The body of a known length that has come with its head, as most do; None: begin it."""
        data, at = self._data, self._at
        end = at + head.length
        if head.chunked or end > len(data):
            return None
        self._move(end)
        return data[at:end]
