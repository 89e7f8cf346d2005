"""The source and the viewers of a measured worker, on the loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.bench.crowd import Crowd
from edge.bench.feeder import LEAD, Feeder
from edge.bench.tsloop import TsLoop
from edge.bench.watching import bound_of, lag_counts

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def until(good: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not good():
        assert time.monotonic() < end
        time.sleep(0.01)


def connect(url: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/", maxsplit=1)[0])), timeout=60)
    sock.sendall(GET)
    return sock


def read(sock: socket.socket, least: int) -> bytes:
    data = b""
    while len(data) < least:
        part = sock.recv(65536)
        assert part
        data += part
    return data


def test_the_feeder_sends_whole_packets_in_real_time_over_a_joint(small_sample: Path) -> None:
    loop = TsLoop(small_sample.read_bytes())
    rate = len(loop) / loop.seconds
    began = time.monotonic()
    with Feeder(loop) as feeder, connect(feeder.url) as sock:
        head, _, body = read(sock, int(rate * (LEAD + 0.5))).partition(b"\r\n\r\n")
        took = time.monotonic() - began
        assert head.startswith(b"HTTP/1.1 200")
        assert took > 0.3, "it came faster than real time"
        joint = read(sock, int(len(loop) + 1880 - len(body)))
    whole = body + joint
    assert whole[: len(loop)] == bytes(loop.lap(0))
    second = whole[len(loop) :]
    assert second == bytes(loop.lap(1))[: len(second)]


def test_a_client_that_lags_gets_everything_in_the_end(small_sample: Path) -> None:
    loop = TsLoop(small_sample.read_bytes())
    with Feeder(loop) as feeder, connect(feeder.url) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        time.sleep(0.5)
        _, _, body = read(sock, 100_000).partition(b"\r\n\r\n")
        assert body == bytes(loop.lap(0))[: len(body)]
    with Feeder(loop) as feeder:  # ends though nobody ever came, or one is connected and does not read
        stuck = connect(feeder.url)
    stuck.close()


@contextmanager
def server(answer: bytes, *, close: bool = False) -> Iterator[str]:
    """Answers each connection with `answer` and then keeps it open, or closes it."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    over, clients = threading.Event(), []

    def serve() -> None:
        while not over.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            client.recv(4096)
            client.sendall(answer)
            if close:
                client.close()
            else:
                clients.append(client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live/bench.ts"
    finally:
        over.set()
        thread.join()
        for each in (*clients, listener):
            each.close()


OK = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(5000)


def test_viewers_count_what_comes_and_how_long_nothing_does() -> None:
    with server(OK) as url, Crowd(url) as crowd:
        assert crowd.join(3) == 3
        until(lambda: crowd.bytes == 3 * len(OK))
        crowd.settle()
        time.sleep(0.2)
        assert crowd.longest >= 0.2
        assert crowd.ended == 0


@pytest.mark.parametrize(("answer", "close"), [(b"HTTP/1.1 503 Full\r\n\r\n", False), (OK, True)])
def test_viewers_who_are_sent_away_are_counted(answer: bytes, close: bool) -> None:
    with server(answer, close=close) as url, Crowd(url) as crowd:
        crowd.join(2)
        until(lambda: crowd.ended == 2)


def test_nobody_there_is_nobody_joined() -> None:
    with server(OK) as url:
        pass
    with Crowd(url) as crowd:
        assert crowd.join(5) == 0
        assert (crowd.bytes, crowd.longest) == (0, 0.0)


METRICS = {
    'edge_event_loop_lag_seconds_bucket{le="0.001"}': 90.0,
    'edge_event_loop_lag_seconds_bucket{le="0.005"}': 99.0,
    'edge_event_loop_lag_seconds_bucket{le="1.0"}': 100.0,
    'edge_event_loop_lag_seconds_bucket{le="+Inf"}': 100.0,
    "edge_event_loop_lag_seconds_count": 100.0,
}


def test_lag_is_read_from_the_histogram() -> None:
    counts = lag_counts(METRICS)
    assert counts == {0.001: 90, 0.005: 99, 1.0: 100, float("inf"): 100}
    assert bound_of(counts, 0.99) == 0.005
    assert bound_of(counts, 1.0) == 1.0
    assert bound_of({0.001: 0.0, float("inf"): 1.0}, 0.99) is None
    assert bound_of({}, 0.5) is None
    assert bound_of(dict.fromkeys(counts, 0.0), 0.5) is None
