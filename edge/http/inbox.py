"""The requests in a connection's bytes. No I/O: fed with pieces, asked for heads, and for a body where one may come."""

from __future__ import annotations

from edge.errors import PeerError
from edge.http.body import ChunkedBody, LengthBody
from edge.http.head import Head, take_head
from edge.http.limits import Limits

_LINE_ENDS = b"\r\n"


class Inbox:
    """What was fed and is not yet asked for stays here; how much that may be is the connection's to bound."""

    __slots__ = ("_at", "_body", "_data", "_limits", "reserved", "wants_continue")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._data = b""
        self._at = 0  # where in `_data` the next request, or the rest of a body, begins
        self._body: LengthBody | ChunkedBody | None = None
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

    @property
    def in_body(self) -> bool:
        return self._body is not None

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
        self._move(found[1])
        return found[0]

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
        self._body = ChunkedBody(self.reserved) if head.chunked else LengthBody(head.length)
        self.wants_continue = head.expects and not self.waiting

    def take_body(self) -> bytes | None:
        """What was begun, once it is whole; None when more must be fed. PeerError when it can be none."""
        body = self._body
        if body is None:
            raise ValueError("expected a body that was begun")
        self._move(body.feed(self._data, self._at))
        if not body.done:
            return None
        self._body = None
        return body.whole()

    def take_whole(self, head: Head) -> bytes | None:
        """The body of a known length that has come with its head, as most do; None: begin it."""
        data, at = self._data, self._at
        end = at + head.length
        if head.chunked or end > len(data):
            return None
        self._move(end)
        return data[at:end]
