"""A cage of control groups that we make ourselves, at the top of what is mounted here."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from edge.host import cgroups
from edge.host.cgroups import Place
from edge.host.enclosures import CageUsage, Group, Groups, Refused, Want, usage
from edge.host.procfs import PAGE, Files, number

JOIN_FAILED = 125  # exit status of a process that could not join its cage
PATIENCE = 5.0  # seconds for killed processes to leave


class HandMade:
    """Groups that exist, with what was asked for in force."""

    enforced = True

    def __init__(self, groups: Groups, want: Want, switched_on: Sequence[tuple[str, str]]) -> None:
        self.groups = groups
        self._switched_on = switched_on
        self._show(want)

    def _show(self, want: Want) -> None:
        versions = " and ".join(sorted({f"v{g.version}" for g in (self.groups.memory, self.groups.cpu) if g}))
        self.how = f"cgroup {versions}: {want.words()}"

    def command(self, argv: Sequence[str]) -> list[str]:
        """A shell joins and then becomes the program: nothing of Python runs between fork and exec."""
        return ["/bin/sh", "-c", self._script(), "edge-cage", *argv]

    def _script(self) -> str:
        joins = (f"echo $$ > {shlex.quote(place + '/cgroup.procs')}" for place in self.groups.directories())
        return f'{{ {" && ".join(joins)}; }} || exit {JOIN_FAILED}; exec "$@"'

    def probe(self) -> None:
        """Whether processes of this user may join."""
        result = subprocess.run(self.command(["true"]), capture_output=True, check=False, timeout=PATIENCE)  # noqa: S603
        if result.returncode:
            raise Refused(f"may not join {', '.join(self.groups.directories())}: {result.stderr.decode().strip()}")

    def set_memory(self, want: Want) -> None:
        if self.groups.memory:
            _set_memory(self.groups.memory, want)
            self._show(want)

    def set_cpu(self, want: Want) -> None:
        if self.groups.cpu:
            _set_cpu(self.groups.cpu, want)
            self._show(want)

    def usage(self) -> CageUsage:
        return usage(self.groups)

    def remove(self) -> None:
        """OSError (EBUSY) if a killed process has not gone after `PATIENCE` seconds."""
        _undo(self.groups.directories(), self._switched_on)


def make(name: str, want: Want) -> HandMade:
    """Raises Refused; nothing is left behind then."""
    maker = _Maker(name, want)
    try:
        cage = HandMade(maker.groups(), want, maker.switched_on)
    except (OSError, Refused) as error:
        _undo(maker.made, maker.switched_on)
        raise Refused(str(error)) from None
    try:
        cage.probe()
        cage.set_memory(want)
        cage.set_cpu(want)
    except (OSError, Refused, subprocess.SubprocessError) as error:
        cage.remove()
        raise Refused(str(error)) from None
    return cage


class _Maker:
    """Makes one group for each controller of version 1, and one for all of version 2."""

    def __init__(self, name: str, want: Want) -> None:
        self._name = name
        self._files = Files()
        self._places = {kind: cgroups.find(kind, self._files) for kind in ("memory", "cpu", "cpuacct")}
        self._asked = {kind for kind, asked in (("memory", want.memory), ("cpu", want.cpu)) if asked is not None}
        self._unified: tuple[str, set[str]] | None = None
        self.made: list[str] = []
        self.switched_on: list[tuple[str, str]] = []  # (group, controller) that were off before

    def groups(self) -> Groups:
        return Groups(self._group("memory"), self._group("cpu"), self._group("cpuacct"))

    def _group(self, kind: str) -> Group | None:
        place = self._places[kind]
        try:
            if place is None:
                raise Refused(f"no control group with {kind} is mounted")  # noqa: TRY301
            return self._first(place) if place.version == 1 else self._second(kind, place)
        except (OSError, Refused):
            if kind in self._asked:
                raise
            return None

    def _first(self, place: Place) -> Group:
        return Group(1, self._mkdir(f"{place.mount}/{self._name}"))

    def _mkdir(self, directory: str) -> str:
        _sweep(os.path.dirname(directory))  # noqa: PTH120
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - cpu and cpuacct may share a mount
        if directory not in self.made:
            self.made.append(directory)
        return directory

    def _second(self, kind: str, place: Place) -> Group | None:
        if self._unified is None:
            self._unified = self._best_parent(place)
        directory, controllers = self._unified
        return Group(2, directory) if kind in controllers or kind == "cpuacct" else None

    def _best_parent(self, place: Place) -> tuple[str, set[str]]:
        """The highest group that lets us: one that has processes of its own, or is not ours, refuses."""
        reasons = []
        for parent in reversed(place.levels()):
            try:
                controllers = self._switch_on(parent)
                return self._mkdir(f"{parent}/{self._name}"), controllers
            except (OSError, Refused) as error:
                reasons.append(str(error))
        raise Refused("; ".join(reasons))

    def _switch_on(self, parent: str) -> set[str]:
        """Controllers that groups below `parent` have."""
        wanted = {kind for kind in ("memory", "cpu") if (place := self._places[kind]) and place.version == 2}
        there = set((self._files.read(f"{parent}/cgroup.controllers") or "").split())
        on = set((self._files.read(f"{parent}/cgroup.subtree_control") or "").split())
        if missing := (wanted & self._asked) - there:
            raise Refused(f"{parent} has no controller for {' and '.join(sorted(missing))}")
        for kind in sorted(wanted & there - on):
            try:
                Path(parent, "cgroup.subtree_control").write_text(f"+{kind}")
                self.switched_on.append((parent, kind))
                on.add(kind)
            except OSError:
                if kind in self._asked:
                    raise
        return on


def _sweep(parent: str) -> None:
    """Takes away cages whose makers were killed, as far as nothing runs in them."""
    for path in Path(parent).glob("edge*x*x*"):
        owner = re.fullmatch(r"edge.*x([0-9]+)x[0-9a-f]{6}", path.name)
        if owner and not Path("/proc", owner[1]).exists():
            with contextlib.suppress(OSError):  # something still runs there, or it is not ours
                path.rmdir()


def _undo(directories: Sequence[str], switched_on: Sequence[tuple[str, str]]) -> None:
    for directory in directories:
        _remove(directory)
    for parent, controller in switched_on:
        with contextlib.suppress(OSError):  # somebody else uses it by now
            Path(parent, "cgroup.subtree_control").write_text(f"-{controller}")


def _remove(directory: str) -> None:
    """Kills what is left in it; a killed process leaves when it is next scheduled."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.rmdir(directory)  # noqa: PTH106
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
        else:
            return
        _kill(directory)
        time.sleep(0.01)


