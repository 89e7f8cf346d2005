"""After the visit window nothing that a visitor showed is in the process's memory, nor the keys made of it, nor, after
midnight, the secret. Here glibc overwrites what is freed (MALLOC_PERTURB_); in production it keeps its bytes."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from memoryscan import WIPING, held

# The child gets every word over a pipe, so that none is in its program, and says what it made through another.
CHILD = """
import os, sys
from edge.hits.calendar import Calendar
from edge.hits.hit import Hit
from edge.hits.mask import mask
from edge.hits.secrets import Secrets
from edge.hits.visitor import WINDOW, Visitors

MIDNIGHT = 1790114400  # 2026-09-23 in Paris
secrets = Secrets({1: Calendar("Europe/Paris")}, MIDNIGHT - 600)
visitors = Visitors(1000)

def lines():
    text = b""
    while True:
        part = os.read(0, 65536)
        text += part
        if text.endswith(b"\\n\\n"):
            return text.decode().split("\\n")[:-2]

def feed(now):
    for line in lines():
        address, agent, languages, page = line.split("\\t")
        keys = secrets.key(1, mask(address), agent, languages, now)
        visitors.see(Hit(site=1, at=now, kind="pageview", page=page), keys, float(now))
        os.write(1, keys[0])

def say(word):
    os.write(1, word)
    os.read(0, 1)

os.write(1, secrets._sites[1].current.raw)
kept = os.read(0, 31)  # shows that the scan sees what is there
feed(MIDNIGHT - 300)
say(b"fed")
feed(MIDNIGHT + 300)
say(b"fed")
visitors.sweep(float(MIDNIGHT + 300 + WINDOW + 3))
secrets.turn(float(MIDNIGHT + 300 + WINDOW + 3))
say(b"over")
"""


class Child:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self.pid = process, process.pid

    def tell(self, data: bytes) -> None:
        os.write(self._process.stdin.fileno(), data)

    def hear(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = os.read(self._process.stdout.fileno(), size - len(data))
            assert part, "the child has ended"
            data += part
        return data


@contextmanager
def running() -> Iterator[Child]:
    environ = {**os.environ, **WIPING}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def visitor(rng: random.Random, i: int) -> tuple[str, str, str, str]:
    word = f"{rng.getrandbits(64):016x}"
    v6 = "2001:db8:" + ":".join(f"{rng.randrange(4096, 65536):x}" for _ in range(6))
    v4 = ".".join(str(rng.randrange(100, 255)) for _ in range(4))
    return v6 if i % 2 else v4, f"Agent/{word} (canary)", f"xx-{word[:8].upper()},fr;q=0.5", f"/page/{word[8:]}{i}"


def test_nothing_of_a_visitor_outlives_the_window() -> None:
    if not socket.has_ipv6 or not os.access("/proc/self/mem", os.R_OK):
        pytest.skip("needs /proc/PID/mem")
    rng = random.Random(4)
    visitors = [visitor(rng, i) for i in range(20)]
    shown = {word.encode() for each in visitors for word in each}
    lines = "".join("\t".join(each) + "\n" for each in visitors).encode() + b"\n"
    control = b"a word that stays until the end"
    assert len(control) == 31
    with running() as child:
        secret = child.hear(32)
        child.tell(control)
        child.tell(lines)
        keys = child.hear(8 * len(visitors))
        today = {keys[i : i + 8] for i in range(0, len(keys), 8)}
        assert child.hear(3) == b"fed"
        everything = shown | today | {control, secret}
        assert held(child.pid, everything) == today | {control, secret}

        child.tell(b".")
        child.tell(lines)
        keys = child.hear(8 * len(visitors))
        moved = {keys[i : i + 8] for i in range(0, len(keys), 8)}
        assert child.hear(3) == b"fed"
        assert not moved & today
        everything |= moved
        assert moved | {control, secret} <= held(child.pid, everything) <= moved | today | {control, secret}

        child.tell(b".")
        assert child.hear(4) == b"over"
        assert held(child.pid, everything) == {control}
