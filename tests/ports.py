"""Ports of the loopback that stay free until a test takes them."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

LOWEST = 20_000
WORKERS = 16  # processes of one run; each has ports of its own
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_chance = random.SystemRandom()


def free(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nobody has now, below those that the kernel gives to whoever names none: neither a server of another
    test nor a connection gets it while this test has not taken it, or has let it go for a while."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    while True:
        port = LOWEST + _chance.randrange((_highest() - LOWEST) // WORKERS) * WORKERS + worker
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _highest() -> int:
    """Below which the kernel gives none by itself; Linux begins at 32768 unless told otherwise."""
    try:
        lowest_given = int(_RANGE.read_text().split()[0])
    except OSError:
        lowest_given = 32_768
    return lowest_given if lowest_given > LOWEST + 1000 else 32_768
