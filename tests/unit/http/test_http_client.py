"""The fetch of a source against real servers on raw sockets: one test for each way that it can end."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from contextlib import contextmanager

import msgspec
import pytest
import uvloop
from httppeer import DEADLINE

from edge.errors import ConfigError, SourceError
from edge.http.client import REASONS, Ended, Fetch
from edge.http.dial import Deadlines

OK = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n"
PLAIN = OK + b"\r\nabc"
SHORT = 0.1  # seconds; for the deadline that is to be met, and no other: however busy the host is, it is met alone


def only(**seconds):
    return msgspec.structs.replace(Deadlines(*(DEADLINE,) * 5), **seconds)


@contextmanager
def source(*scripts):
    """A server whose n-th connection is served by the n-th script (the last one from then on): bytes, or a function."""
    requests = []
    stop = threading.Event()

    def serve(listener):
        for number in range(100):
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(DEADLINE)
                script = scripts[min(number, len(scripts) - 1)]
                try:
                    requests.append(_request(conn))
                    if isinstance(script, bytes):
                        conn.sendall(script)
                    else:
                        script(conn, stop)
                except OSError:
                    pass  # the fetch has enough

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)


def _request(conn):
    found = b""
    while b"\r\n\r\n" not in found:
        data = conn.recv(65536)
        if not data:
            break
        found += data
    return found.decode("latin-1")


def after(data, then):
    def script(conn, stop):
        conn.sendall(data)
        then(conn, stop)

    return script


def hold(conn, stop):
    stop.wait(DEADLINE)


def reset(conn, stop):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def pieces(*parts):
    """Sent one by one. On loopback without delay each is a read of its own, mostly; any cut must do."""

    def script(conn, stop):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            conn.sendall(part)

    return script


class Collect:
    def __init__(self, most=1 << 62):
        self.data = bytearray()
        self.most = most
        self.full = asyncio.Event()

    def feed(self, data):
        self.data += data
        if len(self.data) >= self.most:
            self.full.set()
            return False
        return True


def run(coroutine):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(coroutine, DEADLINE))


async def until(wanted):
    while not wanted():  # noqa: ASYNC110 - another thread makes it true
        await asyncio.sleep(0.002)


def get(url, sink=None, **more):
    sink = sink or Collect()

    async def main():
        return await Fetch(url, sink, **more).run()

    return run(main())


def fails(url, **more):
    sink = Collect()
    with pytest.raises(SourceError) as caught:
        get(url, sink, **more)
    assert caught.value.reason in REASONS
    return caught.value.reason, sink.data


ENDINGS = {
    "closed": (OK + b"\r\nabc", b"abc", True, False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", True, False),
    "ICY": (b"ICY 200 OK\r\nicy-name: x\r\n\r\nabc", b"abc", True, False),
    "bare LF": (b"HTTP/1.0 200 OK\nContent-Type: video/mp2t\n\nabc", b"abc", True, False),
    "no reason phrase": (b"HTTP/1.1 200\r\n\r\nabc", b"abc", True, False),
    "whole length": (OK + b"Content-Length: 3\r\n\r\nabc", b"abc", True, True),
    "equal lengths": (OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", b"abc", True, True),
    "more than the length": (OK + b"Content-Length: 3\r\n\r\nabcdef", b"abc", True, True),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", b"", True, True),
    "short length": (OK + b"Content-Length: 5\r\n\r\nabc", b"abc", False, False),
    "nothing of the length": (OK + b"Content-Length: 5\r\n\r\n", b"", False, False),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n", b"abc", True, True),
    "chunks and more": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\njunk", b"abc", True, True),
    "cut chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n5\r\nc", b"abc", False, False),
    "cut between chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"abc", False, False),
    "damaged chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", b"abc", False, False),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n" + PLAIN, b"abc", True, False),
    "part": (b"HTTP/1.1 206 Partial Content\r\n\r\nabc", b"abc", True, False),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_ends(name, cut):
    raw, body, clean, whole = ENDINGS[name]
    parts = [raw] if cut == "whole" else [bytes((byte,)) for byte in raw]
    sink = Collect()
    with source(pieces(*parts)) as (url, _):
        ended = get(f"{url}/1034.ts", sink)
    assert isinstance(ended, Ended)
    assert (ended.received, ended.clean, ended.whole) == (len(body), clean, whole)
    assert sink.data == body
    assert ended.final_url == f"{url}/1034.ts"
    assert ended.status == (206 if name == "part" else 200)


def test_reset_after_data_is_an_end():
    sink = Collect()

    def script(conn, stop):
        conn.sendall(OK + b"\r\nabc")
        while not sink.data:
            stop.wait(0.005)
        reset(conn, stop)

    with source(script) as (url, _):
        ended = get(url, sink)
    assert (ended.received, ended.clean, ended.content_type) == (3, False, "video/mp2t")


REFUSALS = {
    "reset before the head": (reset, "reset"),
    "closed before the head": (b"", "reset"),
    "closed within the head": (b"HTTP/1.1 200 OK\r\nX: a", "reset"),
    "403": (b"HTTP/1.1 403 Forbidden\r\n\r\n", "http_4xx"),
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found", "http_4xx"),
    "503": (b"HTTP/1.1 503 Busy\r\n\r\n", "http_5xx"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "http_other"),
    "304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "http_other"),
    "302 to nowhere": (b"HTTP/1.1 302 Found\r\n\r\n", "http_other"),
    "no HTTP": (b"\x47\x40\x00\x10" * 47, "protocol"),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", "protocol"),
    "status 999": (b"HTTP/1.1 999 X\r\n\r\n", "protocol"),
    "endless head": (after(OK + b"X: aaaaaaaa\r\n" * 2000, hold), "protocol"),
    "endless 1xx": (after(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, hold), "protocol"),
    "gzip": (OK + b"Content-Encoding: gzip\r\n\r\n", "protocol"),
    "odd coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "protocol"),
    "two lengths": (OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "protocol"),
    "bad length": (OK + b"Content-Length: +3\r\n\r\nabc", "protocol"),
    "chunks that are none": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
    "redirect to file": (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "redirect"),
    "redirect to gopher": (b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\n\r\n", "redirect"),
    "redirect to a bad port": (b"HTTP/1.1 302 Found\r\nLocation: http://x:99999/\r\n\r\n", "redirect"),
    "redirect to control bytes": (b"HTTP/1.1 302 Found\r\nLocation: http://x/\x01\r\n\r\n", "redirect"),
    "redirect for ever": (b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", "redirect"),
    "silent before the head": (hold, "timeout_head"),
    "silent within the head": (after(OK, hold), "timeout_head"),
    "silent after the head": (after(OK + b"\r\n", hold), "silent"),
    "silent after data": (after(OK + b"\r\nabc", hold), "silent"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name):
    script, reason = REFUSALS[name]
    with source(script) as (url, requests):
        deadline = {"timeout_head": {"head": SHORT}, "silent": {"silence": SHORT}}.get(reason, {})
        found, data = fails(f"{url}/secret/1034.ts", deadlines=only(**deadline))
    assert found == reason
    assert data == (b"abc" if name == "silent after data" else b"")
    if name == "redirect for ever":
        assert len(requests) == 6


def test_head_that_trickles_has_an_absolute_deadline():
    """One byte now and then would never be silent; the head's deadline holds all the same."""

    def script(conn, stop):
        for byte in OK * 1000:
            conn.sendall(bytes((byte,)))
            if stop.wait(0.01):
                return

    with source(script) as (url, _):
        assert fails(url, deadlines=only(head=SHORT)) == ("timeout_head", b"")


