"""How long the disk takes to make a write safe, and where to try that: on the disk that the hits will be on."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from edge.bench.model import Disk
from edge.bench.turns import percentile
from edge.errors import StoreError

SIZE, MOST, LEAST = 4096, 100, 5  # bytes of a write; writes
FOLDERS = ("/var/tmp", "/dev/shm")  # noqa: S108 - a folder of our own is made in it. On most hosts /var/tmp is a disk
PREFIX = "edge-measures-"


class Place(NamedTuple):
    """A throw-away folder. `of`: what it stands for; the path itself is nobody's business, as reports are shown."""

    path: Path
    of: str


@contextmanager
def place(data_dir: str | None) -> Iterator[Place]:
    """In `data_dir`, or the folder that it would be made in; else where files outlive a start. StoreError: nowhere."""
    wanted = [(_existing(Path(data_dir)), "data_dir")] if data_dir is not None else []
    for parent, of in (*wanted, *((Path(folder), folder) for folder in (*FOLDERS, tempfile.gettempdir()))):
        try:
            folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True)
        except OSError:
            continue
        with folder as path:
            yield Place(Path(path), of)
        return
    raise StoreError("expected a folder to keep hits in for the time of the bench, got none that can be written")


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path("/"))


def measure(where: Place, seconds: float) -> Disk:
    """At least LEAST writes, at most MOST, else as many as `seconds` take. OSError: it cannot be written."""
    waits: list[float] = []
    end = time.monotonic() + seconds
    file = where.path / "sync"
    with file.open("wb", buffering=0) as out:
        while len(waits) < MOST and (len(waits) < LEAST or time.monotonic() < end):
            out.write(bytes(SIZE))
            began = time.perf_counter()
            os.fdatasync(out.fileno())
            waits.append(time.perf_counter() - began)
    file.unlink()
    return Disk(where.of, filesystem(where.path), percentile(waits, 0.5), percentile(waits, 0.99), len(waits))


def filesystem(path: Path) -> str | None:
    """Its type, such as ext4, by the kernel's table of mounts; None: not told."""
    wanted, best, found = str(path.resolve()), "", None
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, at, kind, *_ = line.split(" ")
            if _below(wanted, at) and len(at) >= len(best):
                best, found = at, kind
    return found


def _below(path: str, at: str) -> bool:
    return path == at or path.startswith(at.rstrip("/") + "/")
