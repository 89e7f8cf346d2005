"""Endless answers: bounded in memory for whoever does not read, and noticed when they leave."""

import socket

import pytest
from httppeer import DEADLINE, Streams, answers, read_all, read_until, running, usual_router

from edge.http.limits import Limits

GET = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def streams():
    return Streams()


@pytest.fixture
def live(streams):
    router = usual_router()
    router.add("GET", "/live", streams)
    with running(router) as server:
        yield server


def watch(live, streams, sock):
    count = len(streams.outlets)
    sock.sendall(GET)
    head = read_until(sock, b"\r\n\r\n")
    live.until(lambda: len(streams.outlets) > count)
    return head, streams.outlets[-1]


def test_head_then_chunks_as_they_come_then_the_end(live, streams):
    with live.connect() as sock:
        head, outlet = watch(live, streams, sock)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in head
        assert b"ength" not in head
        live.call(outlet.write, [b"ab", b"", b"cd"])
        assert sock.recv(100) == b"abcd"
        assert outlet.peer == "127.0.0.1"
        live.call(outlet.write, [b"last"])
        live.call(outlet.close)
        assert read_all(sock) == b"last"
        live.until(lambda: streams.closed == [outlet])
        live.until_open(0)
        assert live.stats().streams == 0


def test_head_request_opens_no_stream(live, streams):
    raw = live.ask(GET.replace(b"GET", b"HEAD"))
    (answer,) = answers(raw)
    assert answer.status == 200
    assert streams.outlets == []


def test_reader_that_stops_costs_a_bounded_sum_and_is_told_when_it_may_go_on(live, streams):
    chunk = b"x" * 8192
    with live.connect(receive_buffer=4096) as sock:
        _, outlet = watch(live, streams, sock)
        written = 0
        while not outlet.paused:
            live.call(outlet.write, [chunk])
            written += len(chunk)
        limits = Limits()
        assert live.call(lambda: outlet.pending) <= limits.write_high + len(chunk)
        assert written < limits.write_high + 4 * limits.send_buffer  # what both kernels and we hold of it
        assert streams.resumed == 0
        left = written
        while left:
            left -= len(sock.recv(65536))
        live.until(lambda: streams.resumed == 1)
        assert not outlet.paused
        assert live.call(lambda: outlet.pending) == 0


def test_other_viewers_do_not_notice_the_one_that_stopped(live, streams):
    with live.connect(receive_buffer=4096) as stuck, live.connect() as well:
        _, first = watch(live, streams, stuck)
        _, second = watch(live, streams, well)
        while not first.paused:
            live.call(first.write, [b"x" * 8192])
        for _ in range(100):
            live.call(second.write, [b"y" * 1000])
            got = b""
            while len(got) < 1000:
                got += well.recv(1000)
        assert live.stats().streams == 2


def test_kernel_buffers_of_a_viewer_are_set(live, streams):
    with live.connect() as sock:
        _, outlet = watch(live, streams, sock)
        ours = outlet._transport.get_extra_info("socket")
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * Limits().send_buffer  # the kernel doubles
        assert ours.getsockopt(socket.IPPROTO_TCP, 25) == Limits().not_sent_low  # TCP_NOTSENT_LOWAT
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("leave", ["close", "shutdown", "reset"])
def test_leaving_is_noticed_without_a_write_and_told_once(live, streams, leave):
    with live.connect() as sock:
        _, outlet = watch(live, streams, sock)
        if leave == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if leave == "shutdown":
            sock.shutdown(socket.SHUT_WR)
        else:
            sock.close()
        live.until(lambda: streams.closed == [outlet])
        live.call(outlet.write, [b"into the void"])
        live.call(outlet.close)
        live.call(outlet.abort)
        assert live.call(lambda: outlet.pending) == 0
        live.until_open(0)
        assert streams.closed == [outlet]


def test_owner_that_aborts_is_told_once_too(live, streams):
    with live.connect() as sock:
        _, outlet = watch(live, streams, sock)
        live.call(outlet.abort)
        live.call(outlet.abort)
        live.until(lambda: streams.closed == [outlet])
        assert read_all(sock) in (b"", b"<reset>")


def test_talkative_viewer_is_ignored_up_to_a_bound(live, streams):
    with live.connect() as sock:
        _, outlet = watch(live, streams, sock)
        sock.sendall(b"x" * 60_000)
        live.call(outlet.write, [b"still here"])
        assert sock.recv(100) == b"still here"
        try:
            for _ in range(1000):
                sock.sendall(b"x" * 10_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        live.until(lambda: streams.closed == [outlet])


def test_requests_behind_a_stream_are_not_served(live, streams):
    with live.connect() as sock:
        sock.sendall(GET + GET + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(sock, b"\r\n\r\n")
        live.call(streams.outlets[0].write, [b"data"])
        live.call(streams.outlets[0].close)
        assert read_all(sock) == b"data"
        assert len(streams.outlets) == 1


def test_stream_whose_owner_fails_is_closed_and_counted():
    streams = Streams()
    streams.open = lambda outlet: 1 / 0
    router = usual_router()
    router.add("GET", "/live", streams)
    with running(router) as server:
        assert b"200 OK" in server.ask(GET)
        server.until_open(0)
        assert server.stats().failures == 1
        assert server.stats().streams == 0


def test_drain_ends_streams_after_what_is_pending(live, streams):
    with live.connect() as sock:
        _, outlet = watch(live, streams, sock)
        live.call(outlet.write, [b"last words"])
        live.run(live.server.drain(DEADLINE))
        assert read_all(sock) == b"last words"
        assert streams.closed == [outlet]
