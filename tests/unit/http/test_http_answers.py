"""Good requests: what is answered, in which order, and how the connection goes on."""

import asyncio

import pytest
from httppeer import answers, give, read_all, read_until, running, usual_router

from edge.errors import OverloadError, PeerError, StoreError
from edge.http.limits import Limits
from edge.http.message import Response, Stream, json, text

CLOSE = b"Host: a\r\nConnection: close\r\n\r\n"


def one(server, request):
    (answer,) = answers(server.ask(request), heads=(0,) if request.startswith(b"HEAD") else ())
    return answer


def test_a_page(server):
    answer = one(server, b"GET / HTTP/1.1\r\n" + CLOSE)
    assert (answer.status, answer.body) == (200, b"hello\n")
    assert answer.headers == {
        "date": "Tue, 14 Nov 2023 22:13:20 GMT",
        "content-type": "text/plain; charset=utf-8",
        "content-length": "6",
        "connection": "close",
    }


def test_head_has_the_length_but_no_body(server):
    answer = one(server, b"HEAD / HTTP/1.1\r\n" + CLOSE)
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "6", b"")


def test_head_of_an_error_keeps_the_connection_in_step(server):
    raw = server.ask(b"HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\n" + CLOSE)
    assert [answer.status for answer in answers(raw, heads=(0,))] == [404, 200]


def test_unknown_path_and_wrong_method(server):
    assert one(server, b"GET /nowhere HTTP/1.1\r\n" + CLOSE).status == 404
    answer = one(server, b"DELETE / HTTP/1.1\r\n" + CLOSE)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_options_tell_a_browser_of_another_site_that_it_may(server):
    answer = one(server, b"OPTIONS / HTTP/1.1\r\n" + CLOSE)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in answer.headers
    assert one(server, b"OPTIONS * HTTP/1.1\r\n" + CLOSE).status == 204


def test_absolute_target_is_taken_and_outranks_host(server):
    answer = one(server, b"GET http://b:80/who HTTP/1.1\r\n" + CLOSE)
    assert answer.body == b"127.0.0.1 http b:80\n"


def test_http_1_0_closes_unless_it_asks_to_be_kept(server):
    answer = one(server, b"GET / HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    raw = server.ask(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n")
    assert [answer.headers["connection"] for answer in answers(raw)] == ["keep-alive", "close"]


def test_upgrade_is_ignored(server):
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
    assert one(server, request).status == 200


def test_bodies_by_length_and_in_chunks(server):
    post = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
    for request in (
        post + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello",
        post + b"Connection: close\r\nContent-Length: 005\r\n\r\nhello",
        post + b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: a\r\n\r\n",
    ):
        assert one(server, request).body == b"hello"
        (answer,) = answers(server.ask(*(bytes((byte,)) for byte in request)))
        assert answer.body == b"hello"


def test_a_body_of_exactly_the_limit(server):
    body = b"x" * 65536
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    assert one(server, head + b"Content-Length: 65536\r\n\r\n" + body).body == body
    assert one(server, head + b"Transfer-Encoding: chunked\r\n\r\n10000\r\n" + body + b"\r\n0\r\n\r\n").body == body


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/1.1", 413),
        (b"HEAD / HTTP/1.1", 413),
        (b"GET /nothing HTTP/1.1", 404),
        (b"POST / HTTP/1.1", 405),
        (b"OPTIONS / HTTP/1.1", 204),
        (b"POST /guarded HTTP/1.1", 401),
    ],
)
def test_a_body_that_nobody_takes_is_not_waited_for(line, status):
    """The answer comes on the head alone, and nothing of the body is kept or taken for a request."""
    router = usual_router()
    router.add("POST", "/guarded", lambda _: text(200, "never"), scope="admin", body=1000)
    head = line + b"\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
    with running(router) as server, server.connect() as sock:
        sock.sendall(head)
        raw = read_until(sock, b"\r\n\r\n")
        give(sock, b"GET /who HTTP/1.1\r\nHost: evil\r\n\r\n")
        (answer,) = answers(raw + read_all(sock), heads=(0,) if line.startswith(b"HEAD") else ())
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert ("allow" in answer.headers) == (status in (204, 405))


def test_an_empty_chunked_body_is_none(server):
    request = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    found = answers(server.ask(request + b"GET /who HTTP/1.1\r\n" + CLOSE))
    assert [answer.status for answer in found] == [200, 200]
    assert one(server, request.replace(b"0\r\n\r\n", b"1\r\nx\r\n0\r\n\r\n")).status == 413


def test_expect_100_continue(server):
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(head)
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"ok")
        (answer,) = answers(read_all(sock))
        assert answer.body == b"ok"
    too_much = head.replace(b"Content-Length: 2", b"Content-Length: 70000")
    assert one(server, too_much).status == 413  # and no 100 before it


def test_expectation_that_did_not_wait_gets_one_answer(server):
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    assert one(server, head).body == b"ok"


