"""The disk's readahead. A page fault reads so much around the page: 8 MiB, as on some cloud disks, throw out of a small
memory group what it needs next. At 45 MiB 490 major faults a second were seen, with 128 KiB, Debian's default, 0.25."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL = 128  # KiB


def _setting(place: Path) -> Path:
    device = place.stat().st_dev
    return Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb")


@contextlib.contextmanager
def usual(place: Path) -> Iterator[int | None]:
    """The disk of `place` with Debian's default while it lasts. Yields the KiB in force; None: not known."""
    setting = _setting(place)
    try:
        before = int(setting.read_text())
    except (OSError, ValueError):
        yield None
        return
    try:
        setting.write_text(str(USUAL))
    except OSError:
        yield before
        return
    try:
        yield USUAL
    finally:
        setting.write_text(str(before))
