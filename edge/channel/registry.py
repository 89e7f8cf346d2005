"""The channels of the process, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from edge.channel.channel import Channel
from edge.host.supervision import Thread


class Registry:
    """Fixed from start to end. `tick(now)` is due every second."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._channels = {channel.settings.name: channel for channel in channels}

    def get(self, name: str) -> Channel | None:
        return self._channels.get(name)

    def all(self) -> tuple[Channel, ...]:
        return tuple(self._channels.values())

    def start(self) -> None:
        """Starts all that are not on demand."""
        for channel in self._channels.values():
            if not channel.settings.on_demand:
                channel.start()

    def tick(self, now: float) -> None:
        for channel in self._channels.values():
            channel.tick(now)

    def threads(self) -> list[Thread]:
        """Of all channels, for the supervisor."""
        return [thread for channel in self._channels.values() for thread in channel.threads()]

    async def close(self) -> None:
        """Stops all at once and tells their viewers the end."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
