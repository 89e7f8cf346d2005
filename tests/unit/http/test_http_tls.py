"""TLS over a plain connection: what a server that uses it in every way may do, and that only https pays for it."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import uvloop

from edge.errors import SourceError
from edge.http.client import Fetch
from edge.http.dial import Deadlines
from edge.http.tls import Tls

DEADLINE = 30
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n"


@contextmanager
def server(certificate, serve, newest=ssl.TLSVersion.TLSv1_3):
    """Each connection is given to `serve(connection)` after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(certificate / "cert", certificate / "key")

    def accept(listener):
        while True:
            try:
                conn, _ = listener.accept()
                conn.settimeout(DEADLINE)
                with conn, context.wrap_socket(conn, server_side=True, suppress_ragged_eofs=False) as wrapped:
                    while b"\r\n\r\n" not in wrapped.recv(65536):
                        pass
                    serve(wrapped)
            except OSError:
                if listener.fileno() < 0:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/1034.ts"
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(DEADLINE)


class Sink:
    """Takes a little at a time: full after each piece, ready again a moment later."""

    def __init__(self, patience=0.0):
        self.data = bytearray()
        self.fetch = None
        self.pauses = 0
        self._patience = patience

    def feed(self, data):
        self.data += data
        if not self.fetch:
            return True
        self.pauses += 1
        asyncio.get_running_loop().call_later(self._patience, self.fetch.resume)
        return False


def get(certificate, url, sink, **more):
    async def main():
        fetch = Fetch(url, sink, tls=ssl.create_default_context(cafile=certificate / "cert"), **more)
        sink.fetch = fetch if isinstance(sink, Sink) and sink.pauses == 0 else None
        return await fetch.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(main(), DEADLINE))


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_large_body_comes_whole_through_many_pauses(certificate, newest):
    body = bytes(range(256)) * 16_384  # 4 MiB, many records
    with server(
        certificate, lambda c: c.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body), newest
    ) as url:
        sink = Sink()
        ended = get(certificate, url, sink)
    assert (ended.whole, sink.data == body) == (True, True)
    assert sink.pauses > 10


def test_a_told_end_is_clean_and_a_cut_is_not(certificate):
    def told(conn):
        conn.sendall(HEAD + b"\r\nabc")
        conn.unwrap()

    sink = Sink()
    with server(certificate, told) as url:
        ended = get(certificate, url, sink)
    assert (bytes(sink.data), ended.clean) == (b"abc", True)
    sink = Sink()
    with server(certificate, lambda c: c.sendall(HEAD + b"\r\nabc")) as url:  # closed without a word
        ended = get(certificate, url, sink)
    assert (bytes(sink.data), ended.clean) == (b"abc", False)


def test_bytes_that_are_not_tls_end_it_without_a_lie(certificate):
    def spoil(conn):
        conn.sendall(HEAD + b"\r\nabc")
        with socket.socket(fileno=socket.dup(conn.fileno())) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + b"!" * 32)

    sink = Sink()
    with server(certificate, spoil) as url:
        ended = get(certificate, url, sink)
    assert (bytes(sink.data), ended.clean) == (b"abc", False)


def test_a_handshake_that_never_ends_has_a_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fetch = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(SourceError, match="too long") as caught:
            uvloop.run(_fetch(fetch, deadlines=Deadlines(connect_all=0.2)))
    assert caught.value.reason == "tls"


async def _fetch(url, **more):
    return await Fetch(url, Sink(), **more).run()


def test_it_leaves_nothing_to_the_collector(certificate):
    gc.collect()
    gc.disable()
    try:
        with server(certificate, lambda c: c.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc")) as url:
            for _ in range(3):
                get(certificate, url, Sink())
        assert not [each for each in gc.get_objects() if isinstance(each, Tls)]
    finally:
        gc.enable()


def test_a_loop_that_was_loaded_without_ssl_fetches_https(certificate):
    """As in a worker: `ssl` is loaded by the first https source, not before."""
    script = f"""
import sys
from edge.cli.run import _uvloop
uvloop = _uvloop()
from edge.http.client import Fetch
assert "ssl" not in sys.modules
import ssl

class Sink:
    data = b""
    def feed(self, data):
        self.data += data
        return True

async def main():
    sink = Sink()
    tls = ssl.create_default_context(cafile={str(certificate / "cert")!r})
    await Fetch(sys.argv[1], sink, tls=tls).run()
    print(sink.data.decode())
uvloop.run(main())
"""
    with server(certificate, lambda c: c.sendall(HEAD + b"Content-Length: 3\r\n\r\nabc")) as url:
        command = [sys.executable, "-c", script, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "abc"), done.stderr
