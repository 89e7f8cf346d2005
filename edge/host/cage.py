"""A subprocess held in less memory and processor time than the host has: for measurements, not for the worker."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from edge.errors import ConfigError
from edge.host import handmade, systemd
from edge.host.enclosures import CageUsage, Enclosure, Nothing, Refused, Want
from edge.host.inforce import read

__all__ = ["Cage", "CageUsage"]
_NAME = re.compile(r"[a-z][a-z0-9]{0,31}")


class Cage:
    """`with Cage("bench", memory=64 << 20, cpu=0.25) as cage: process = cage.start([...])`.

    `memory` is in bytes (no swap beside it, unless `swap` allows so much), `cpu` in cores, `period` in seconds. A cage
    is never wider than the limits that this process is in itself. Where nothing can be enforced the processes run all
    the same, `enforced` is False and `how` says why. Leaving ends every process in it.
    """

    def __init__(
        self, name: str, memory: int | None = None, cpu: float | None = None, period: float = 0.1, swap: int = 0
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"cage: expected a name of small letters and digits, got {name!r}")
        own = read()
        self._own = own
        self._want = Want(_tighter(memory, own.memory_max), swap, _tighter(cpu, own.quota), period)
        self._name = f"edge{name}x{os.getpid()}x{os.urandom(3).hex()}"
        self._inside: Enclosure = Nothing("not entered yet")
        self._processes: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Self:
        self._inside = _enclose(self._name, self._want)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def enforced(self) -> bool:
        """Everything that was asked for is in force."""
        return self._inside.enforced

    @property
    def how(self) -> str:
        """For people: by what means, or why not."""
        return self._inside.how

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` so that it joins the cage before it runs, for callers that start processes in their own way."""
        return self._inside.command(argv)

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Its pid is the program's own: what joins the cage is replaced by it. Exit status 125: it could not join."""
        process = subprocess.Popen(self.command(argv), **options)  # noqa: S603 - the caller's own command
        self._processes = [one for one in self._processes if one.poll() is None] + [process]
        return process

    def set_cpu(self, cores: float | None) -> None:
        """At once, also for what runs; None: as much as this process may use itself."""
        self._want = msgspec.structs.replace(self._want, cpu=_tighter(cores, self._own.quota))
        self._inside.set_cpu(self._want)

    def lift_cpu(self) -> None:
        self.set_cpu(None)

    def set_memory(self, size: int | None) -> None:
        """OSError (EBUSY) if what is in use cannot be brought below it."""
        self._want = msgspec.structs.replace(self._want, memory=_tighter(size, self._own.memory_max))
        self._inside.set_memory(self._want)

    def usage(self) -> CageUsage:
        """Everything since the cage was made, also of processes that have ended."""
        return self._inside.usage()

    def remove(self) -> None:
        """Ends what still runs in it, and takes it away."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()
        self._inside.remove()
        self._inside = Nothing("removed")


def _tighter(asked: Any, own: Any) -> Any:
    known = [value for value in (asked, own) if value is not None]
    return min(known, default=None)


def _enclose(name: str, want: Want) -> Enclosure:
    """By hand first, except where systemd owns a version 2 tree: it switches off controllers that it does not need."""
    ways: list[Callable[[str, Want], Enclosure]] = [handmade.make, systemd.make]
    if systemd.owns_the_tree():
        ways.reverse()
    reasons = []
    for make in ways:
        try:
            return make(name, want)
        except Refused as reason:
            reasons.append(str(reason))
    return Nothing("; ".join(reasons))
