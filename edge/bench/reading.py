"""The sample as what the pipeline reads: lap after lap until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from edge.bench.tsloop import TsLoop
from edge.media import kinds
from edge.media.pipeline import Pipeline
from edge.media.source import open_pipe


class Laps:
    """A file for the demuxer that ends when `going()` says so. `spent`: processor seconds of making laps, which are not
    the pipeline's."""

    error: Any = None

    def __init__(self, loop: TsLoop, going: Callable[[], bool]) -> None:
        self.spent = 0.0
        self._loop, self._going = loop, going
        self._lap = 0
        self._view = memoryview(b"")

    def read(self, n: int, /) -> bytes:
        if not self._going():
            return b""
        if not self._view:
            began = time.thread_time()
            self._view = memoryview(self._loop.lap(self._lap))
            self._lap += 1
            self.spent += time.thread_time() - began
        data, self._view = bytes(self._view[:n]), self._view[n:]
        return data


def play(pipeline: Pipeline, laps: Laps, lead: float | None) -> None:
    """Plays the laps; `lead`: seconds ahead of the wall clock, None: as fast as it goes."""
    source = open_pipe(laps)
    source.kind = msgspec.structs.replace(kinds.PIPE, lead=lead)
    pipeline.play(source)
