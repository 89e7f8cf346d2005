"""What a process's memory holds: all of it that the program can have written to, read from outside through /proc."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

# Has glibc overwrite what is freed. Blocks in its per-thread cache would be left as they are, so there is none.
WIPING = {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
PIECE = 4 << 20  # bytes read at once
RED_ZONE = 128  # bytes below the stack pointer that are in use (System V ABI)


def held(pid: int, words: Iterable[bytes]) -> set[bytes]:
    """Those of `words` that occur in the memory of `pid`, a child of ours (ptrace's rules) whose threads all wait.

    Left out is what calls that have returned left on the stacks: nothing can overwrite it but later calls, which do.
    What the kernel holds for the process (socket buffers, pages in swap that nothing maps) is not seen.
    """
    wanted = set(words)
    overlap = max(map(len, wanted)) - 1
    found: set[bytes] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _writable(pid):
            kept = b""
            for offset in range(start, end, PIECE):
                memory.seek(offset)
                piece = kept + (memory.read(min(PIECE, end - offset)) or b"")
                found.update(word for word in wanted - found if word in piece)
                kept = piece[-overlap:]
    return found


def _writable(pid: int) -> Iterator[tuple[int, int]]:
    tops = [_stack_pointer(task) for task in Path(f"/proc/{pid}/task").iterdir()]
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        place, rights, *_ = line.split(None, 2)
        if rights.startswith("rw"):
            start, end = (int(each, 16) for each in place.split("-"))
            yield max([start, *(top - RED_ZONE for top in tops if start <= top < end)]), end


def _stack_pointer(task: Path) -> int:
    """Of a thread that waits in a system call: the last but one figure."""
    deadline = time.monotonic() + 60
    while (words := (task / "syscall").read_text().split()) == ["running"]:
        assert time.monotonic() < deadline, "the process does not come to rest"
        time.sleep(0.01)
    return int(words[-2], 16)
