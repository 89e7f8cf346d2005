"""Compressed swap in memory for the time of a measurement, on /dev/zram0 if nobody uses it."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = Path("/sys/block/zram0")
DEVICE = "/dev/zram0"


class Unavailable(Exception):
    """Says why there is no swap."""


@contextlib.contextmanager
def swap(size: int) -> Iterator[str]:
    """`size` bytes of it; gives the compression's name. Unavailable where it cannot be had. Taken away at the end."""
    try:
        if int((BLOCK / "disksize").read_text()):
            raise Unavailable("zram0 is in use")
        (BLOCK / "disksize").write_text(str(size))
    except OSError as error:
        raise Unavailable(f"zram0: {error}") from error
    try:
        for command in (["mkswap", DEVICE], ["swapon", "-p", "100", DEVICE]):
            done = subprocess.run([common.need(command[0]), *command[1:]], capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"{command[0]}: {done.stderr.strip()}")
        words = (BLOCK / "comp_algorithm").read_text()
        yield words.partition("[")[2].partition("]")[0]
    finally:
        subprocess.run([common.need("swapoff"), DEVICE], capture_output=True, check=False)
        (BLOCK / "reset").write_text("1")


def ratio() -> float:
    """Bytes of memory it takes for a byte that is swapped out now; 0 where nothing is."""
    try:
        kept, _, taken = (int(word) for word in (BLOCK / "mm_stat").read_text().split()[:3])
    except OSError:
        return 0.0
    return taken / kept if kept else 0.0
