"""A channel is stopped while libavformat waits for its source: nothing reaches the thread before its deadline."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from channelcheck import running, until

from edge.media import kinds


def test_the_thread_is_known_until_its_deadline_ends_it(udp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds._SCHEMES, "udp", msgspec.structs.replace(kinds._SCHEMES["udp"], silence=15.0))
    monkeypatch.setattr(kinds, "CONNECT", 15.0)

    async def watch() -> None:
        async with running(f"udp://127.0.0.1:{udp_port}") as channel:
            await until(lambda: channel._pipeline is not None and channel._pipeline.beat)  # it opens the source
            await channel.stop()
            (thread,) = channel.threads()
            assert thread.beat is not None  # the supervisor expects its end
            assert thread.beat <= time.monotonic()
            assert not channel.running
            await until(lambda: not channel.threads())
            assert channel.stats().abandoned == 0

    asyncio.run(asyncio.wait_for(watch(), 120))
