"""Runs a channel in the test's own loop and follows its hubs as a viewer does."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import mediacheck

from edge.channel.channel import Channel
from edge.channel.settings import ChannelSettings
from edge.clock import SystemClock
from edge.flow.hub import Hub
from edge.flow.ring import Cursor
from edge.log import Log
from edge.media.settings import AudioSettings, VideoSettings

DEADLINE = 60.0  # seconds; never reached when all is well


class Viewer:
    """A listener of a hub that keeps everything: its init, then every chunk from a keyframe on; what it was told."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.told: list[str] = []
        self.runs: list[list[bytes]] = []
        self.cursor = Cursor(hub.ring)
        hub.subscribe(self)

    def on_data(self) -> None:
        chunks = self.cursor.take(1 << 24)
        if chunks and not self.runs:
            self.runs.append([self.hub.init])
        for chunk in chunks:
            self.runs[-1].append(chunk)

    def on_reset(self) -> None:
        self.told.append("reset")
        self.cursor.resync()
        self.runs.append([self.hub.init])

    def on_gap(self) -> None:
        self.told.append("gap")

    def on_discontinuity(self) -> None:
        self.told.append("discontinuity")

    def on_end(self) -> None:
        self.told.append("end")

    @property
    def bytes(self) -> int:
        return sum(len(part) for run in self.runs for part in run)

    def output(self) -> bytes:
        """One container, from the beginning."""
        assert len(self.runs) == 1, f"{len(self.runs)} runs"
        assert self.cursor.skipped == 0
        return b"".join(self.runs[0])

    def check(self) -> list[mediacheck.Seen]:
        """The whole is one container whose times rise and whose pictures decode."""
        return mediacheck.check_plays(self.output())


async def until(what: Callable[[], Any], deadline: float = DEADLINE) -> None:
    """Waits for a condition; TimeoutError."""
    async with asyncio.timeout(deadline):
        while not what():  # noqa: ASYNC110 - conditions of counters, which have no events
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(source: str, *, video: Any = None, audio: Any = None, **settings: Any) -> AsyncIterator[Channel]:
    """A channel that pulls `source` (unless `on_demand`), ticking; closed at the end. `channel.said`: its log."""
    said = io.StringIO()
    channel = Channel(
        ChannelSettings(
            name="news",
            source=source,
            video=VideoSettings(**{"width": 160, "height": 90, "fps": 25} | (video or {})),
            audio=AudioSettings(**(audio or {})),
            **settings,
        ),
        SystemClock(),
        Log(stream=said),
    )
    channel.said = said  # type: ignore[attr-defined]
    if not channel.settings.on_demand:
        channel.start()
    ticking = asyncio.create_task(_tick(channel))
    try:
        yield channel
    finally:
        ticking.cancel()
        await channel.close()


async def _tick(channel: Channel) -> None:
    clock = SystemClock()
    while True:
        channel.tick(clock.monotonic())
        await asyncio.sleep(0.1)


def ended(channel: Channel, reason: str = "ended") -> int:
    return channel.stats().connections.get(reason, 0)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def channel_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("edge-")]


async def threads_end(deadline: float = DEADLINE) -> None:
    await until(lambda: not channel_threads(), deadline)
