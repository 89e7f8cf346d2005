"""A real server on its own loop and thread, with a clock that only tests turn, and raw sockets to talk to it."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import time
from contextlib import contextmanager

import uvloop

from edge.access.proxies import Proxies
from edge.clock import ManualClock
from edge.http.limits import Limits
from edge.http.message import Response, Stream, text
from edge.http.router import Router
from edge.http.server import Server
from edge.log import Log

DEADLINE = 60.0  # how long a test waits for what must happen; never reached when all is well


class Running:
    def __init__(self, router, limits=None, proxies=(), budget=None):
        self.clock = ManualClock(monotonic=1000.0)
        self.log = io.StringIO()
        self.loop = uvloop.new_event_loop()
        self.server = Server(
            self.loop, router, limits or Limits(), Proxies(proxies), Log("debug", self.log), self.clock, budget
        )
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.server.start(["127.0.0.1:0"]))
        self.port = int(self.server.addresses[0].rpartition(":")[2])

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE)

    def call(self, function, *args):
        async def inside():
            return function(*args)

        return self.run(inside())

    def stats(self):
        return self.call(self.server.stats)

    def later(self, seconds):
        """Time goes by: the clock is turned and every deadline looked at."""
        self.clock.advance(seconds)
        self.call(self.server.sweep)

    def until(self, wanted, what=""):
        end = time.monotonic() + DEADLINE
        while not self.call(wanted):
            assert time.monotonic() < end, what or "it did not happen"
            time.sleep(0.005)

    def until_open(self, count):
        self.until(lambda: self.server.stats().connections == count, f"{count} connections")

    def connect(self, receive_buffer=None):
        sock = socket.socket()
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def ask(self, *pieces):
        """Sends the pieces, reads until the server closes."""
        with self.connect() as sock:
            give(sock, *pieces)
            return read_all(sock)

    def stop(self):
        self.run(self.server.drain(1.0))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()


def give(sock, *pieces):
    """A server that has answered already may be gone before the last piece: that is its right."""
    try:
        for piece in pieces:
            sock.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass


def read_all(sock):
    found = []
    while True:
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return b"".join(found) + b"<reset>"
        if not data:
            return b"".join(found)
        found.append(data)


def read_until(sock, end):
    found = b""
    while end not in found:
        data = sock.recv(65536)
        assert data, f"closed after {found!r}"
        found += data
    return found


class Got:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


def answers(raw, heads=()):
    """The answers in `raw`; `heads` are the places whose request was HEAD."""
    found = []
    while raw:
        head, end, raw = raw.partition(b"\r\n\r\n")
        assert end, f"an incomplete head: {head!r}"
        first, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        size = 0 if len(found) in heads else int(headers.get("content-length", 0))
        assert len(raw) >= size, "a short body"
        found.append(Got(int(status), headers, raw[:size]))
        raw = raw[size:]
    return found


def usual_router():
    router = Router()
    router.add("GET", "/", lambda _: text(200, "hello"))
    router.add("GET", "/path/{name}", lambda request: text(200, request.params["name"]))
    router.add("POST", "/echo", lambda request: Response(200, (), request.body), body=65536)
    router.add("GET", "/big", lambda _: Response(200, (), [b"x" * 65536] * 64))
    router.add("GET", "/fails", lambda _: 1 / 0)
    router.add("GET", "/who", lambda request: text(200, f"{request.peer} {request.scheme} {request.host}"))
    return router


@contextmanager
def running(router=None, limits=None, proxies=(), budget=None):
    server = Running(router or usual_router(), limits, proxies, budget)
    try:
        yield server
    finally:
        server.stop()


class Streams:
    """A handler of endless answers that keeps the outlets it was given."""

    def __init__(self):
        self.outlets = []
        self.resumed = 0
        self.closed = []

    def __call__(self, request):
        return Stream(200, (("Content-Type", "video/mp2t"),), self.open)

    def open(self, outlet):
        self.outlets.append(outlet)
        outlet.on_close = lambda: self.closed.append(outlet)
        outlet.on_resume = self.on_resume

    def on_resume(self):
        self.resumed += 1
