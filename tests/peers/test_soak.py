"""A minute of the soak (bench/soak.py is the hour): a real worker, a source cut twice a second, viewers who come and
go. What one opening leaves behind shows after forty of them."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import media
import pytest
from faultsource import Faults, FaultSource
from running import PATIENCE, Worker, altered, channel, running

KINDS = (".ts", ".flv", ".mp4", "/index.m3u8", ".jpg")
SETTLE = 30  # openings in which decoders, encoders and rings grow to their size
LAST = 45  # openings
REST = 3.5  # seconds without viewers, after which nothing is muxed for them any more
ROOM = 2.5  # MiB; a response that leaves its demuxer behind (120 KB) rises by 5 in this time, a leaked pipe by more
SOONER = "import edge.channel.channel as channel\nchannel.LINGER = 1.0\n"


def anonymous(pid: int) -> float:
    """MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) / 1024


def counts(pid: int) -> tuple[int, int]:
    """Threads and descriptors: the commonest of two seconds, since a reconnection has a socket more or less."""
    seen = []
    for _ in range(20):
        seen.append(tuple(sum(1 for _ in Path(f"/proc/{pid}/{kind}").iterdir()) for kind in ("task", "fd")))
        time.sleep(0.1)
    return statistics.mode(seen)


class Viewers:
    """One after another, a second or two each, of every output in turn."""

    def __init__(self, worker: Worker) -> None:
        self.over = threading.Event()
        self.bytes = dict.fromkeys(KINDS, 0)
        self._host = urlsplit(worker.url)
        self.threads = [threading.Thread(target=self._visit, args=(kind,), daemon=True) for kind in KINDS]
        for thread in self.threads:
            thread.start()

    def _visit(self, kind: str) -> None:
        while not self.over.is_set():
            connection = http.client.HTTPConnection(self._host.hostname, self._host.port, timeout=60)
            connection.request("GET", f"/live/small{kind}")
            answer = connection.getresponse()
            end = time.monotonic() + 1.5
            while time.monotonic() < end and (data := answer.read1(65536)):
                self.bytes[kind] += len(data)
            connection.close()
            self.over.wait(0.3)

    def leave(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)


def visit(worker: Worker, server: FaultSource, count: int) -> tuple[list[float], dict[str, int]]:
    """Viewers for so many openings of the source, then none. Anonymous memory meanwhile, and the bytes they saw."""
    viewers, memory = Viewers(worker), []
    goal, end = openings(server) + count, time.monotonic() + PATIENCE
    while openings(server) < goal or not all(viewers.bytes.values()):
        assert time.monotonic() < end, (openings(server), goal, viewers.bytes)
        memory.append(anonymous(worker.process.pid))
        time.sleep(0.25)
    viewers.leave()
    time.sleep(REST)
    return memory, viewers.bytes


def openings(server: FaultSource) -> int:
    return sum(event.what == "begin" for event in server.events)


@pytest.mark.timeout(600)
def test_openings_and_visits_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered(tmp_path, SOONER, monkeypatch)
    server = FaultSource(media.sample("small"), Faults(cut=0.5, replay=0.2))
    with server as source, running(tmp_path, channel("small", source)) as worker:
        worker.until_live("small")
        pid = worker.process.pid
        visit(worker, server, SETTLE)
        before = counts(pid)
        memory, _ = visit(worker, server, LAST)
        worker.until(lambda: counts(pid) == before, f"{before} threads and descriptors again, not {counts(pid)}")
    fifth = len(memory) // 5
    rise = statistics.median(memory[-fifth:]) - statistics.median(memory[:fifth])
    assert rise < ROOM, memory
