"""What one viewer got: share of real time, pauses, pictures and their SSIM, between any two moments of a recording."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import ssim
from judge import stamps
from record import Recorder, arrived

if TYPE_CHECKING:
    from pathlib import Path

SCRAPE = 5.0  # seconds between two readings of /metrics


class Packet(NamedTuple):
    """One packet of the output: when it came (monotonic), its timestamp, its stream."""

    at: float
    pts: float
    stream: int


class Output:
    """A recorded transport stream. Without a meter pictures are not looked at."""

    def __init__(self, path: Path, recorder: Recorder, meter: ssim.Meter | None = None) -> None:
        self._arrivals = recorder.arrivals
        self._packets = sorted(
            Packet(arrived(self._arrivals, position), pts, stream)
            for stream, several in stamps(path).items()
            for _, pts, position in several
            if position >= 0
        )
        self._pictures = ssim.pictures(path, self._arrivals, meter) if meter else []

    def real_time(self, begin: float, end: float) -> float:
        """Media seconds made in a second of wall time; the worse stream's."""
        streams = {packet.stream for packet in self._packets}
        return min((self._rate(stream, begin, end) for stream in streams), default=0.0)

    def _rate(self, stream: int, begin: float, end: float) -> float:
        """By how late packets came in the first and in the last tenth: the distance between pictures is not in it."""
        window = max((end - begin) / 10, min(4.0, (end - begin) / 3))
        first = self._between(begin, begin + window, stream)
        last = self._between(end - window, end, stream)
        if not first or not last:
            return 0.0
        apart = statistics.fmean(p.at for p in last) - statistics.fmean(p.at for p in first)
        later = statistics.median(p.at - p.pts for p in last) - statistics.median(p.at - p.pts for p in first)
        return 1 - later / apart

    def _between(self, begin: float, end: float, stream: int | None = None) -> list[Packet]:
        return [p for p in self._packets if begin <= p.at < end and stream in (None, p.stream)]

    def figures(self, begin: float, end: float) -> dict[str, Any]:
        """`longest_pause`: nothing came; `most_late`: what a player must hold in store; both in seconds."""
        moments = [at for at, _ in self._arrivals if begin <= at < end]
        counts = [count for at, count in self._arrivals if begin <= at < end] or [0]
        late = [p.at - p.pts for p in self._between(begin, end)] or [0.0]
        shown = [p for p in self._pictures if begin <= p.at < end]
        return {
            "real_time": self.real_time(begin, end),
            "kb_s": (counts[-1] - counts[0]) * 8 / 1000 / (end - begin),
            "longest_pause": _longest(moments, end - begin),
            "longest_picture": _longest([p.at for p in shown], end - begin),
            "most_late": max(late) - statistics.median(late[: len(late) // 10 + 1]),
            **ssim.summary(shown, end - begin),
        }


def _longest(moments: list[float], otherwise: float) -> float:
    return max((b - a for a, b in itertools.pairwise(moments)), default=otherwise)


class Rungs(threading.Thread):
    """Asks edge once a second on which rung its channel is, and keeps the changes."""

    def __init__(self, edge: common.Edge) -> None:
        super().__init__(daemon=True)
        self.changes: list[tuple[float, str]] = []
        self.best = False  # on the best rung, when last asked
        self._edge = edge
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(1.0):
            state = self._edge.state()
            rung = state.get("rung") or "not told"
            self.best = bool(state.get("rung")) and not state.get("lowered")
            if not self.changes or self.changes[-1][1] != rung:
                self.changes.append((time.monotonic(), rung))

    def at(self, moment: float) -> str:
        return next((rung for since, rung in reversed(self.changes) if since <= moment), "not asked yet")

    def spans(self, begin: float, end: float) -> list[tuple[str, float, float]]:
        """(rung, from, to) between two moments."""
        moments = [begin, *(since for since, _ in self.changes if begin < since < end), end]
        return [(self.at(a), a, b) for a, b in itertools.pairwise(moments)]

    def finish(self) -> None:
        self._over.set()
        self.join(15)


class Scraper(threading.Thread):
    """/metrics, every five seconds."""

    def __init__(self, edge: common.Edge) -> None:
        super().__init__(daemon=True)
        self._edge, self._over = edge, threading.Event()
        self.failed = 0
        self.start()

    def run(self) -> None:
        while not self._over.wait(SCRAPE):
            try:
                self.failed += common.fetch(f"{self._edge.url}/metrics")[0] != 200
            except OSError:
                self.failed += 1

    def finish(self) -> None:
        self._over.set()
        self.join(15)
