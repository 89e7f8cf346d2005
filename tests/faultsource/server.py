"""The live source over HTTP: an asyncio server on the loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections import deque
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import av
import msgspec
import ports

from faultsource.faults import Fate, Faults, fate, sample_at
from faultsource.flv import FlvLoop
from faultsource.response import Response
from faultsource.ts import TsLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from faultsource.loop import Loop

_TICK = 0.01  # seconds of real time: what becomes due within one goes out together
_HEAD_LIMIT = 16384
_HTML = b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>" + b"<p>please wait</p>" * 200
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST


class Event(msgspec.Struct, frozen=True):
    """What happened, at stream second `at`.

    `what`: begin, end, refused, status, redirect, body, cut (by hand), away (the client left).
    """

    at: float
    response: int
    what: str
    position: int = 0
    detail: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What a client sent."""

    line: str
    headers: dict[str, str]


@lru_cache(maxsize=16)
def open_loop(path: Path) -> Loop:
    """The loop for a sample, by its suffix. Its period is the longest track's length, measured by demuxing it."""
    kind = FlvLoop if path.suffix == ".flv" else TsLoop
    return kind(path.read_bytes(), _period(path))


def _period(path: Path) -> float:
    first: dict[int, Fraction] = {}
    last: dict[int, Fraction] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None and packet.time_base is not None:
                first.setdefault(packet.stream_index, packet.dts * packet.time_base)
                last[packet.stream_index] = (packet.dts + (packet.duration or 0)) * packet.time_base
    return float(max(last[i] - first[i] for i in first))


class FaultSource:
    """`with FaultSource(sample, Faults(cut=12, replay=2)) as url:` or `async with`.

    `speed`: seconds of the stream in one real second. `down()`, `up()` and `cut()` fail it by hand; `events` and
    `asked` (both keep the newest 10 000) tell what happened.
    """

    def __init__(
        self,
        sample: str | Path,
        faults: Faults | None = None,
        *,
        speed: float = 1.0,
        port: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.loop = open_loop(Path(sample).resolve())
        self.speed = speed
        self.port = port
        self.responses = 0
        self.bytes_sent = 0
        self.events: deque[Event] = deque(maxlen=10_000)
        self.asked: deque[Asked] = deque(maxlen=10_000)
        self._on_event = on_event
        self._last_end: int | None = None
        self._epoch = 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._aio: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # ---- the owner's side

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/1034{self.loop.suffix}"

    def now(self) -> float:
        """Seconds of the stream. It starts at `replay`, so that the first response can replay as well."""
        return (time.monotonic() - self._epoch) * self.speed

    def sent_at(self, picture: int) -> float:
        """The `time.monotonic()` at which picture `picture` of the endless stream (from 0) was due on the wire."""
        lap, n = divmod(picture, len(self.loop.sent))
        return self._epoch + (lap * self.loop.period + self.loop.sent[n]) / self.speed

    def down(self) -> None:
        """Close the listener and every connection: clients are refused until `up`."""
        self._do(self._close(listener=True))

    def up(self) -> None:
        self._do(self._listen())

    def cut(self) -> None:
        """End the responses under way, now."""
        self._do(self._close(listener=False))

    def __enter__(self) -> str:
        started = threading.Event()
        self._aio = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, args=(started,), name="faultsource", daemon=True)
        self._thread.start()
        started.wait(60)
        self._epoch = time.monotonic() - self.faults.replay / self.speed
        self.up()
        return self.url

    def __exit__(self, *_: object) -> None:
        assert self._aio is not None
        assert self._thread is not None
        self.down()
        self._aio.call_soon_threadsafe(self._aio.stop)
        self._thread.join(60)
        self._aio.close()

    async def __aenter__(self) -> str:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)

    def _do(self, work: Coroutine[object, object, None]) -> None:
        assert self._aio is not None
        asyncio.run_coroutine_threadsafe(work, self._aio).result(60)

    # ---- the thread's side

    def _main(self, started: threading.Event) -> None:
        assert self._aio is not None
        asyncio.set_event_loop(self._aio)
        self._aio.call_soon(started.set)
        self._aio.run_forever()

    async def _listen(self) -> None:
        self.port = self.port or ports.free()  # it stays ours while we are down
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_HEAD_LIMIT)

    async def _close(self, *, listener: bool) -> None:
        if listener and self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.responses = n = self.responses + 1
        try:
            await _Exchange(self, reader, writer, n).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.note(n, "away", detail=type(error).__name__)
        except asyncio.CancelledError:
            self.note(n, "cut")
        finally:
            self._tasks.discard(task)
            writer.close()

    def note(self, response: int, what: str, position: int = 0, detail: str = "") -> None:
        event = Event(self.now(), response, what, position, detail)
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def respond(self, n: int, fate: Fate) -> Response:
        path = sample_at(self.faults, n)
        loop = self.loop if path is None else open_loop(Path(path).resolve())
        return Response(loop, self.faults, fate, n, self.now(), self._last_end)

    def ended(self, position: int) -> None:
        self._last_end = position