def test_nobody_listens(free_port):
    assert fails(f"http://127.0.0.1:{free_port}/")[0] == "refused"


def test_name_that_does_not_exist():
    async def resolver(host, port):
        assert (host, port) == ("source.invalid", 80)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert fails("http://source.invalid/", resolver=resolver)[0] == "dns"


def test_name_without_an_address():
    async def resolver(host, port):
        return []

    assert fails("http://source.invalid/", resolver=resolver)[0] == "dns"


def test_lookup_that_never_returns():
    async def resolver(host, port):
        await asyncio.Event().wait()

    assert fails("http://source.invalid/", resolver=resolver, deadlines=only(lookup=SHORT))[0] == "dns"


@contextmanager
def full_backlog():
    """An address that neither accepts nor refuses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        yield listener.getsockname()
        for sock in waiting:
            sock.close()


def test_host_that_does_not_answer():
    with full_backlog() as (host, port):
        assert fails(f"http://{host}:{port}/", deadlines=only(connect=SHORT))[0] == "timeout_connect"


def test_addresses_are_tried_in_order(free_port):
    with full_backlog() as silent, source(OK + b"Content-Length: 2\r\n\r\nok") as (url, _):
        port = int(url.rpartition(":")[2])

        async def resolver(host, asked):
            refused = (socket.AF_INET, ("127.0.0.1", free_port))
            return [(socket.AF_INET, silent), refused, (socket.AF_INET, ("127.0.0.1", port))]

        sink = Collect()
        assert get("http://source.invalid/", sink, resolver=resolver, deadlines=only(connect=SHORT)).clean
        assert sink.data == b"ok"


def test_all_addresses_share_one_deadline():
    with full_backlog() as silent:
        tried = []

        class Address(tuple):
            __slots__ = ()

            def __iter__(self):
                tried.append(1)
                return super().__iter__()

        async def resolver(host, port):
            return [Address((socket.AF_INET, silent)) for _ in range(8)]

        deadlines = only(connect=SHORT, connect_all=3 * SHORT)
        assert fails("http://source.invalid/", resolver=resolver, deadlines=deadlines)[0] == "timeout_connect"
        assert len(tried) <= 4 + 1


def test_request_says_who_asks_and_carries_what_the_user_added():
    with source(OK + b"\r\n") as (url, requests):
        get(f"{url}/a b?x=1", user="me", password="pass:word", headers={"user-agent": "VLC", "Referer": "http://r/"})
    host = url.removeprefix("http://")
    assert requests[0].split("\r\n") == [
        "GET /a%20b?x=1 HTTP/1.1",
        f"Host: {host}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "Authorization: Basic bWU6cGFzczp3b3Jk",
        "user-agent: VLC",
        "Referer: http://r/",
        "",
        "",
    ]


def test_credentials_in_the_url():
    with source(OK + b"\r\n") as (url, requests):
        ended = get(url.replace("://", "://me:p%40ss@") + "/x")
    assert "Authorization: Basic bWU6cEBzcw==" in requests[0]
    assert "User-Agent: edge/" in requests[0]
    assert ended.final_url == f"{url}/x"


def test_credentials_follow_a_redirect_on_the_same_host_only():
    with source(OK + b"\r\nthere") as (other, there):
        away = f"HTTP/1.1 302 Found\r\nLocation: {other}/x\r\n\r\n".encode()
        with source(b"HTTP/1.1 301 Moved\r\nLocation: ../next?a=b\r\n\r\n", away) as (url, here):
            headers = {"Cookie": "secret", "X-Token": "secret", "Referer": "http://r/"}
            sink = Collect()
            ended = get(f"{url}/a/b/c", sink, user="me", password="secret", headers=headers)
    assert here[1].startswith("GET /a/next?a=b HTTP/1.1\r\n")
    assert all("Authorization" in request and request.count("secret") == 2 for request in here)
    assert "Authorization" not in there[0]
    assert "secret" not in there[0]
    assert "Referer: http://r/" in there[0]
    assert sink.data == b"there"
    assert ended.final_url == f"{other}/x"


def test_full_sink_stops_reading_until_it_is_resumed():
    total = 24 * 1024 * 1024  # more than two kernels hold
    sent = []

    def script(conn, stop):
        conn.sendall(OK + b"\r\n")
        for _ in range(total // 65536):
            conn.sendall(b"x" * 65536)
            sent.append(65536)

    async def main(url):
        sink = Collect(most=100_000)
        fetch = Fetch(url, sink, deadlines=only(silence=0.5))
        task = asyncio.create_task(fetch.run())
        await sink.full.wait()
        got = len(sink.data)
        await asyncio.sleep(1.5)  # three times the silence: a full sink is not a silent source
        assert len(sink.data) == got
        assert not task.done()
        assert sum(sent) < total
        sink.most = 1 << 62
        sink.data.clear()
        fetch.resume()
        ended = await task
        return ended, got + len(sink.data)

    with source(script) as (url, _):
        ended, got = run(main(url))
    assert ended.received == got == total


@pytest.mark.parametrize("when", ["before", "lookup", "head", "body", "paused"])
def test_cancel_stops_at_once(when):
    async def resolver(host, port):
        if when == "lookup":
            await asyncio.Event().wait()
        return [(socket.AF_INET, (host, port))]

    async def main(url):
        sink = Collect(most=1 if when == "paused" else 1 << 62)
        fetch = Fetch(url, sink, resolver=resolver)
        if when == "before":
            fetch.cancel()
        task = asyncio.create_task(fetch.run())
        await asyncio.sleep(0)
        if when in ("body", "paused"):
            await until(lambda: sink.data)
        elif when == "head":
            await until(lambda: requests)
        fetch.cancel()
        size = len(sink.data)
        with pytest.raises(asyncio.CancelledError):
            await task
        fetch.resume()
        fetch.cancel()
        await asyncio.sleep(0.01)
        assert len(sink.data) == size

    def endless(conn, stop):
        if when == "head":
            hold(conn, stop)
        conn.sendall(OK + b"\r\n")
        while not stop.is_set():
            conn.sendall(b"x" * 1000)

    with source(endless) as (url, requests):
        run(main(url))


def test_cancelled_caller_leaves_nothing_behind():
    async def main(url):
        task = asyncio.create_task(Fetch(url, Collect()).run())
        await until(lambda: requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()} or len(asyncio.all_tasks()) == 2  # and wait_for's

    with source(hold) as (url, requests):
        run(main(url))


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "http://", "ftp://a/", "http://a:b/", "http://a/\n", "a.ts"])
def test_urls_that_cannot_be_asked(url):
    with pytest.raises(ConfigError, match="expected an http or https URL"):
        Fetch(url, Collect())


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X Y": "a"}, {"": "a"}, {"X": "€"}, {"Content-Length": "3"}])
def test_headers_that_cannot_be_sent(headers):
    with pytest.raises(ConfigError, match="expected a header field that may be set"):
        Fetch("http://a/", Collect(), headers=headers)


def test_no_secret_in_a_message():
    with source(b"HTTP/1.1 404 Not Found\r\n\r\n") as (url, _), pytest.raises(SourceError) as caught:
        get(url.replace("://", "://me:hidden@") + "/live/me/hidden/1.ts?token=hidden")
    assert "hidden" not in str(caught.value)
    assert "404" in str(caught.value)


@contextmanager
def tls_source(certificate, answer):
    """One connection over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")

    def serve(listener):
        try:
            conn, _ = listener.accept()
            conn.settimeout(DEADLINE)
            with conn, context.wrap_socket(conn, server_side=True) as wrapped:
                _request(wrapped)
                wrapped.sendall(answer)
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(DEADLINE)


