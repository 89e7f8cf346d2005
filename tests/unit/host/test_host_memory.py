"""What is really taken, on hosts made by hand and on this one."""

from __future__ import annotations

import os
from pathlib import Path

from edge.host.memory import MemoryMeter, Taken, charged

V2 = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


def write(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def test_a_cgroup_is_counted_without_what_can_be_dropped(tmp_path):
    group = "/sys/fs/cgroup/edge"
    root = write(
        tmp_path,
        {
            "/proc/self/cgroup": "0::/edge\n",
            "/proc/self/mountinfo": V2,
            "/proc/self/statm": "3000 1000 400 1 0 500 0\n",
            "/proc/meminfo": "MemTotal: 90000 kB\nMemAvailable: 45000 kB\n",
            f"{group}/memory.max": "67108864\n",
            f"{group}/memory.high": "60000000\n",
            f"{group}/memory.current": "50000000\n",
            f"{group}/memory.stat": "anon 30000000\nfile 17000000\nshmem 1000000\nslab_reclaimable 500000\n",
        },
    )
    meter = MemoryMeter(root)
    assert meter.read() == Taken(600 * os.sysconf("SC_PAGE_SIZE"), 50_000_000 - 16_500_000, 60_000_000)
    assert meter.available() == 45_000 * 1024


def test_where_nothing_can_be_read_nothing_is_claimed(tmp_path):
    meter = MemoryMeter(str(tmp_path))
    assert meter.read() == Taken()
    assert meter.available() is None


def test_a_group_without_a_limit_is_no_limit(tmp_path):
    root = write(
        tmp_path,
        {
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": V2,
            "/proc/self/statm": "3000 1000 400 1 0 500 0\n",
            "/sys/fs/cgroup/memory.max": "max\n",
            "/sys/fs/cgroup/memory.current": "50000000\n",
        },
    )
    assert MemoryMeter(root).read() == Taken(600 * os.sysconf("SC_PAGE_SIZE"))


def test_version_1_counts_in_totals_and_shared_memory_cannot_be_dropped():
    assert charged(100, {"total_cache": 40, "total_shmem": 10, "cache": 39}, 1) == 70
    assert charged(100, {}, 1) == 100
    assert charged(10, {"file": 40}, 2) == 0


def test_this_process_has_anonymous_memory():
    before = MemoryMeter().read().anonymous
    held = bytearray(os.urandom(1)) * (64 << 20)
    after = MemoryMeter().read().anonymous
    assert before is not None
    assert after is not None
    assert after - before > 60 << 20
    del held
