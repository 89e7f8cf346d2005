"""How late the event loop is beside a transcoding thread, in a process of its own, on the loop that the worker runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from edge.bench.model import Lag
from edge.bench.reading import Laps, play
from edge.bench.tasks import LagFound, LagTask
from edge.bench.tsloop import TsLoop
from edge.bench.turns import percentile
from edge.host.threads import settle
from edge.media.pipeline import Pipeline

EVERY = 0.02  # seconds between calls
SETTLE = 0.3  # seconds until the thread is at work
BUSY = "import time\nend = time.monotonic() + {0}\nwhile time.monotonic() < end: pass"


def measure(task: LagTask) -> LagFound:
    """In real time, flat out, and flat out beside a busy process on the same core."""
    import uvloop  # noqa: PLC0415 - only this child pays for it

    seconds = task.seconds / 3
    lags = [
        uvloop.run(_phase(task, "in real time", seconds, 0.5)),
        uvloop.run(_phase(task, "flat out", seconds, None)),
    ]
    try:
        core = min(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})  # of this thread; the media thread and the busy process inherit it
    except OSError as error:
        return LagFound(tuple(lags), (f"loop lag beside a busy process: no core can be chosen ({error.strerror})",))
    lags.append(uvloop.run(_phase(task, "flat out, busy core", seconds, None, busy=True)))
    return LagFound(tuple(lags))


async def _phase(task: LagTask, name: str, seconds: float, lead: float | None, *, busy: bool = False) -> Lag:
    with _busy(seconds + SETTLE) if busy else nullcontext(), _transcoding(task, lead):
        await asyncio.sleep(SETTLE)
        late = await _late(seconds - SETTLE)
    return Lag(name, percentile(late, 0.5), percentile(late, 0.99), max(late, default=0.0), len(late))


async def _late(seconds: float) -> list[float]:
    """Seconds by which each call came too late."""
    loop, late = asyncio.get_running_loop(), []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        done = loop.create_future()
        loop.call_later(EVERY, done.set_result, None)
        await done
        late.append(max(0.0, time.monotonic() - began - EVERY))
    return late


@contextmanager
def _transcoding(task: LagTask, lead: float | None) -> Iterator[None]:
    """A thread that transcodes as a channel's does."""
    over = threading.Event()
    thread = threading.Thread(target=_transcode, args=(task, lead, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def _transcode(task: LagTask, lead: float | None, over: threading.Event) -> None:
    settle()
    made = task.rendition
    pipeline = Pipeline(made.video, made.audio, lambda _event: None, ladder_settings=made.ladder)
    pipeline.want(["ts"])
    pipeline.take(task.rung)
    play(pipeline, Laps(TsLoop(Path(task.sample).read_bytes()), lambda: not over.is_set()), lead)
    pipeline.close()


@contextmanager
def _busy(seconds: float) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-S", "-c", BUSY.format(seconds + 5)])  # noqa: S603 - our own loop
    try:
        yield
    finally:
        process.kill()
        process.wait()
