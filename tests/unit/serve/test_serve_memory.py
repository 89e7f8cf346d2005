"""A running worker in too little memory: it refuses, lets go of who takes nothing, and serves the others on."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import ExitStack

from running import Worker, channel, running

MOST = 600  # viewers that come until there is no room; far more than fit
GET = b"GET /live/news.ts HTTP/1.1\r\nHost: a\r\n\r\n"


def news(bitrate: str) -> str:
    return channel("news", "demo:", video=f'width = 320\nheight = 180\nfps = 25\nbitrate = "{bitrate}"')


class Player(threading.Thread):
    """A viewer who takes everything at once, until it is stopped."""

    def __init__(self, worker: Worker):
        super().__init__(daemon=True)
        self.got = 0
        self.ended = False
        self._socket = connect(worker)
        self._socket.sendall(GET)
        self.start()

    def run(self):
        while data := self._take():
            self.got += len(data)
        self.ended = True

    def _take(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def stop(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self._socket.close()

    def goes_on(self, worker: Worker):
        before = self.got
        worker.until(lambda: self.got > before + 100_000 and not self.ended, "the good viewer to go on")


def connect(worker: Worker, receive_buffer: int = 0) -> socket.socket:
    host, port = re.fullmatch(r"http://(.*):(\d+)", worker.url).groups()
    sock = socket.socket()
    sock.settimeout(60)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect((host, int(port)))
    return sock


def stuck(worker: Worker) -> tuple[socket.socket, bytes]:
    """A viewer who reads its answer's head and nothing after it."""
    sock = connect(worker, 4096)
    sock.sendall(GET)
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    return sock, head


def fill(worker: Worker, stack: ExitStack) -> list[bytes]:
    """Heads of viewers who take nothing, up to the first that is refused."""
    heads = []
    while len(heads) < MOST and (not heads or b" 200 " in heads[-1]):
        sock, head = stuck(worker)
        stack.callback(sock.close)
        heads.append(head)
    return heads


def metric(worker: Worker, line: str) -> float:
    status, text = worker.get("/metrics")
    assert status == 200
    found = re.search(rf"^{re.escape(line)} (\S+)$", text.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_viewer_that_is_one_too_many_gets_503_and_those_who_are_in_go_on(tmp_path):
    with running(tmp_path, news("256k"), top='memory = "32MiB"') as worker, ExitStack() as stack:
        assert "event=memory_small missing=" in worker.log
        worker.until_live("news")
        good = Player(worker)
        stack.callback(good.stop)
        good.goes_on(worker)
        *welcome, refused = fill(worker, stack)
        assert len(welcome) >= 10  # the least that is planned for
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert re.search(rb"\r\nRetry-After: 1\d\r\n", refused)
        assert metric(worker, 'edge_viewers_refused_total{channel="news",reason="memory"}') >= 1
        good.goes_on(worker)
        assert worker.get("/healthz")[0] == 200


def test_a_crowd_that_takes_nothing_is_let_go_and_the_good_viewer_plays_on(tmp_path):
    with running(tmp_path, news("500k"), top='memory = "32MiB"') as worker, ExitStack() as stack:
        worker.until_live("news")
        good = Player(worker)
        stack.callback(good.stop)
        good.goes_on(worker)
        fill(worker, stack)
        worker.until(lambda: "event=memory_short step=refuse was=none by=budget" in worker.log, "the first step")
        worker.until(lambda: "event=memory_short step=idle was=buffers" in worker.log, "the step that closes viewers")
        closed = 'edge_viewers_closed_total{channel="news",reason="memory"}'
        worker.until(lambda: metric(worker, closed) >= 1, "somebody to be let go")
        good.goes_on(worker)
        assert not good.ended
        stack.pop_all().close()
        worker.until(lambda: "event=memory_eased" in worker.log, "ease")
        assert worker.process.poll() is None


def test_the_plan_follows_the_source_when_its_size_is_known(tmp_path):
    """Until then it is taken for 960x540."""
    with running(tmp_path, news("256k"), top='memory = "100MiB"') as worker:
        worker.until(lambda: worker.log.count("event=memory_plan") == 2, "a second plan")
        rooms = re.findall(r'event=memory_plan limit="100.0 MiB" by=.* room="(\S+) MiB" verdict=fits', worker.log)
        assert len(set(rooms)) == 2
        worker.until_live("news")
