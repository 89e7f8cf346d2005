"""The C library's allocator gives back what is freed: said before it starts, once, and only where nobody else has."""

from __future__ import annotations

import os
import subprocess
import sys

from edge.host.allocator import ALLOCATOR, allocator

PATH = {"PATH": "/bin"}


def test_what_is_set_stays_and_the_rest_is_added() -> None:
    assert allocator(PATH) == {**PATH, **ALLOCATOR}
    changed = allocator({"MALLOC_ARENA_MAX": "2"})
    assert changed == {**ALLOCATOR, "MALLOC_ARENA_MAX": "2"}


def test_it_begins_again_only_once() -> None:
    assert allocator(allocator(PATH) or {}) is None
    assert allocator({"GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}) is None
    assert allocator({"GLIBC_TUNABLES": "glibc.cpu.hwcaps=x"}) is not None


def test_the_same_process_and_the_same_command_line() -> None:
    script = """
import os, sys
print(os.getpid(), sys.argv[1:], sys.flags.optimize, os.environ.get("MALLOC_ARENA_MAX"), flush=True)
from edge.host.allocator import begin_again
begin_again()
"""
    clean = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    command = [sys.executable, "-O", "-c", script, "run", "a b"]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=True)
    first, second = done.stdout.splitlines()
    assert first.endswith("['run', 'a b'] 1 None")
    assert second.endswith("['run', 'a b'] 1 1")
    assert first.split()[0] == second.split()[0]


def test_large_blocks_that_are_freed_leave_nothing() -> None:
    """What glibc does by itself: after the first large block is freed, later ones stay in the heap, below what is
    allocated after them."""
    script = """
import _ctypes, ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
def block():
    at = libc.malloc(800_000)
    ctypes.memset(at, 1, 800_000)
    return at
libc.free(block())
before = resident()
blocks = [block() for _ in range(10)]
small = libc.malloc(60_000)
for each in blocks:
    libc.free(each)
print(resident() - before)
"""

    def kept(more: dict[str, str]) -> int:
        environ = {name: value for name, value in os.environ.items() if name not in ALLOCATOR} | more
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
        return int(done.stdout)

    assert kept({}) > 4000
    assert kept(ALLOCATOR) < 1500
