"""The channels of the process."""

import asyncio

from channelcheck import threads_end, until
from faultsource import FaultSource

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.clock import SystemClock
from edge.log import Log
from edge.media.settings import VideoSettings


def channel(name: str, source: str, **settings) -> Channel:
    video = VideoSettings(width=64, height=48, fps=5)
    return Channel(ChannelSettings(name=name, source=source, video=video, **settings), SystemClock(), Log("error"))


def test_names() -> None:
    registry = Registry([channel("a", "demo:"), channel("b", "demo:")])
    assert registry.get("b") is registry.all()[1]
    assert registry.get("c") is None
    assert [c.settings.name for c in registry.all()] == ["a", "b"]


def test_always_on_channels_start_and_all_end_together(small_sample) -> None:
    async def life(url: str) -> None:
        channels = [channel("a", url), channel("b", url), channel("c", url, on_demand=True)]
        registry = Registry(channels)
        registry.start()
        clock = SystemClock()
        await until(lambda: registry.tick(clock.monotonic()) or channels[1].state().status == "live")
        assert [c.running for c in channels] == [True, True, False]
        await registry.close()
        assert not any(c.running for c in channels)
        assert all(c.hub("ts").closed for c in channels)
        await threads_end()

    with FaultSource(small_sample) as url:
        asyncio.run(asyncio.wait_for(life(url), 240))


def test_the_demo_needs_no_source() -> None:
    async def life() -> None:
        one = channel("demo", "demo:")
        one.start()
        await until(lambda: one.state().status == "live")
        assert (one.state().width, one.state().height) == (64, 48)
        assert one.poster.startswith(b"\xff\xd8")
        await one.close()
        await threads_end()

    asyncio.run(asyncio.wait_for(life(), 240))
