"""One connection to a source: bytes fetched on the loop into the channel's thread, or libavformat by itself there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from edge.channel.worker import Worker
from edge.errors import EdgeError, SourceError
from edge.flow.bridge import Pipe
from edge.http.client import Ended, Fetch
from edge.media.kinds import Kind

if TYPE_CHECKING:
    from edge.media.pipeline import Pipeline

PIPE_BYTES = 256 * 1024
TAIL_BYTES = 128 * 1024  # of a response, to join the next one to it: a large keyframe
PIPE_SILENCE = 60.0  # the fetch has its own deadlines for every step; this one only ends a fetch that is lost
LOOKUP = 5.0


class Access(Protocol):
    """User name and password for a source."""

    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...


class HttpFeed:
    """One GET whose body the pipeline plays. `tail` is what the next response may continue."""

    def __init__(self, url: str, headers: dict[str, str], access: Access | None) -> None:
        self._url, self._headers, self._access = url, headers, access
        self._fetch: Fetch | None = None
        self._pipe: Pipe | None = None
        self.tail = b""

    async def play(self, worker: Worker, pipeline: Pipeline) -> None:
        """Until the response ends and is played. SourceError or CodecError; a due end returns."""
        loop = asyncio.get_running_loop()
        user, password = (self._access.user, self._access.password) if self._access else (None, None)
        pipe = self._pipe = Pipe(loop, PIPE_BYTES, self._resume, TAIL_BYTES)
        pipe.silence = PIPE_SILENCE
        fetch = self._fetch = Fetch(self._url, pipe, headers=self._headers, user=user, password=password)
        fetching = asyncio.create_task(fetch.run())
        fetching.add_done_callback(lambda task: pipe.finish(_why(task)))
        before, self.tail = self.tail, b""
        try:
            await worker.run(lambda: pipeline.play_bytes(pipe, before))
            _raise(pipe.error)
        finally:
            self.cancel()
            self.tail = pipe.tail()
            # An error that was raised holds the frames it passed, and so this pipe with its buffers: without this each
            # response's 0.3 MB would wait for the collector, which comes by rarely.
            pipe.error = self._pipe = self._fetch = None
            await asyncio.wait([fetching])  # how it ended is known; awaited by name it would be raised again, into here

    def _resume(self) -> None:
        if self._fetch is not None:
            self._fetch.resume()

    def cancel(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()
        if self._pipe is not None:
            self._pipe.cancel()


def _raise(error: EdgeError | None) -> None:
    if error is not None:
        raise SourceError(error.reason if isinstance(error, SourceError) else "protocol", str(error))


def _why(task: asyncio.Task[Ended]) -> SourceError | None:
    """How a response ended, as the pipe shall tell it; None: it ended where its length said."""
    if task.cancelled():
        return SourceError("ended", "the connection was given up")
    error = task.exception()
    if error is not None:  # as a new one: it must not hold the fetch's frames
        return SourceError(error.reason if isinstance(error, SourceError) else "protocol", str(error))
    return None if task.result().whole else SourceError("ended", "the source ended its response")


class LibavFeed:
    """What libavformat opens itself. The name is looked up before, under a deadline; libavformat's own look-up, which
    has none, then finds it in the resolver's cache where there is one."""

    def __init__(self, url: str, kind: Kind, headers: dict[str, str], access: Access | None) -> None:
        self._url, self._kind, self._headers = url, kind, headers
        self._access = access
        self._cancel: Callable[[], None] = lambda: None

    async def play(self, worker: Worker, pipeline: Pipeline) -> None:
        await _look_up(self._url)
        url = _with_access(self._url, self._access)
        self._cancel = pipeline.cancel
        await worker.run(lambda: pipeline.play_url(url, self._kind, self._headers))

    def cancel(self) -> None:
        self._cancel()


async def _look_up(url: str) -> None:
    host = urlsplit(url).hostname if "://" in url else None
    if not host:
        return
    try:
        lookup = asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        await asyncio.wait_for(lookup, LOOKUP)
    except (OSError, TimeoutError):
        raise SourceError("dns", f"expected an address for the source's host {host}, got none") from None


def _with_access(url: str, access: Access | None) -> str:
    if access is None or "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(access.user, safe='')}:{quote(access.password, safe='')}@{rest}"
