"""What of serving outlives the process."""

from __future__ import annotations

import asyncio

import msgspec

from edge.errors import StoreError
from edge.host.statefile import StateFile
from edge.log import Log
from edge.serve.hls import Hls
from edge.serve.progressive import Audience

EVERY = 60.0  # seconds


class Saved(msgspec.Struct):
    """Bytes sent this month, and where the playlists' numbers stood."""

    traffic: dict[str, int] = {}
    playlists: dict[str, tuple[int, int]] = {}


class Keeping:
    """Writes `file`. `works`: whether the disk took it the last time; that it does not is logged once."""

    def __init__(self, file: StateFile[Saved], audience: Audience, hls: Hls, log: Log) -> None:
        self._file = file
        self._audience = audience
        self._hls = hls
        self._log = log
        self.works = True

    async def run(self) -> None:
        """Saves every minute, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.save()

    async def save(self) -> None:
        self._audience.settle()
        saved = Saved(self._audience.admission.snapshot(), self._hls.floors())
        try:
            await asyncio.to_thread(self._file.save, saved)
        except StoreError as error:
            if self.works:
                self._log.error("store_failed", why=str(error))
            self.works = False
        else:
            self.works = True
