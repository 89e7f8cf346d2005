"""Deadlines, by a clock that is turned: bytes that arrive never move them."""

import asyncio

from httppeer import Streams, answers, read_all, read_until, running, usual_router

from edge.http.limits import Limits
from edge.http.progress import Progress

SLOW_HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX: "


def test_head_must_be_whole_within_10_seconds_however_it_trickles():
    with running() as server, server.connect() as sock:
        sock.sendall(SLOW_HEAD)
        (connection,) = wait_for_buffer(server, len(SLOW_HEAD))
        for second in range(9):
            sock.sendall(b"a")
            wait_for_buffer(server, len(SLOW_HEAD) + second + 1)
            server.later(1.0)
            assert server.stats().expired["head"] == 0
        assert connection.deadline == 1010.0
        server.later(1.0)
        (answer,) = answers(read_all(sock))
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert server.stats().expired["head"] == 1


def wait_for_buffer(server, size):
    server.until(lambda: [c._inbox.waiting for c in server.server._table.all()] == [size])
    return server.server._table.all()


def test_second_head_has_its_own_10_seconds():
    with running() as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(sock, b"hello\n")
        server.later(14.0)
        sock.sendall(SLOW_HEAD)
        wait_for_buffer(server, len(SLOW_HEAD))
        server.later(9.9)
        assert server.stats().connections == 1
        server.later(0.1)
        assert answers(read_all(sock))[0].status == 408


def test_silent_newcomer_and_idle_connection_are_closed_without_a_word():
    with running() as server, server.connect() as newcomer, server.connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(idle, b"hello\n")
        server.until_open(2)
        server.later(10.0)
        assert read_all(newcomer) == b""
        assert server.stats().expired == {"head": 1, "body": 0, "handler": 0, "idle": 0, "stall": 0, "linger": 0}
        server.later(5.0)
        assert read_all(idle) == b""
        assert server.stats().expired["idle"] == 1
        server.until_open(0)


def test_empty_lines_do_not_keep_a_connection():
    with running() as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(sock, b"hello\n")
        for _ in range(3):
            sock.sendall(b"\r\n")
            server.later(5.0)
        assert read_all(sock) == b""


def test_body_must_be_whole_within_20_seconds():
    with running() as server, server.connect() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n")
        server.until(lambda: [c._state for c in server.server._table.all()] == [1])
        for _ in range(19):
            sock.sendall(b"a")
            server.later(1.0)
        assert server.stats().expired["body"] == 0
        server.later(1.0)
        assert answers(read_all(sock))[0].status == 408
        assert server.stats().expired["body"] == 1


def test_handler_that_never_answers_gets_503():
    router = usual_router()
    ended = []

    async def never(_):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    router.add("GET", "/never", never)
    with running(router) as server, server.connect() as sock:
        sock.sendall(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.until(lambda: server.server._table.all()[0]._state == 2)
        server.later(29.9)
        assert not ended
        server.later(0.1)
        (answer,) = answers(read_all(sock))
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        assert ended
        assert server.stats().expired["handler"] == 1


def test_reader_that_takes_nothing_is_cut_after_20_seconds():
    with running() as server, server.connect(receive_buffer=4096) as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        server.until(lambda: server.server._table.all()[0]._state == 3)
        (connection,) = server.server._table.all()
        pending = server.call(connection._transport.get_write_buffer_size)
        assert pending < 64 * 65536 + 1000  # one answer waits, not fifty
        server.later(19.9)
        assert server.stats().connections == 1
        server.later(0.1)
        server.until_open(0)
        assert server.stats().expired["stall"] == 1


def test_slow_reader_goes_on_while_it_makes_progress():
    with running() as server, server.connect(receive_buffer=4096) as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = read_until(sock, b"\r\n\r\n")
        for _ in range(4):
            (left,) = server.server._table.all()
            before = server.call(left._transport.get_write_buffer_size)
            while server.call(left._transport.get_write_buffer_size) == before:
                got += sock.recv(65536)
            server.later(20.0)
            assert server.stats().connections == 1
        got += read_all(sock)
        assert len(answers(got)[0].body) == 64 * 65536


def test_lingering_ends_after_2_seconds():
    with running() as server, server.connect() as sock:
        sock.sendall(b"GET /\r\n")
        assert answers(read_all(sock))[0].status == 400
        server.until_open(1)  # our side is still open
        server.later(2.0)
        server.until_open(0)
        assert server.stats().expired["linger"] == 1


def test_lingering_reads_only_so_much():
    with running(limits=Limits(linger_bytes=100_000)) as server, server.connect() as sock:
        sock.sendall(b"GET /\r\n")
        read_until(sock, b"400 Bad Request")
        try:
            for _ in range(1000):
                sock.sendall(b"x" * 10_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        server.until_open(0)


def test_stalled_viewer_is_cut():
    router = usual_router()
    streams = Streams()
    router.add("GET", "/live", streams)
    with running(router) as server, server.connect(receive_buffer=4096) as sock:
        sock.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        server.until(lambda: streams.outlets)
        (outlet,) = streams.outlets
        server.later(1000.0)  # a stream has no deadline while it flows
        while not outlet.paused:
            server.call(outlet.write, [b"x" * 16384])
        server.later(19.9)
        assert not streams.closed
        server.later(0.1)
        server.until(lambda: streams.closed == [outlet])
        assert server.stats().expired["stall"] == 1


def test_progress():
    limits = Limits(stall_seconds=20.0)
    progress = Progress(100, 0.0, limits, until=50.0)
    assert progress.deadline == 20.0
    assert progress.moved(60, 20.0)
    assert progress.deadline == 40.0
    assert progress.moved(59, 40.0)
    assert progress.deadline == 50.0  # not after the last
    assert not progress.moved(10, 50.0)
    assert not Progress(100, 0.0, limits, until=50.0).moved(100, 20.0)
    assert not Progress(100, 0.0, limits, until=50.0).moved(0, 20.0)
