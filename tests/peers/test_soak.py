"""A minute and a half of the soak (bench/soak.py is the hour): a real worker, a source cut every second, viewers who
come and go. What one opening leaves behind shows after forty of them."""

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
from running import Worker, channel, running

KINDS = (".ts", ".flv", ".mp4", "/index.m3u8", ".jpg")
SETTLE = 20.0  # seconds in which decoders, encoders and rings grow to their size
LAST = 36.0
REST = 12.5  # seconds without viewers: containers are muxed on for ten after the last one
ROOM = 2.5  # MiB; a response that leaves its demuxer behind (120 KB) rises by 5 in this time, a leaked pipe by more


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
            connection = http.client.HTTPConnection(self._host.hostname, self._host.port, timeout=10)
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
            thread.join(15)


def visit(worker: Worker, seconds: float) -> tuple[list[float], dict[str, int]]:
    """Viewers for a while, then none. Anonymous memory meanwhile, each half second, and the bytes they saw."""
    viewers, memory = Viewers(worker), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        memory.append(anonymous(worker.process.pid))
        time.sleep(0.5)
    viewers.leave()
    time.sleep(REST)
    return memory, viewers.bytes


def openings(server: FaultSource) -> int:
    return sum(event.what == "begin" for event in server.events)


@pytest.mark.timeout(200)
def test_openings_and_visits_leave_nothing_behind(tmp_path: Path) -> None:
    server = FaultSource(media.sample("small"), Faults(cut=1.0, replay=0.4))
    with server as source, running(tmp_path, channel("small", source)) as worker:
        worker.until_live("small")
        pid = worker.process.pid
        visit(worker, SETTLE)
        before, opened = counts(pid), openings(server)
        memory, seen = visit(worker, LAST)
        after, opened = counts(pid), openings(server) - opened
    fifth = len(memory) // 5
    rise = statistics.median(memory[-fifth:]) - statistics.median(memory[:fifth])
    assert opened > LAST / 2
    assert all(seen.values()), seen
    assert after == before
    assert rise < ROOM, memory
