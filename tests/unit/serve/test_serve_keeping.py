"""What outlives the process is written; a disk that refuses is said once, and works again when it does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.errors import StoreError
from edge.host.statefile import StateFile
from edge.log import Log
from edge.serve.keeping import Keeping, Saved

SAVED = Saved({"2026-11": 7}, {"news": (5, 6)})


class Counted:
    """An audience and playlists of which only what is kept is asked."""

    admission = property(lambda self: self)
    settled = 0

    def settle(self) -> None:
        self.settled += 1

    def snapshot(self) -> dict[str, int]:
        return SAVED.traffic

    def floors(self) -> dict[str, tuple[int, int]]:
        return SAVED.playlists


class Disk(StateFile[Saved]):
    """Refuses while there is a reason."""

    why: Iterator[str | None]

    def save(self, state: Saved) -> None:
        if why := next(self.why):
            raise StoreError(why)
        super().save(state)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def keeping(folder: Path, out: io.StringIO, *why: str | None) -> tuple[Keeping, Disk]:
    log, counted = Log(stream=out), Counted()
    disk = Disk(str(folder / "state.json"), Saved, log)
    disk.why = iter(why)
    parts: Any = counted
    return Keeping(disk, parts, parts, log), disk


def test_what_is_counted_is_what_the_next_process_finds(tmp_path: Path, out: io.StringIO) -> None:
    kept, disk = keeping(tmp_path, out, None)
    asyncio.run(kept.save())
    assert (disk.load(), kept.works, out.getvalue()) == (SAVED, True, "")


def test_a_disk_that_refuses_is_said_once_until_it_takes_again(tmp_path: Path, out: io.StringIO) -> None:
    kept, disk = keeping(tmp_path, out, "full", "full", None, "full")
    works = []
    for _ in range(4):
        asyncio.run(kept.save())
        works.append(kept.works)
    assert works == [False, False, True, False]
    assert out.getvalue().splitlines() == ["level=error event=store_failed why=full"] * 2
    assert disk.load() == SAVED
