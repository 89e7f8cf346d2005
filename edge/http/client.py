"""One GET of a live source, on the loop: it never blocks it, and every step has a deadline that holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from edge.errors import SourceError
from edge.http.dial import Deadlines, Resolve, dial, resolve
from edge.http.origin import Origin, read_origin
from edge.http.receiver import Receiver
from edge.http.reply import Reply

if TYPE_CHECKING:
    import ssl

MOST_REDIRECTS = 5
REASONS = (
    "dns",
    "refused",
    "unreachable",
    "tls",
    "timeout_connect",
    "timeout_head",
    "silent",
    "http_4xx",
    "http_5xx",
    "http_other",
    "redirect",
    "reset",
    "protocol",
)


class Sink(Protocol):
    """Where the body goes (`edge.flow.bridge.Pipe`)."""

    def feed(self, data: bytes) -> bool:
        """Takes `data`. False: full now, stop reading until `Fetch.resume`."""
        ...


class Ended(msgspec.Struct, frozen=True):
    """How a response ended. `clean`: nothing that was promised is missing; `whole`: its end was promised and came."""

    status: int
    content_type: str
    final_url: str  # without credentials
    received: int  # bytes of the body
    clean: bool
    whole: bool


class Fetch:
    """`run` once. `resume` and `cancel` are for the loop's thread."""

    def __init__(
        self,
        url: str,
        sink: Sink,
        *,
        headers: Mapping[str, str] | None = None,
        user: str | None = None,
        password: str | None = None,
        deadlines: Deadlines | None = None,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """ConfigError: a bad URL."""
        self._origin = read_origin(url, headers or {}, user, password)
        self._sink = sink
        self._deadlines = deadlines or Deadlines()
        self._resolver = resolver
        self._tls = tls
        self._receiver: Receiver | None = None
        self._task: asyncio.Task[Ended] | None = None
        self._cancelled = False

    async def run(self) -> Ended:
        """The whole exchange. SourceError with one of `REASONS`; CancelledError after `cancel`."""
        if self._cancelled:
            raise asyncio.CancelledError
        self._task = asyncio.get_running_loop().create_task(self._follow())
        try:
            return await self._task
        finally:
            self.cancel()
            self._receiver = self._task = None  # both refer to this; see Receiver.stop

    def cancel(self) -> None:
        """Stops at once: the sink is not fed any more."""
        self._cancelled = True
        if self._receiver is not None:
            self._receiver.stop()
        if self._task is not None:
            self._task.cancel()

    def resume(self) -> None:
        """The sink has room again."""
        if self._receiver is not None:
            self._receiver.resume()

    async def _follow(self) -> Ended:
        origin = self._origin
        for _ in range(MOST_REDIRECTS + 1):
            reply, receiver = await self._get(origin)
            location = reply.headers.get("location")
            if reply.status not in (301, 302, 303, 307, 308) or location is None:
                return Ended(
                    status=reply.status,
                    content_type=reply.headers.get("content-type", ""),
                    final_url=origin.url,
                    received=receiver.received,
                    clean=receiver.clean,
                    whole=reply.done,
                )
            origin = origin.redirected(location)
        raise SourceError("redirect", f"expected at most {MOST_REDIRECTS} redirects from {self._origin.authority}")

    async def _get(self, origin: Origin) -> tuple[Reply, Receiver]:
        """One exchange, to its end; a redirect's body is not read."""
        receiver = self._receiver = Receiver(origin, self._sink.feed, self._begin, self._deadlines)
        transport = await dial(origin, receiver, self._deadlines, self._resolver, self._tls)
        try:
            transport.write(origin.request())
            error = await receiver.ended
        finally:
            receiver.stop()
        if error is not None:
            raise SourceError(error.reason, str(error))  # a new one, that nothing here refers to
        return receiver.reply, receiver

    def _begin(self, origin: Origin, reply: Reply) -> bool:
        """The head is there: whether the body is wanted. SourceError when the answer is a refusal."""
        status = reply.status
        if status in (301, 302, 303, 307, 308) and "location" in reply.headers:
            return False
        if status not in (200, 203, 206):
            reason = f"http_{status // 100}xx" if status >= 400 else "http_other"
            raise SourceError(reason, f"expected 200 from {origin.authority}, got {status}")
        return True
