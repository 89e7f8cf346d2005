"""What connections, heads, bodies and slow answers draw on the budget, and what happens when there is none."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from httppeer import Streams, answers, read_all, read_until, running, usual_router

from edge.flow.budget import Budget
from edge.http.limits import Limits

LIMITS = Limits()
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def budget():
    return Budget()


@pytest.fixture
def server(budget):
    router = usual_router()
    router.add("GET", "/live", Streams())
    with running(router, budget=budget) as one:
        yield one
    assert budget.used == 0  # whatever a test did


def used(budget, name):
    return budget.stats().accounts[name].used


def test_a_connection_counts_while_it_is_open(server, budget):
    with server.connect(), server.connect():
        server.until(lambda: used(budget, "connections") == 2 * LIMITS.connection_bytes)
    server.until(lambda: used(budget, "connections") == 0)


def test_half_a_head_counts_until_it_is_whole_or_gone(server, budget):
    with server.connect() as sock, server.connect() as other:
        sock.sendall(GET[:-2])
        other.sendall(GET[:10])
        server.until(lambda: used(budget, "requests") == len(GET) - 2 + 10)
        sock.sendall(GET[-2:])
        assert b"hello" in read_until(sock, b"hello")
        server.until(lambda: used(budget, "requests") == 10)
    server.until(lambda: used(budget, "requests") == 0)


def test_a_body_is_reserved_whole_until_it_is_answered(server, budget):
    with server.connect() as sock:
        sock.sendall(POST % 50_000 + b"x" * 10)
        server.until(lambda: used(budget, "requests") >= 50_000)
        sock.sendall(b"x" * 49_990)
        read_until(sock, b"x" * 50_000)
        server.until(lambda: used(budget, "requests") == 0)
        sock.sendall(GET)  # the connection goes on
        read_until(sock, b"hello")


def test_a_body_of_unknown_length_reserves_what_it_may_become(server, budget):
    with server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        server.until(lambda: used(budget, "requests") == 65536)
        sock.sendall(b"0\r\n\r\n")
        read_until(sock, b"hi")
        server.until(lambda: used(budget, "requests") == 0)


def test_without_room_a_body_is_refused_with_503_and_everything_else_goes_on(server, budget):
    server.call(lambda: setattr(budget, "limit", 40_000))
    (answer,) = answers(server.ask(POST % 50_000))
    assert answer.status == 503
    assert answer.headers["retry-after"] == "10"
    assert server.stats().refused["memory"] == 1
    with server.connect() as sock:
        sock.sendall(POST % 5 + b"small" + GET)
        assert b"small" in read_until(sock, b"hello")


def test_a_body_that_is_too_large_is_still_413(server, budget):
    server.call(lambda: setattr(budget, "limit", 0))
    (answer,) = answers(server.ask(POST % 70_000))
    assert answer.status == 413


def test_without_room_new_connections_are_refused_beyond_a_few():
    """A few are always let in: probes, scrapes, and viewers who come back for their next segment."""
    budget = Budget(0)
    with running(limits=Limits(connections_kept=3), budget=budget) as server, ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(3)]
        server.until_open(3)
        late = stack.enter_context(server.connect())
        (answer,) = answers(read_all(late))
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        assert server.stats().refused == {"full": 0, "address": 0, "memory": 1}
        for sock in kept:
            sock.sendall(GET)
            read_until(sock, b"hello")
        kept[0].close()
        server.until_open(2)
        again = stack.enter_context(server.connect())
        again.sendall(GET)
        read_until(again, b"hello")
    assert budget.used == 0


def test_an_answer_that_is_not_taken_counts_in_the_kernel_at_once_and_here_when_it_is_late(server, budget):
    with server.connect(receive_buffer=4096) as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        server.until_open(1)
        server.until(lambda: server.server.stats().bytes_sent > 1 << 20)
        server.later(1)
        assert used(budget, "sockets") > 10_000
        assert used(budget, "requests") == 0  # others may hold the same bytes
        server.later(LIMITS.late_seconds)
        assert used(budget, "requests") > 3 << 20
    server.until_open(0)
    server.until(lambda: budget.used == 0)


def test_send_buffers_are_short_for_those_who_are_here_and_those_who_come_and_long_again():
    streams = Streams()
    router = usual_router()
    router.add("GET", "/live", streams)

    def size(outlet):
        return outlet._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)

    with running(router) as server, server.connect() as one, server.connect() as two:
        one.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        server.until(lambda: len(streams.outlets) == 1)
        assert server.call(size, streams.outlets[0]) == 2 * LIMITS.send_buffer
        server.call(lambda: server.server.set_send_buffers(short=True))
        assert server.call(size, streams.outlets[0]) == 64 << 10
        with server.connect() as three:
            for sock in (two, three):
                sock.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            server.until(lambda: len(streams.outlets) == 3)
            assert [server.call(size, outlet) for outlet in streams.outlets] == [64 << 10] * 3
            chunk = b"x" * 1000
            while not server.call(lambda: streams.outlets[2].paused):
                server.call(streams.outlets[2].write, [chunk])
            assert streams.outlets[2].pending <= LIMITS.short_write_high + len(chunk)
            assert 0 < server.call(lambda: streams.outlets[2].queued) <= 2 * (64 << 10)
            server.call(lambda: server.server.set_send_buffers(short=False))
            assert [server.call(size, outlet) for outlet in streams.outlets] == [2 * LIMITS.send_buffer] * 3
        server.until(lambda: len(streams.closed) == 1)
        assert streams.outlets[2].queued == streams.outlets[2].pending == 0


def test_viewers_do_not_take_the_places_of_the_few():
    budget, streams, router = Budget(0), Streams(), usual_router()
    router.add("GET", "/live", streams)
    with running(router, Limits(connections_kept=2), budget=budget) as server, ExitStack() as stack:
        for n in range(4):
            stack.enter_context(server.connect()).sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            server.until(lambda n=n: server.server.stats().streams == n + 1)
        assert b"hello" in server.ask(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert budget.used == 0
