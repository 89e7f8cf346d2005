"""Answers that are given later, without a future."""

import socket
import struct

from httppeer import answers, give, read_all, read_until, running
from httpwire import Wire

from edge.http.limits import Limits
from edge.http.message import Later, Response, text
from edge.http.router import Router

ASK = b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class House:
    """A handler whose answers wait in `waiting`."""

    def __init__(self):
        self.waiting = []
        self.router = Router()
        self.router.add("GET POST", "/later", self.handle, body=10_000)
        self.router.add("GET", "/now", lambda _: text(200, "now"))

    def handle(self, request):
        self.waiting.append(Later())
        return self.waiting[-1]


def test_requests_behind_a_later_answer_wait_and_keep_their_order():
    house = House()
    wire = Wire(router=house.router)
    wire.feed(ASK + ASK + CLOSE)
    assert (wire.written, len(house.waiting)) == (b"", 1)
    house.waiting[0].give(text(200, "first"))
    assert len(house.waiting) == 2
    house.waiting[1].give(text(200, "second"))
    assert [answer.body for answer in answers(wire.written)] == [b"first\n", b"second\n", b"now\n"]


def test_an_answer_counts_once():
    house = House()
    wire = Wire(router=house.router)
    wire.feed(ASK)
    house.waiting[0].give(text(200, "first"))
    house.waiting[0].give(text(200, "again"))
    assert [answer.body for answer in answers(wire.written)] == [b"first\n"]


def test_given_before_it_is_returned_however_many_are_pipelined():
    def handle(_request):
        later = Later()
        later.give(text(200, "x"))
        later.give(text(200, "y"))
        return later

    router = Router()
    router.add("GET", "/later", handle)
    wire = Wire(Limits(requests=10_000), router)
    wire.feed(ASK * 5000)
    assert [answer.body for answer in answers(wire.written)] == [b"x\n"] * 5000


def test_each_of_many_pipelined_is_given_in_its_turn():
    """No turn of the loop between them, and no deeper stack either."""
    house = House()
    wire = Wire(Limits(requests=10_000), house.router)
    wire.feed(ASK * 200)
    for number in range(200):
        house.waiting[number].give(Response(204))
    assert len(answers(wire.written)) == 200


def test_who_waits_too_long_hears_503_and_not_the_answer():
    house = House()
    with running(house.router) as server, server.connect() as sock:
        sock.sendall(ASK)
        server.until(lambda: house.waiting)
        server.later(30.0)
        assert answers(read_all(sock))[0].status == 503
        assert server.stats().expired["handler"] == 1
        server.call(house.waiting[0].give, text(200, "late"))
        assert server.stats().answers["2xx"] == 0


def test_who_is_gone_hears_nothing():
    house = House()
    with running(house.router) as server:
        with server.connect() as sock:
            sock.sendall(ASK)
            server.until(lambda: house.waiting)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a farewell
        server.until_open(0)
        server.call(house.waiting[0].give, text(200, "late"))
        assert server.stats().answers["2xx"] == 0


def test_a_peer_that_has_said_everything_still_gets_it():
    house = House()
    with running(house.router) as server, server.connect() as sock:
        sock.sendall(ASK)
        server.until(lambda: house.waiting)
        sock.shutdown(1)
        server.call(house.waiting[0].give, text(200, "said"))
        assert answers(read_all(sock))[0].body == b"said\n"


def test_the_body_of_a_waiting_request_counts_until_the_answer():
    house = House()
    with running(house.router) as server, server.connect() as sock:
        give(sock, b"POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\n\r\n", b"x" * 6000)
        server.until(lambda: house.waiting)
        draw = server.server._table.requests
        server.until(lambda: draw.held == 6000)
        server.call(house.waiting[0].give, Response(204))
        read_until(sock, b"\r\n\r\n")
        server.until(lambda: draw.held == 0)


def test_a_reading_that_was_stopped_goes_on_after_the_answer():
    house = House()
    wire = Wire(router=house.router)
    wire.feed(ASK + b"x" * 9000)  # more than a head behind it: the transport is told to stop
    assert not wire.reading
    house.waiting[0].give(text(200, "first"))
    assert wire.reading
    assert [answer.status for answer in answers(wire.written)] == [200, 400]
