"""A control group of one's own around a measured program: processor quota, memory limit, what it used. Version 1 or 2.

It must be root's to make. A program is started in it by a shell that puts itself there first and then becomes the
program, so that from its first page on everything is counted. Nothing stays: what still runs at the end is killed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any, Self

import common

TOP = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds, what systemd and container runtimes use
MIB = 1 << 20
_COUNT = itertools.count(1)


class Group:
    """`with Group() as group: subprocess.Popen([*group.enter, *command])`."""

    def __init__(self) -> None:
        name = f"edge-bench-{os.getpid()}-{next(_COUNT)}"
        self.version = 1 if (TOP / "memory").is_dir() and (TOP / "cpu").is_dir() else 2
        self._memory, self._cpu = (TOP / kind / name if self.version == 1 else TOP / name for kind in ("memory", "cpu"))
        self._folders = sorted({self._memory, self._cpu})
        try:
            for folder in self._folders:
                folder.mkdir()
        except OSError as error:
            self.remove()
            raise SystemExit(f"this comparison needs a control group, so run it as root: {error}") from error

    @property
    def enter(self) -> list[str]:
        """What to put in front of a command."""
        here = "; ".join(f"echo $$ >{folder}/cgroup.procs" for folder in self._folders)
        return ["/bin/sh", "-c", f'{here}; exec "$@"', "sh"]

    def quota(self, cores: float | None) -> None:
        """Share of one core; None: all of it. The kernel's least is 1 ms a period: 1 %."""
        micros = None if cores is None else max(1000, round(cores * PERIOD))
        if self.version == 1:
            (self._cpu / "cpu.cfs_quota_us").write_text(str(-1 if micros is None else micros))
        else:
            (self._cpu / "cpu.max").write_text(f"{'max' if micros is None else micros} {PERIOD}")

    def memory(self, limit: int, swap: int = 0) -> None:
        """Bytes with page cache, and bytes of swap beside."""
        if self.version == 2:
            (self._memory / "memory.max").write_text(str(limit))
            self._try("memory.swap.max", swap)
            return
        (self._memory / "memory.limit_in_bytes").write_text(str(limit))
        self._try("memory.memsw.limit_in_bytes", limit + swap)
        self._try("memory.swappiness", 100 if swap else 0)

    def _try(self, name: str, value: int) -> None:
        with contextlib.suppress(OSError):  # a kernel that does not account swap
            (self._memory / name).write_text(str(value))

    def used(self) -> dict[str, Any]:
        """Megabytes charged now and at most, anonymous, of files, swapped; major faults; kills; throttling."""
        one = self.version == 1
        stat = _table(self._memory / "memory.stat")
        events = _table(self._memory / ("memory.oom_control" if one else "memory.events"))
        cpu = _table(self._cpu / "cpu.stat")
        names = ("memory.usage_in_bytes", "memory.max_usage_in_bytes") if one else ("memory.current", "memory.peak")
        now, peak = (_number(self._memory / name) for name in names)
        return {
            "now_mb": now / MIB,
            "peak_mb": peak / MIB,
            "anonymous_mb": stat.get("rss" if one else "anon", 0) / MIB,
            "file_mb": stat.get("cache" if one else "file", 0) / MIB,
            "swapped_mb": (stat.get("swap", 0) if one else _number(self._memory / "memory.swap.current")) / MIB,
            "major_faults": stat.get("pgmajfault", 0),
            "kills": events.get("oom_kill", 0),
            "throttled_seconds": cpu["throttled_usec"] / 1e6
            if "throttled_usec" in cpu
            else cpu["throttled_time"] / 1e9,
            "throttled_share": cpu.get("nr_throttled", 0) / max(1, cpu.get("nr_periods", 0)),
        }

    def remove(self) -> None:
        for folder in self._folders:
            with contextlib.suppress(OSError):
                for pid in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
            _remove(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _remove(folder: Path) -> None:
    """A group stays busy for a moment after its last process."""
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    print(f"could not remove {folder}")


def _table(path: Path) -> dict[str, int]:
    with contextlib.suppress(OSError):
        pairs = (line.split() for line in path.read_text().splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
    return {}


def _number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def major_faults(pid: int) -> int:
    """Of the process tree: pages that had to be read from the disk (or from swap)."""
    total = 0
    for each in common.tree(pid):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[9])
    return total
