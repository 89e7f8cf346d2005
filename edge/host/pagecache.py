"""A cold page cache, so that a measurement pays for every file that it reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

import msgspec

DROP_CACHES = "/proc/sys/vm/drop_caches"
MOST_FILES = 100_000  # an installation has some 5000; past it a wrong path was given


class Dropped(msgspec.Struct, frozen=True):
    """What was done. Pages that a running process has mapped stay, whatever is asked."""

    files: int = 0  # given up one by one
    skipped: int = 0  # not readable
    everything: bool = False  # the kernel's whole page cache
    why_not_everything: str | None = None

    def words(self) -> str:
        if self.everything:
            return "the host's whole page cache was dropped"
        left = f", {self.skipped} could not be read" if self.skipped else ""
        return f"the cached pages of {self.files} files were given up{left} ({self.why_not_everything})"


def drop(paths: Iterable[str], *, everything: bool = True) -> Dropped:
    """Gives up the cached pages of the files at and below `paths`, and then, if root may, all others too."""
    files = skipped = 0
    for path in _files(paths):
        try:
            _give_up(path)
            files += 1
        except OSError:
            skipped += 1
    trouble = _drop_everything() if everything else "not asked for"
    return Dropped(files, skipped, everything=trouble is None, why_not_everything=trouble)


def _files(paths: Iterable[str]) -> Iterator[str]:
    """Regular files; links are not followed. ValueError past MOST_FILES."""
    count = 0
    for path in _walk(paths):
        if not _is_regular(path):
            continue
        if (count := count + 1) > MOST_FILES:
            raise ValueError(
                f"expected at most {MOST_FILES} files to drop from the page cache; name smaller directories"
            )
        yield path


def _walk(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield path
        for directory, _, names in os.walk(path):
            yield from (f"{directory}/{name}" for name in names)


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _give_up(path: str) -> None:
    """Only clean pages can go, so what was written goes to the disk first."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _drop_everything() -> str | None:
    """Why not; None if it was done. 1: page cache only, no inodes, whose loss would be measured too."""
    try:
        os.sync()
        with open(DROP_CACHES, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("1")
    except OSError as error:
        return f"{DROP_CACHES}: {error.strerror}"
    return None
