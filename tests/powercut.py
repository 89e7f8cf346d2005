"""A power cut, emulated: strace records a process's writes, and the files are put together as a disk might hold them.

What was written to a file before its last sync is there. Of what came later, each write is there, is not, or is there
in some of its sectors. A file made, or removed, is so for sure once its directory was synced. Acknowledgements are
writes of the same record, so what was promised before the cut is known.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR = 512
CALLS = "openat,close,write,pwrite64,ftruncate,fsync,fdatasync,unlink,rename"
_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Step(NamedTuple):
    """`what`: create, write, truncate, sync, remove, or told (an acknowledgement: on standard output)."""

    what: str
    path: str = ""
    offset: int = 0
    data: bytes = b""


def record(command: Sequence[str], log: Path) -> list[Step]:
    """Runs it to its end. RuntimeError: strace may not trace here."""
    strace = ["strace", "-f", "-qq", "-xx", "-s", "100000", "-e", f"trace={CALLS}", "-o", str(log)]
    done = subprocess.run([*strace, *command], capture_output=True, timeout=250, check=False)
    if done.returncode:
        raise RuntimeError(f"strace ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    with log.open(encoding="ascii") as lines:
        return list(_steps(lines))


def _calls(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Name, arguments and result, in the order in which they ended."""
    begun: dict[str, str] = {}
    for line in lines:
        if found := _BEGUN.match(line):
            begun[found[1]] = found[3]
        elif found := _ENDED.match(line):
            yield found[2], begun.pop(found[1]) + found[3], int(found[4])
        elif found := _WHOLE.match(line):
            yield found[2], found[3], int(found[4])


def _steps(lines: Iterable[str]) -> Iterator[Step]:
    open_files: dict[int, str] = {}
    for name, arguments, result in _calls(lines):
        if result < 0:
            continue
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        if name == "openat":
            open_files[result] = texts[0].decode()
            if "O_CREAT" in arguments:
                yield Step("create", open_files[result])
        elif name in {"unlink", "rename"}:
            yield from _entries(name, [text.decode() for text in texts])
        else:
            yield from _to_file(name, arguments, texts, result, open_files)


def _entries(name: str, paths: list[str]) -> Iterator[Step]:
    if name == "rename":
        raise RuntimeError("a rename is not emulated")
    yield Step("remove", paths[0])


def _to_file(name: str, arguments: str, texts: list[bytes], result: int, open_files: dict[int, str]) -> Iterator[Step]:
    numbers = [int(word) for word in re.findall(r"-?\d+", _TEXT.sub("", arguments))]
    file = numbers[0]
    if name == "close":
        open_files.pop(file, None)
    elif name == "write" and file == 1:
        yield Step("told", data=texts[0])
    elif name == "pwrite64":
        yield Step("write", open_files[file], numbers[-1], texts[0][:result])
    elif name == "ftruncate":
        yield Step("truncate", open_files[file], numbers[-1])
    elif name in {"fsync", "fdatasync"}:
        yield Step("sync", open_files[file])


class Disk:
    """The files of one folder, as they are for sure, and what may or may not have reached the disk besides."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.files = {str(each): bytearray(each.read_bytes()) for each in folder.iterdir() if each.is_file()}
        self._later: dict[str, list[Step]] = {}
        self._entries: dict[str, str] = {}  # what happened to a name since the folder's last sync

    def apply(self, step: Step) -> None:
        if step.path == self._folder and step.what == "sync":
            self._sync_folder()
        elif step.path.startswith(f"{self._folder}/") and not step.path.endswith("-shm"):  # that one is memory
            self._apply(step)

    def _apply(self, step: Step) -> None:
        if step.what == "sync":
            content = self.files.setdefault(step.path, bytearray())
            for each in self._later.pop(step.path, ()):
                _write(content, each)
        elif step.what == "create" and self._entries.get(step.path) != "remove" and step.path in self.files:
            return
        elif step.what in {"create", "remove"}:
            self._entries[step.path] = step.what
            self._later.pop(step.path, None)
            self.files.setdefault(step.path, bytearray())
        else:
            self._later.setdefault(step.path, []).append(step)

    def _sync_folder(self) -> None:
        for path, what in self._entries.items():
            if what == "remove":
                self.files.pop(path, None)
        self._entries.clear()

    def cut(self, chance: Random) -> dict[str, bytes]:
        """What is left, by path."""
        share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        left = {}
        for path, sure in self.files.items():
            if path in self._entries and chance.random() < 0.5:
                continue  # not made yet, or removed already
            content = bytearray(sure)
            for step in self._later.get(path, ()):
                if chance.random() < share:
                    _write(content, step)
                elif step.what == "write" and chance.random() < 0.3:
                    _tear(content, step, chance)
            left[path] = bytes(content)
        return left


def _write(content: bytearray, step: Step) -> None:
    if step.what == "truncate":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
        return
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data


def _tear(content: bytearray, step: Step, chance: Random) -> None:
    """Some of the sectors."""
    end, start = step.offset + len(step.data), step.offset
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        if chance.random() < 0.5:
            _write(content, Step("write", step.path, start, step.data[start - step.offset : stop - step.offset]))
        start = stop


def cuts(
    before: Path, steps: Sequence[Step], chance: Random, count: int
) -> Iterator[tuple[dict[str, bytes], list[bytes]]]:
    """What is left by each of `count` cuts at random steps, and the lines that were told before it. `before`: the
    folder as it was when recording began."""
    places = sorted(chance.choices(range(len(steps) + 1), k=count))
    disk, told, done = Disk(before), b"", 0
    for place in places:
        for step in steps[done:place]:
            disk.apply(step)
            told += step.data if step.what == "told" else b""
        done = place
        yield disk.cut(chance), told.splitlines(keepends=True)