class _Exchange:
    """One connection: a request, and whatever `fate` has for it."""

    def __init__(self, source: FaultSource, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        self._source = source
        self._reader = reader
        self._writer = writer
        self._n = n

    async def run(self) -> None:
        fate_ = fate(self._source.faults, self._n)
        if fate_.refused:
            self._source.note(self._n, "refused")
            self._abort()
            return
        asked = await self._request()
        self._source.asked.append(asked)
        if fate_.redirected and "/hop" not in asked.line:
            await self._plain(302, "redirect", (f"Location: /hop{self._source.loop.suffix}",))
        elif fate_.status not in (200, 302):
            await self._plain(fate_.status, "status")
        elif fate_.body != "media":
            await self._bad_body(fate_.body)
        elif asked.line.startswith("HEAD "):
            await self._send(self._head(200, ()))
        else:
            await self._media(fate_)

    async def _request(self) -> Asked:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        pairs = (field.partition(":") for field in fields)
        return Asked(line, {name.strip().lower(): value.strip() for name, _, value in pairs})

    def _head(self, status: int, fields: tuple[str, ...]) -> bytes:
        kind = (
            ()
            if any(f.startswith("Content-Type") for f in fields)
            else (f"Content-Type: {self._source.loop.content_type}",)
        )
        lines = (f"HTTP/1.1 {status} Fault", "Connection: close", *kind, *fields)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def _send(self, data: bytes) -> None:
        self._source.bytes_sent += len(data)
        self._writer.write(data)
        await self._writer.drain()

    async def _plain(self, status: int, what: str, fields: tuple[str, ...] = ()) -> None:
        self._source.note(self._n, what, detail=str(status))
        await self._send(self._head(status, ("Content-Length: 0", *fields)))

    async def _bad_body(self, body: str) -> None:
        self._source.note(self._n, "body", detail=body)
        if body == "endless-head":
            await self._for_ever(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", 0.01)
        elif body == "html":
            await self._send(self._head(200, ("Content-Type: text/html",)) + _HTML)
        elif body == "trickle":
            await self._for_ever(self._head(200, ()), b"G", 1.0)
        elif body == "silent":
            await self._for_ever(self._head(200, ()), b"", 0.5)
        elif body == "noise":
            await self._for_ever(self._head(200, ()), bytes(range(256)) * 8, 0.02)
        else:
            await self._send(self._head(200, ()))

    async def _for_ever(self, first: bytes, more: bytes, every: float) -> None:
        await self._send(first)
        while not self._reader.at_eof():
            await asyncio.sleep(every / self._source.speed)
            await self._send(more)

    async def _media(self, fate_: Fate) -> None:
        source = self._source
        response = source.respond(self._n, fate_)
        framing = _Framing(source.faults.end, response, len(source.loop.head))
        source.note(self._n, "begin", response.begin)
        try:
            await self._send(self._head(200, framing.fields) + framing.wrap(source.loop.head))
            await self._pace(response, framing)
        finally:
            source.ended(response.position)
        source.note(self._n, "end", response.position)
        if source.faults.end == "reset":
            self._abort()
        elif framing.last:
            await self._send(framing.last)

    async def _pace(self, response: Response, framing: _Framing) -> None:
        source = self._source
        while not response.ended:
            data = response.take(source.now())
            if data:
                await self._send(framing.wrap(data))
            elif self._reader.at_eof():
                raise ConnectionAbortedError
            else:
                wait = (response.wake(source.now()) - source.now()) / source.speed
                await asyncio.sleep(min(max(wait, _TICK), 0.25))

    def _abort(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        self._writer.transport.abort()


class _Framing:
    """How a response's body is delimited (RFC 9112, 6)."""

    def __init__(self, end: str, response: Response, head: int) -> None:
        self._chunked = end in ("chunked", "truncated")
        self.last = b"0\r\n\r\n" if end == "chunked" else b""
        self.fields: tuple[str, ...] = ()
        if self._chunked:
            self.fields = ("Transfer-Encoding: chunked",)
        elif end in ("exact", "length") and response.end is not None:
            more = 100_000 if end == "length" else 0
            self.fields = (f"Content-Length: {head + response.length() + more}",)

    def wrap(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data