def test_pipelined_requests_are_answered_in_order(server):
    names = [f"n{number}" for number in range(300)]
    requests = b"".join(b"GET /path/%s HTTP/1.1\r\nHost: a\r\n\r\n" % name.encode() for name in names)
    found = answers(server.ask(requests + b"GET / HTTP/1.1\r\n" + CLOSE))
    assert [answer.body.decode().strip() for answer in found] == [*names, "hello"]


def test_empty_lines_between_requests_are_skipped(server):
    raw = server.ask(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n", b"\r", b"\nGET / HTTP/1.1\r\n" + CLOSE)
    assert [answer.status for answer in answers(raw)] == [200, 200]


def test_slow_handlers_hold_back_what_is_behind_them():
    """One at a time: the second request is not begun before the first is answered, and reading pauses meanwhile."""
    router = usual_router()
    begun, gate = [], asyncio.Event()

    async def slow(request):
        begun.append(request.params["name"])
        await gate.wait()
        return text(200, request.params["name"])

    router.add("GET", "/slow/{name}", slow)
    with running(router) as server, server.connect() as sock:
        give(sock, b"".join(b"GET /slow/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(500)))
        give(sock, b"GET / HTTP/1.1\r\n" + CLOSE)
        server.until(lambda: begun)
        (connection,) = server.server._table.all()
        server.until(lambda: not connection._transport.is_reading())
        assert begun == ["0"]
        assert connection._inbox.waiting <= 8192 + 2 * server.server._table.limits.receive_buffer
        server.call(gate.set)
        found = answers(read_all(sock))
        assert [answer.body.decode().strip() for answer in found] == [*map(str, range(500)), "hello"]


def test_half_closed_peer_gets_its_answer():
    router = usual_router()

    async def slow(_):
        await asyncio.sleep(0.05)
        return text(200, "late")

    router.add("GET", "/slow", slow)
    with running(router) as server, server.connect() as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        sock.shutdown(1)
        assert [answer.body for answer in answers(read_all(sock))] == [b"late\n"] * 2
        server.until_open(0)


def test_handler_is_cancelled_when_its_peer_leaves():
    router = usual_router()
    seen = []

    async def slow(_):
        seen.append("begun")
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    router.add("GET", "/slow", slow)
    with running(router) as server:
        with server.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            server.until(lambda: seen)
            sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: the close is a reset
        server.until(lambda: seen == ["begun", "cancelled"])
        server.until_open(0)


async def _cancelled(_):
    raise asyncio.CancelledError


async def _raises(_):
    raise ValueError("secret")


def _raising(error):
    def handler(_):
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "status", "failures"),
    [
        (_raising(ZeroDivisionError()), 500, 1),
        (_raises, 500, 1),
        (_cancelled, 500, 1),
        (lambda _: None, 500, 1),
        (lambda _: Response(200, (("X", "a\r\nSet-Cookie: evil"),)), 500, 1),
        (lambda _: Response(200, (("X", "€"),)), 500, 1),
        (lambda _: Stream(200, (("X", "a\nb"),), print), 500, 1),
        (_raising(StoreError("the disk at /var is full")), 503, 1),
        (_raising(OverloadError("too many viewers", 7)), 503, 0),
        (_raising(PeerError(404, "no such channel")), 404, 0),
    ],
)
def test_whatever_a_handler_does_there_is_an_answer(handler, status, failures):
    router = usual_router()
    router.add("GET", "/bad", handler)
    with running(router) as server:
        raw = server.ask(b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n" + CLOSE)
        first = answers(raw)[0]
        assert first.status == status
        assert b"secret" not in first.body
        assert b"/var" not in first.body
        assert server.stats().failures == failures
        assert "secret" not in server.log.getvalue()
        if status == 503 and not failures:
            assert first.headers["retry-after"] == "7"
        assert server.ask(b"GET / HTTP/1.1\r\n" + CLOSE).startswith(b"HTTP/1.1 200 ")


def test_connection_ends_after_its_share_of_requests():
    with running(limits=Limits(requests=3)) as server:
        found = answers(server.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10))
        assert [answer.headers.get("connection") for answer in found] == [None, None, "close"]


def test_proxies_are_believed_only_when_trusted():
    request = b"GET /who HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n" + CLOSE
    with running() as server:
        assert answers(server.ask(request))[0].body == b"127.0.0.1 http a\n"
    with running(proxies=["127.0.0.0/8"]) as server:
        assert answers(server.ask(request))[0].body == b"203.0.113.9 https a\n"


def test_stats_count_what_was_answered():
    with running() as server:
        for _ in range(3):
            server.ask(b"GET / HTTP/1.1\r\n" + CLOSE)
        server.ask(b"GET /nowhere HTTP/1.1\r\n" + CLOSE)
        server.ask(b"GET /\r\n")
        server.until_open(0)
        stats = server.stats()
        assert stats.accepted == 5
        assert stats.answers == {"2xx": 3, "3xx": 0, "4xx": 2, "5xx": 0}
        assert stats.errors == {400: 1}
        assert stats.bytes_sent > 500


def test_json_answer():
    answer = json(200, {"name": "news", "width": None})
    assert answer.body == b'{"name":"news","width":null}'
    assert answer.headers == (("Content-Type", "application/json"),)
