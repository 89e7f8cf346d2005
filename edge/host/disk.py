"""How much room a file system has."""

from __future__ import annotations

import asyncio
import os

import msgspec

EVERY = 60.0  # seconds


class DiskStats(msgspec.Struct, frozen=True):
    """Bytes of a file system, and those of them that edge may still take."""

    size: int
    free: int


def read(path: str) -> DiskStats | None:
    """Of the file system that holds `path`; None where it does not say. Blocks where that is a slow one."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return DiskStats(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


class DiskWatch:
    """The file system that holds `path`, as it was at the last look."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.stats: DiskStats | None = None

    async def run(self) -> None:
        """Looks every minute, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        self.stats = await asyncio.to_thread(read, self._path)
