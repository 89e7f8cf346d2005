"""A channel whose thread really hangs in libavformat: its file is a FIFO that nobody opens at the other end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from channelcheck import Viewer, until
from managing import Manager

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.clock import SystemClock
from edge.host.supervision import Supervisor
from edge.log import Log
from edge.media.settings import VideoSettings

SMALL = VideoSettings(width=64, fps=5)
# Seconds without a sign of life; a thread that only waits for its turn on a busy host must not seem to hang.
HANGS = 2.0


async def two_lives(fifo: Path) -> None:
    hangs = Channel(ChannelSettings(name="hangs", source=str(fifo), video=SMALL), SystemClock(), Log("error"))
    lives = Channel(ChannelSettings(name="lives", source="demo:", video=SMALL), SystemClock(), Log("error"))
    registry, manager, loop = Registry([hangs, lives]), Manager(), asyncio.get_running_loop()
    supervisor = Supervisor(loop, manager, Log("error"), registry.threads, watchdog=0.3, hangs=HANGS)
    registry.start()
    supervisor.start()

    await until(lambda: hangs.stats().abandoned == 2)
    await until(lambda: not supervisor.well)
    fed = manager.fed
    assert fed > 0
    assert len(hangs.threads()) == 3
    await until(lambda: lives.live)
    assert (lives.stats().abandoned, manager.fed) == (0, fed)

    # Somebody opens it: all come back. The two that were given up end, the one that stayed goes on.
    os.close(os.open(fifo, os.O_WRONLY))
    await until(lambda: supervisor.well and manager.fed > fed)
    await until(lambda: len(hangs.threads()) <= 1)
    assert hangs.running
    supervisor.stop()
    await registry.close()
    while hangs.threads() or lives.threads():  # the one that waits for the next to open it
        _open_if_awaited(fifo)
        await asyncio.sleep(0.05)


async def viewer_goes_on(fifo: Path, sample: Path) -> None:
    channel = Channel(ChannelSettings(name="x", source=str(fifo), video=SMALL), SystemClock(), Log("error"))
    manager = Manager()
    supervisor = Supervisor(asyncio.get_running_loop(), manager, Log("error"), channel.threads, 0.3, hangs=HANGS)
    viewer = Viewer(channel.hub("ts"))
    channel.start()
    await until(lambda: any(thread.beat for thread in channel.threads()))  # it is opening the FIFO
    other_end = _replace(fifo, sample)
    supervisor.start()

    await until(lambda: channel.live and viewer.bytes > 20_000)
    assert (channel.stats().abandoned, supervisor.well) == (1, True)
    assert len(channel.threads()) == 2
    os.close(os.open(other_end, os.O_WRONLY))
    await until(lambda: len(channel.threads()) == 1)
    assert channel.live
    supervisor.stop()
    await channel.close()


def _replace(fifo: Path, sample: Path) -> Path:
    """Where the FIFO is from now on."""
    other_end = fifo.with_name("same")
    os.link(fifo, other_end)
    sample.replace(fifo)
    return other_end


def test_a_viewer_goes_on_with_the_thread_that_replaces_the_hung_one(tmp_path: Path, small_sample: Path) -> None:
    os.mkfifo(tmp_path / "source")
    sample = tmp_path / "sample"
    sample.write_bytes(small_sample.read_bytes())
    asyncio.run(asyncio.wait_for(viewer_goes_on(tmp_path / "source", sample), 240))


def _open_if_awaited(fifo: Path) -> None:
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return


def test_two_hung_threads_are_replaced_and_a_third_stops_the_feeding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "source")
    asyncio.run(asyncio.wait_for(two_lives(tmp_path / "source"), 240))
