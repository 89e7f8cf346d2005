"""A few bytes that outlive the process without touching a disk: a sealed memfd, which whoever has it keeps alive."""

from __future__ import annotations

import fcntl
import os

_NAME = "edge"  # seen in /proc/PID/fd only
_NOEXEC = 0x8  # MFD_NOEXEC_SEAL, Linux 6.3: without it the kernel writes a warning to its log
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def seal(data: bytes | bytearray) -> int | None:
    """The descriptor (close-on-exec) of a memfd that holds `data` and that nobody can change any more.

    None where the kernel or a filter of system calls does not let us make one.
    """
    descriptor = _create()
    if descriptor is None:
        return None
    try:
        if os.write(descriptor, data) == len(data):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
            return descriptor
    except OSError:
        pass  # no memory left, or no seals here
    os.close(descriptor)
    return None


def _create() -> int | None:
    for more in (_NOEXEC, 0):
        try:
            return os.memfd_create(_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | more)
        except OSError:
            continue
    return None


def unseal(descriptor: int, limit: int) -> bytearray | None:
    """What `seal` kept, read without moving the descriptor's position; None if it is no sealed memfd, or longer than
    `limit` bytes. The descriptor stays open."""
    try:
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & SEALS != SEALS:
            return None
        size = os.fstat(descriptor).st_size
        if size > limit:
            return None
        data = bytearray(size)
        read = os.preadv(descriptor, [data], 0) if size else 0
    except (OSError, ValueError):  # F_GET_SEALS fails with EINVAL on anything but a memfd; ValueError: below 0
        return None
    return data if read == size else None
