"""What handlers take and give: requests, answers with an end, and streams without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from edge.http.target import query_value

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Request(msgspec.Struct, gc=False):
    """One request, whole. `headers` has lower-case names; `peer` is the client, seen through trusted proxies."""

    method: str
    path: str  # decoded once, begins with "/", without "..", "//" and control characters
    query: bytes  # as it came, without "?"
    headers: dict[str, str]
    peer: str
    scheme: str
    host: str
    body: bytes = b""
    params: dict[str, str] = {}
    proxied: bool = False  # it came from a trusted proxy, whose header fields may be believed

    def __repr__(self) -> str:
        """Nothing of who asks, and for what: it may end in a log."""
        return f"Request({self.method})"

    def arg(self, name: str) -> str | None:
        """The first value of query parameter `name`, decoded."""
        return query_value(self.query, name) if self.query else None


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer with an end. Pieces of `body` are written as they are; Content-Length is their sum."""

    status: int
    headers: Headers = ()
    body: bytes | Sequence[bytes] = b""

    @property
    def length(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else sum(map(len, self.body))


class Constant(Response, frozen=True, gc=False):
    """A small answer that is given again and again, its body one piece. `render` keeps here what it wrote last."""

    written: dict[str, bytes] = {}  # by the date in it


class Outlet(Protocol):
    """What a stream writes to. After the connection is gone, writes are dropped."""

    paused: bool
    on_resume: Callable[[], None]  # set by the stream's owner; called when `paused` turns False
    on_close: Callable[[], None]  # set by the stream's owner; called exactly once, whoever closed
    peer: str

    @property
    def pending(self) -> int:
        """Bytes taken by `write` that are not yet in the kernel."""
        ...

    @property
    def queued(self) -> int:
        """Bytes of the kernel's memory that hold what the peer has not acknowledged."""
        ...

    def write(self, chunks: Sequence[bytes]) -> None: ...

    def close(self) -> None:
        """Ends the stream after what is pending."""
        ...

    def abort(self) -> None:
        """Ends the stream now."""
        ...


class Stream(msgspec.Struct, frozen=True, gc=False):
    """An answer without an end, delimited by the close of the connection (RFC 9112 6.3).

    `open` is called once the head is written.
    """

    status: int
    headers: Headers
    open: Callable[[Outlet], None]


Answer: TypeAlias = Response | Stream


class Later(msgspec.Struct, eq=False):
    """What a handler returns that will `give` the answer later, on the loop: for answers by the ten thousand a second.

    A future costs 8 µs more, for its callbacks wait for a turn of the loop each. Whoever waits too long, or is gone,
    hears nothing any more: `give` may be called all the same, and a second time does nothing.
    """

    _answer: Answer | None = None
    _tell: Callable[[Answer], None] | None = None

    def give(self, answer: Answer) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(answer)
        else:
            self._answer = self._answer or answer

    def then(self, tell: Callable[[Answer], None]) -> Answer | None:
        """The answer if it was given already; None: `tell` will be told."""
        if self._answer is None:
            self._tell = tell
        return self._answer

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._tell = None


# Plain functions answer at once. A coroutine gets a task. All that comes later has `Limits.handler_seconds`.
Handler: TypeAlias = Callable[[Request], Answer | Later | Awaitable[Answer]]


def text(status: int, message: str, headers: Headers = ()) -> Response:
    return Response(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), f"{message}\n".encode())


def json(status: int, value: object, headers: Headers = ()) -> Response:
    return Response(status, (("Content-Type", "application/json"), *headers), msgspec.json.encode(value))
