"""Keeping an endless output in a file, with the time each byte came."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from bisect import bisect_right
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from judge import stamps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Recorder(threading.Thread):
    """Reads in a thread until told or until the other side ends. `arrivals` holds (monotonic time, bytes so far)."""

    def __init__(self, read: Callable[[int], bytes], path: Path) -> None:
        super().__init__(daemon=True)
        self.arrivals: list[tuple[float, int]] = []
        self.began = threading.Event()
        self.over = threading.Event()
        self.ended = "by us"
        self._read, self._path = read, path
        self.start()

    def run(self) -> None:
        total = 0
        with self._path.open("wb") as file:
            while not self.over.is_set():
                try:
                    data = self._read(65536)
                except OSError as error:
                    self.ended = f"by {type(error).__name__}"
                    return
                if not data:
                    self.ended = "by the server"
                    return
                total += len(data)
                self.arrivals.append((time.monotonic(), total))
                self.began.set()
                file.write(data)

    def finish(self) -> None:
        self.over.set()
        self.join(35)


def get(url: str, timeout: float = 30.0) -> Callable[[int], bytes]:
    """The `read` of one GET that stays open."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"{url} answered {answer.status}: {answer.read(500)!r}")
    return answer.read1


def media_between(path: Path, arrivals: list[tuple[float, int]], begin: float, end: float) -> tuple[float, float]:
    """(real, media) seconds between the first and last picture whose last byte came between two monotonic times."""
    packets = [packet for packet in stamps(path).get(0, []) if packet[2] >= 0]
    timed = [(arrived(arrivals, pos), pts) for _, pts, pos in packets]
    inside = [pair for pair in timed if begin <= pair[0] <= end]
    if len(inside) < 2:
        raise SystemExit(f"hardly any picture came within {end - begin:.0f} s")
    return inside[-1][0] - inside[0][0], inside[-1][1] - inside[0][1]


def arrived(arrivals: list[tuple[float, int]], position: int) -> float:
    """The monotonic time at which the byte at `position` came."""
    found = bisect_right(arrivals, position, key=lambda pair: pair[1])
    return arrivals[min(found, len(arrivals) - 1)][0]


def longest_silence(arrivals: list[tuple[float, int]]) -> float:
    """The longest time in which nothing came, in seconds."""
    return max((later[0] - earlier[0] for earlier, later in itertools.pairwise(arrivals)), default=0.0)
