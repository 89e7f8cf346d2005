"""How much room a file system has."""

from __future__ import annotations

import os

import msgspec


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
