"""What counts as a wait of a channel's thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from edge.errors import SourceError
from edge.flow.bridge import Pipe
from edge.media import kinds
from edge.media.meter import MeteredPipe, Metering
from edge.media.pipeline import Pipeline
from edge.media.settings import AudioSettings, VideoSettings


class Clock:
    """Turned by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_read_of_what_is_there_is_work_and_a_read_that_waits_is_not():
    """A thread that has a queue in front of it does not catch up by reading it."""

    async def main():
        loop, clock, waits = asyncio.get_running_loop(), Clock(), threading.Event()
        pipe = Pipe(loop, 1 << 20, lambda: None)
        metering = Metering(clock, lambda: waits.set() or 0.0)  # the processor clock is read when a wait begins
        metered = MeteredPipe(pipe, metering)
        seen: list[float | None] = []

        def thread() -> None:
            metering.start()
            waits.clear()
            for _ in range(3):
                clock.now += 1.0
                assert metered.read(100)
                seen.append(metering.read(0.0).working_since)
            assert metered.read(100) == b"late"
            seen.append(metering.read(0.0).working_since)

        for _ in range(3):
            pipe.feed(b"x" * 100)
        work = asyncio.create_task(asyncio.to_thread(thread))
        await asyncio.to_thread(waits.wait)
        clock.now += 7.0
        pipe.feed(b"late")
        await work
        return seen, metering.read(0.0)

    seen, meter = asyncio.run(main())
    assert seen == [100.0, 100.0, 100.0, 110.0]
    assert meter.waited == 7.0
    assert meter.worked == 3.0


def test_a_source_that_does_not_open_leaves_no_meter_running() -> None:
    """The governor would see a thread that hangs, and lower a channel whose source is away."""

    class Nothing:
        error = SourceError("refused", "nobody is there")

        def read(self, _n: int) -> bytes:
            return b""

    pipeline = Pipeline(VideoSettings(), AudioSettings(), lambda _event: None)
    for play in (lambda: pipeline.play_bytes(Nothing(), b""), lambda: pipeline.play_url("/no/such.ts", kinds.FILE, {})):
        with pytest.raises(SourceError):
            play()
        assert pipeline.meter().working_since is None