def _kill(directory: str) -> None:
    """In version 1 and 2: cgroup.kill is there since Linux 5.14 only."""
    for word in (Files().read(f"{directory}/cgroup.procs") or "").split():
        pid = number(word)
        if pid:  # 0: a process of a namespace that we do not see
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _set_memory(group: Group, want: Want) -> None:
    limit = want.memory
    if group.version == 2:
        _write(group, "memory.swap.max", "max" if limit is None else want.swap, needed=False)
        _write(group, "memory.max", "max" if limit is None else limit)
        return
    both = "memory.memsw.limit_in_bytes"  # memory and swap together; absent without swapaccount=1
    _write(group, both, -1, needed=False)
    _write(group, "memory.limit_in_bytes", -1 if limit is None else limit)
    if limit is not None:
        # A page more: where both are met at once no counter of failures rises (seen on Linux 6.18).
        _write(group, both, limit + want.swap + PAGE, needed=False)


def _set_cpu(group: Group, want: Want) -> None:
    quota, period = want.quota()
    if group.version == 2:
        _write(group, "cpu.max", f"{'max' if quota is None else quota} {period}")
        return
    _write(group, "cpu.cfs_quota_us", -1)
    _write(group, "cpu.cfs_period_us", period)
    _write(group, "cpu.cfs_quota_us", -1 if quota is None else quota)


def _write(group: Group, file: str, value: str | int, *, needed: bool = True) -> None:
    path = Path(group.directory, file)
    if needed or path.exists():
        path.write_text(str(value))
