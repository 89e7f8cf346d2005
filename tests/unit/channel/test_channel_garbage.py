"""What a connection leaves behind: nothing, even if the garbage collector never comes."""

import asyncio
import gc

from faultsource import Faults, FaultSource

from edge.channel.channel import Channel
from edge.channel.settings import ChannelSettings
from edge.clock import SystemClock
from edge.flow.bridge import Pipe
from edge.http.client import Fetch
from edge.log import Log
from edge.media.settings import VideoSettings


def alive(*kinds: type) -> int:
    return sum(isinstance(each, kinds) for each in gc.get_objects())


def test_responses_leave_no_cycles(small_sample):
    async def pull(url: str) -> None:
        channel = Channel(
            ChannelSettings(name="x", source=url, video=VideoSettings(width=64, fps=5)), SystemClock(), Log()
        )
        channel.start()
        while sum(channel.stats().connections.values()) < 8:  # noqa: ASYNC110 - counters have no events
            await asyncio.sleep(0.05)
        await channel.close()

    gc.collect()
    gc.disable()
    try:
        with FaultSource(small_sample, Faults(cut=0.4, replay=0.2, status_every=3)) as url:
            asyncio.run(asyncio.wait_for(pull(url), 240))
        assert alive(Pipe, Fetch) <= 1
    finally:
        gc.enable()
