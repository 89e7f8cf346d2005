"""The requests that stand for visitors, and the sender that counts their answers, against servers that misbehave."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server, socket

import pytest

from edge.bench import hitmaking, sending
from edge.bench.model import Sent
from edge.bench.tasks import SendPhase, SendTask
from edge.hits.request import read
from edge.hits.robots import Robots

HOST = "www.example.org"
OK = b"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"


def test_every_request_is_one_hit_of_a_person() -> None:
    methods, kinds, robots = set(), set(), Robots()
    for whole in hitmaking.requests(7, HOST):
        head, _, body = whole.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        method, target, _ = first.split(" ")
        asked = read(method, target.partition("?")[2].encode(), body, fields["Referer"])
        assert len(asked.items) == 1
        assert asked.items[0]["idsite"] == "7"
        assert asked.items[0]["url"].startswith(f"https://{HOST}/")
        assert not robots.robot(fields["User-Agent"])
        assert int(fields.get("Content-Length", 0)) == len(body)
        methods.add(method)
        kinds |= {"e_c", "link", "download", "ping", "action_name"} & set(asked.items[0])
    assert methods == {"GET", "POST"}
    assert len(kinds) == 5
    assert hitmaking.requests(7, HOST) == hitmaking.requests(7, HOST)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", None),
        (OK[:-1], None),
        (OK, len(OK)),
        (OK + OK, len(OK)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\nabcd", 47),
    ],
)
def test_where_an_answer_ends(data: bytes, size: int | None) -> None:
    assert sending.answer_size(data) == size


@contextmanager
def server(answer: bytes, *, close: bool = False) -> Iterator[int]:
    """Answers each request of each connection."""
    threads: list[threading.Thread] = []
    clients: list[socket] = []

    def talk(client: socket) -> None:
        try:
            while client.recv(65536):
                client.sendall(answer)
                if close:
                    return
        except OSError:
            pass
        finally:
            client.close()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            clients.append(client)
            threads.append(threading.Thread(target=talk, args=(client,)))
            threads[-1].start()

    listener = create_server(("127.0.0.1", 0))
    main = threading.Thread(target=accept)
    main.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(2)
        listener.close()
        main.join()
        for thread in threads:
            thread.join()


def send(port: int, connections: int, rate: float | None, seconds: float = 0.5) -> Sent:
    task = SendTask(port, os.getpid(), 1, HOST, (SendPhase(connections, rate, seconds),))
    return sending.measure(task).sent[0]


def test_at_saturation_every_connection_is_at_work() -> None:
    with server(OK) as port:
        found = send(port, 4, None)
    assert found.connections == 4
    assert found.answered > 20
    assert found.per_second.value > 0
    assert found.cost.value > 0
    assert (found.refused, found.failed) == (0, 0)
    assert 0 < found.p50 <= found.p99 <= found.longest


def test_a_steady_rate_is_kept_whatever_the_server_could_take() -> None:
    with server(OK) as port:
        found = send(port, 4, 40.0, 1.0)
    assert 20 <= found.answered <= 70  # at random moments, the same ones each time
    assert found.cost is None
    assert found.failed == 0


def test_refusals_and_lost_connections_are_told_apart() -> None:
    with server(b"HTTP/1.1 503 Full\r\nConnection: close\r\n\r\n", close=True) as port:
        refused = send(port, 2, None)
    assert refused.refused >= 2
    assert (refused.answered, refused.failed) == (0, 0)
    with server(b"", close=True) as port:
        lost = send(port, 2, None)
    assert lost.failed >= 2
    assert (lost.answered, lost.refused) == (0, 0)


def test_what_is_never_answered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.2)
    with server(b"") as port:
        found = send(port, 2, 40.0)
    assert found.answered == 0
    assert found.failed >= 5  # two that were sent, and all that were due behind them


def test_nobody_there_is_an_error() -> None:
    with server(OK) as port:
        pass
    with pytest.raises(OSError, match=r"[Rr]efused"):
        send(port, 1, None)
