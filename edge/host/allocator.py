"""The C library's allocator, set for a process that lives for months in little memory."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

# Blocks of a source picture's size are mapped one by one and go back to the system when they are freed; glibc by itself
# learns from the first of them to keep them (a decoder that probed a source leaves holes of 2 MB and more). One arena:
# threads have holes of their own otherwise. Seen: at most 36.4 MB instead of 38.8 for one channel, at no processor time
# as long as the rendition's pictures (127 kB at 352x240) are not among those blocks: each would be mapped, cleared and
# unmapped anew, which costs a twentieth of the whole (with 64 KiB; 0.4 MB of anonymous memory less, the same peak).
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "65536"}


def allocator(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The environment in which it is set as above; None: it is, or someone has set it in another way. Pure."""
    if "glibc.malloc" in environ.get("GLIBC_TUNABLES", "") or environ.keys() >= ALLOCATOR.keys():
        return None
    return {**ALLOCATOR, **environ}


def begin_again() -> None:
    """Starts the program anew, as the same process, if the allocator is not set yet: glibc reads the environment at its
    start only. To be called first; a unit that sets the variables saves the second start (some 20 ms)."""
    environ = allocator(os.environ)
    if environ is None or not sys.executable:
        return
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606 - itself
    except OSError:
        return  # it runs as well without, only larger


def trim() -> None:
    """Gives the holes in the heap back to the system: what was freed between blocks that stay. Half a millisecond, in
    which no other thread allocates. Another C library than glibc does without."""
    import ctypes  # noqa: PLC0415 - this module is loaded before all others, and by processes that never trim

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