def test_https(certificate):
    with tls_source(certificate, OK + b"Content-Length: 3\r\n\r\nabc") as url:
        sink = Collect()
        ended = get(url, sink, tls=ssl.create_default_context(cafile=certificate / "cert"))
    assert (sink.data, ended.whole) == (b"abc", True)


def test_certificate_that_nobody_signed(certificate):
    with tls_source(certificate, OK) as url:
        assert fails(url)[0] == "tls"


def test_https_from_a_server_that_speaks_none():
    with source(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, _):
        assert fails(url.replace("http:", "https:"), deadlines=only(connect_all=1.0))[0] == "tls"


def test_reads_are_gathered_and_a_trickle_still_comes_through():
    """SO_RCVLOWAT follows the rate; when the source slows down, what it sent is not kept back for ever."""

    async def scenario() -> tuple[int, list[int], bytes]:
        got: list[bytes] = []
        writers: list[asyncio.StreamWriter] = []

        async def serve(_reader, writer):
            writers.append(writer)
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
            for _ in range(150):
                writer.write(b"x" * 1000)
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            writer.write(b"tail")
            await writer.drain()

        class Sink:
            def feed(self, data: bytes) -> bool:
                got.append(data)
                return True

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        fetch = Fetch(f"http://127.0.0.1:{port}/", Sink(), deadlines=only(silence=4.0))
        running = asyncio.create_task(fetch.run())
        with contextlib.suppress(SourceError):
            await running
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.1)
        return len(got), [len(each) for each in got], b"".join(got)

    reads, sizes, body = asyncio.run(scenario())
    assert body == b"x" * 150_000 + b"tail"
    assert reads < 120  # of 151 writes
    assert max(sizes) > 2000
