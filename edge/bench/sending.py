"""Sends hits to a worker over keep-alive connections: as many as it takes, or so many a second. In its own process.

It reads the worker's processor time itself, so that what is counted is the time in which hits were sent.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from random import Random

from edge.bench import own
from edge.bench.hitmaking import requests
from edge.bench.model import Figure, Sent
from edge.bench.tasks import SendFound, SendPhase, SendTask
from edge.bench.turns import Points, cost, percentile

LOOK = 0.05  # seconds between looks at the worker; lost connections are made again as often
TURNS = 8
PATIENCE = 3.0  # seconds for a connection, and for answers after the end
MOST_WAITS = 200_000  # waits that are kept: those of the first answers, 1.6 MB
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


def measure(task: SendTask) -> SendFound:
    """One phase after the other. OSError: the worker takes no connection."""
    import uvloop  # noqa: PLC0415 - only this child pays for it

    return uvloop.run(_phases(task))


async def _phases(task: SendTask) -> SendFound:
    made = requests(task.site, task.host)
    return SendFound(tuple([await _Load(task, phase, made).run() for phase in task.phases]))


class _Load:
    """One phase. At saturation each connection sends when its last answer is there; else what is due goes over a free
    one, at random moments, and its wait counts from when it was due."""

    def __init__(self, task: SendTask, phase: SendPhase, made: Sequence[bytes]) -> None:
        self._task, self._phase = task, phase
        self._next = cycle(made)
        self._lines: set[_Line] = set()
        self._free: deque[_Line] = deque()
        self._due: deque[float] = deque()  # at most what is due in the whole phase
        self._waits = array("d")
        self._answered = self._refused = self._failed = 0
        self._most = 0  # connections at once
        self._over = False

    async def run(self) -> Sent:
        await self._fill()
        self._most = len(self._lines)
        worked, passed = Points(), Points()
        began = time.perf_counter()
        end = began + self._phase.seconds
        pacing = asyncio.create_task(self._pace(began, end))
        while (now := time.perf_counter()) < end:
            worked.add(own.processor(self._task.pid), self._answered)
            passed.add(now, self._answered)
            await asyncio.sleep(min(LOOK, end - now))
            await self._fill()
        worked.add(own.processor(self._task.pid), self._answered)
        passed.add(time.perf_counter(), self._answered)
        await self._settle(pacing)
        return self._sent(worked, passed)

    async def _fill(self) -> None:
        """Connections up to what was asked for. OSError: there is not one."""
        loop = asyncio.get_running_loop()
        try:
            while len(self._lines) < self._phase.connections:
                opening = loop.create_connection(lambda: _Line(self), "127.0.0.1", self._task.port)
                await asyncio.wait_for(opening, PATIENCE)
        except (OSError, TimeoutError):
            if not self._lines:
                raise

    async def _pace(self, began: float, end: float) -> None:
        if self._phase.rate is None:
            return
        random, due = Random(1), began  # noqa: S311 - not for secrets
        while (due := due + random.expovariate(self._phase.rate)) < end:
            await asyncio.sleep(due - time.perf_counter())
            if self._free:
                self._free.popleft().send(next(self._next), due)
            else:
                self._due.append(due)

    async def _settle(self, pacing: asyncio.Task[None]) -> None:
        """What was sent may still be answered; what was not is lost."""
        await pacing
        self._over = self._phase.rate is None
        for _ in range(int(PATIENCE / LOOK)):
            if all(line.since is None for line in self._lines):
                break
            await asyncio.sleep(LOOK)
        self._over = True
        self._failed += len(self._due)
        for line in list(self._lines):
            line.close()
        await asyncio.sleep(0)  # so that they are closed before the next phase connects

    def _sent(self, worked: Points, passed: Points) -> Sent:
        first, last = passed.kept[0], passed.kept[-1]
        done = last.done - first.done
        period = max(1.0, done / TURNS)
        each, spent = cost(passed.kept, period), cost(worked.kept, period)
        return Sent(
            self._most, self._phase.rate, self._answered, last.used - first.used,
            _inverse(each) if each else Figure(0.0), spent if self._phase.rate is None else None,
            percentile(self._waits, 0.5), percentile(self._waits, 0.99), max(self._waits, default=0.0),
            self._refused, self._failed,
        )  # fmt: skip

    # -- called by the lines

    def opened(self, line: _Line) -> None:
        self._lines.add(line)
        self._ready(line)

    def answered(self, line: _Line, since: float, *, good: bool, last: bool) -> None:
        if good:
            self._answered += 1
            if len(self._waits) < MOST_WAITS:
                self._waits.append(time.perf_counter() - since)
        else:
            self._refused += 1
        if last:
            line.close()
        else:
            self._ready(line)

    def lost(self, line: _Line) -> None:
        self._lines.discard(line)
        if line in self._free:
            self._free.remove(line)
        if line.since is not None:
            self._failed += 1

    def _ready(self, line: _Line) -> None:
        if self._over:
            return
        if self._phase.rate is None:
            line.send(next(self._next), time.perf_counter())
        elif self._due:
            line.send(next(self._next), self._due.popleft())
        else:
            self._free.append(line)


class _Line(asyncio.Protocol):
    """One connection, on which one request is under way at most. `since`: when it was due."""

    def __init__(self, load: _Load) -> None:
        self.since: float | None = None
        self._load = load
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._load.opened(self)

    def send(self, data: bytes, due: float) -> None:
        self.since = due
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._data += data
        size = answer_size(self._data)
        if size is None or self.since is None:
            return
        answer, self._data = self._data[:size], self._data[size:]
        since, self.since = self.since, None
        good = answer.startswith(b"HTTP/1.1 2")
        self._load.answered(self, since, good=good, last=_LAST.search(answer) is not None)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._load.lost(self)

    def close(self) -> None:
        self._load.lost(self)
        self.since = None
        if self._transport is not None:
            self._transport.close()


def answer_size(data: bytes) -> int | None:
    """Bytes of the first whole answer in `data`; None: it is not all there."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    found = _LENGTH.search(data, 0, head + 2)
    size = head + 4 + (int(found[1]) if found else 0)
    return size if len(data) >= size else None


def _inverse(each: Figure) -> Figure:
    low, high = (1 / part if part else None for part in (each.high, each.low))
    return Figure(1 / each.value if each.value else 0.0, low, high)
