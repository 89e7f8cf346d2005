"""A cage made by systemd: a slice that carries the limits, and a scope in it for each process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from edge.host import cgroups
from edge.host.enclosures import CageUsage, Group, Groups, Refused, Want, usage
from edge.host.procfs import Files

PATIENCE = 30.0  # seconds for an answer; small hosts take some
NEAR = 1.02  # systemd keeps quotas in hundredths of a percent


class Slice:
    """A slice of the system's manager (root) or of the user's own."""

    enforced = True

    def __init__(self, name: str, want: Want) -> None:
        self._unit = f"{name}.slice"
        self._who = [] if os.geteuid() == 0 else ["--user"]
        self._groups = Groups(None, None, None)
        self._show(want)

    def _show(self, want: Want) -> None:
        self.how = f"systemd {'user ' if self._who else ''}slice: {want.words()}"

    def open(self, want: Want) -> None:
        """Raises Refused if it does not hold what was asked for: a user's manager may not own every controller."""
        self._systemctl("start", self._unit)
        self._groups = _groups(self._systemctl("show", "--property=ControlGroup", "--value", self._unit).strip())
        self.set_memory(want)
        self.set_cpu(want)
        self._prove(want)

    def _prove(self, want: Want) -> None:
        self._run(self.command(["true"]))
        files, memory, cpu = Files(), self._groups.memory, self._groups.cpu
        if want.memory is not None:
            held = cgroups.memory_level(files, memory.directory, memory.version).max if memory else None
            if held is None or held > want.memory:
                raise Refused("systemd took the memory limit but no control group holds it")
        if want.cpu is not None:
            quota = cgroups.group_quota(files, cpu.directory, cpu.version)[0] if cpu else None
            if quota is None or quota > want.cpu * NEAR:
                raise Refused("systemd took the processor quota but no control group holds it")

    def command(self, argv: Sequence[str]) -> list[str]:
        """systemd-run registers itself as a scope and then becomes the program."""
        return ["systemd-run", *self._who, "--scope", "--quiet", "--collect", f"--slice={self._unit}", "--", *argv]

    def set_memory(self, want: Want) -> None:
        limit, swap = ("infinity", "infinity") if want.memory is None else (want.memory, want.swap)
        self._set(f"MemoryMax={limit}", f"MemorySwapMax={swap}")
        self._show(want)

    def set_cpu(self, want: Want) -> None:
        _, period = want.quota()
        percent = "" if want.cpu is None else f"{want.cpu * 100:.2f}%"
        self._set(f"CPUQuota={percent}", f"CPUQuotaPeriodSec={period}us")
        self._show(want)

    def _set(self, *properties: str) -> None:
        self._systemctl("set-property", "--runtime", self._unit, *properties)

    def usage(self) -> CageUsage:
        return usage(self._groups)

    def remove(self) -> None:
        """Ends what runs in it. Best effort: nobody can mend a manager that does not answer."""
        for verb in ("stop", "revert"):
            subprocess.run(  # noqa: S603 - our own words
                [*_SYSTEMCTL, *self._who, verb, self._unit], capture_output=True, check=False, timeout=PATIENCE
            )

    def _systemctl(self, *words: str) -> str:
        return self._run([*_SYSTEMCTL, *self._who, *words])

    def _run(self, argv: Sequence[str]) -> str:
        try:
            result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(f"systemd: {error}") from None
        if result.returncode:
            raise Refused(f"systemd: {result.stderr.strip() or f'{argv[0]} ended with {result.returncode}'}")
        return result.stdout


_SYSTEMCTL = ("systemctl", "--no-ask-password")


def owns_the_tree() -> bool:
    """systemd runs as the first process and has version 2 for itself (one writer only: its CGROUP_DELEGATION)."""
    place = cgroups.find("memory", Files())
    return _runs() and place is not None and place.version == 2


def _runs() -> bool:
    return os.path.isdir("/run/systemd/system")  # noqa: PTH112 - what sd_booted(3) looks at


def make(name: str, want: Want) -> Slice:
    """Raises Refused; nothing is left behind then."""
    if not _runs():
        raise Refused("systemd does not run here")
    made = Slice(name, want)
    try:
        made.open(want)
    except Refused:
        made.remove()
        raise
    return made


def _groups(control_group: str) -> Groups:
    """Where the slice is in each hierarchy."""
    return Groups(*(_group(kind, control_group) for kind in ("memory", "cpu", "cpuacct")))


def _group(kind: str, control_group: str) -> Group | None:
    place = cgroups.find(kind, Files())
    return Group(place.version, place.mount + control_group) if place and control_group else None
