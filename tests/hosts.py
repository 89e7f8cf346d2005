"""Hosts made by hand: the files of /proc and /sys that small servers really show, below a directory."""

from __future__ import annotations

from pathlib import Path

MEMINFO = """MemTotal:          93812 kB
MemFree:           20000 kB
MemAvailable:      46000 kB
Buffers:            1000 kB
SwapTotal:         65536 kB
SwapFree:          60000 kB
"""
STAT = "cpu  1000 0 500 8000 100 0 50 350 0 0\ncpu0 1000 0 500 8000 100 0 50 350 0 0\nintr 1 2 3\n"
STATM = "5000 3000 1000 5 0 800 0\n"
STATUS = "Name:\tedge\nVmPeak:\t   30000 kB\nVmHWM:\t   14000 kB\nVmRSS:\t   12000 kB\n"
PRESSURE = "some avg10=12.50 avg60=1.27 avg300=0.68 total=927267065\nfull avg10=3.00 avg60=0.00 avg300=0.00 total=0\n"
PROC = {
    "/proc/meminfo": MEMINFO,
    "/proc/stat": STAT,
    "/proc/self/statm": STATM,
    "/proc/self/status": STATUS,
    "/proc/pressure/cpu": PRESSURE,
    "/proc/pressure/memory": PRESSURE.replace("12.50", "0.00"),
    "/proc/pressure/io": PRESSURE.replace("12.50", "99.99"),
}
SERVICE = "/sys/fs/cgroup/system.slice/edge.service"
V2 = PROC | {
    "/proc/self/cgroup": "0::/system.slice/edge.service\n",
    "/proc/self/mountinfo": (
        "22 1 0:21 / /proc rw,relatime - proc proc rw\n"
        "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    ),
    f"{SERVICE}/memory.max": "83886080\n",
    f"{SERVICE}/memory.high": "71303168\n",
    f"{SERVICE}/memory.swap.max": "max\n",
    f"{SERVICE}/memory.current": "41943040\n",
    f"{SERVICE}/memory.peak": "52428800\n",
    f"{SERVICE}/memory.events": "low 0\nhigh 7\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n",
    f"{SERVICE}/memory.pressure": PRESSURE.replace("12.50", "25.00"),
    f"{SERVICE}/cpu.max": "max 100000\n",
    f"{SERVICE}/cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
    "/sys/fs/cgroup/system.slice/memory.max": "max\n",
    "/sys/fs/cgroup/system.slice/memory.high": "max\n",
    "/sys/fs/cgroup/system.slice/memory.current": "62914560\n",
    "/sys/fs/cgroup/system.slice/cpu.max": "25000 100000\n",
    "/sys/fs/cgroup/system.slice/cpu.stat": "usage_usec 9\nnr_periods 100\nnr_throttled 40\nthrottled_usec 2500000\n",
    "/sys/fs/cgroup/cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\n",
}
HUGE = "9223372036854771712\n"
V1_MOUNTS = (
    "31 23 0:28 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw shared:2 master:1 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)


def v1_group(memory: str, cpu: str) -> dict[str, str]:
    """The files of one limited group, given its two directories."""
    return {
        f"{memory}/memory.limit_in_bytes": "67108864\n",
        f"{memory}/memory.memsw.limit_in_bytes": "100663296\n",
        f"{memory}/memory.usage_in_bytes": "33554432\n",
        f"{memory}/memory.max_usage_in_bytes": "50331648\n",
        f"{memory}/memory.failcnt": "11\n",
        f"{memory}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
        f"{cpu}/cpu.cfs_quota_us": "5000\n",
        f"{cpu}/cpu.cfs_period_us": "100000\n",
        f"{cpu}/cpu.stat": "nr_periods 10\nnr_throttled 5\nthrottled_time 1500000000\n",
    }


V1_TOP = {
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": HUGE,
    "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": HUGE,
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "90000000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
}
# Different groups in different hierarchies, and a version 2 tree without controllers beside them.
HYBRID = (
    PROC
    | V1_TOP
    | {
        "/proc/self/cgroup": "9:name=systemd:/\n4:memory:/box/a\n2:cpu,cpuacct:/slow\n1:cpuset:/\n0::/user.slice\n",
        "/proc/self/mountinfo": V1_MOUNTS.format(root="/"),
        "/sys/fs/cgroup/unified/user.slice/memory.pressure": "",
    }
    | v1_group("/sys/fs/cgroup/memory/box/a", "/sys/fs/cgroup/cpu,cpuacct/slow")
)
# Docker without a cgroup namespace: the mount shows the container's own group as its root.
DOCKER_V1 = (
    PROC
    | {
        "/proc/self/cgroup": "4:memory:/docker/0abc\n2:cpu,cpuacct:/docker/0abc\n0::/\n",
        "/proc/self/mountinfo": V1_MOUNTS.format(root="/docker/0abc"),
        "/.dockerenv": "",
    }
    | v1_group("/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct")
)
UNLIMITED = 9223372036854775807
BEANCOUNTERS = f"""Version: 2.5
       uid  resource                  held           maxheld           barrier             limit           failcnt
      101:  kmemsize               4194304           6291456          14372700          14790164                 0
         lockedpages                  0                 0               256               256                 0
         privvmpages               9000             12000             32768             36864                 5
         shmpages                     1                 1             21504             21504                 0
         dummy                        0                 0                 0                 0                 0
         physpages                 6000              7000                 0           {UNLIMITED}                 0
         oomguarpages              6000              7000             26112           {UNLIMITED}                 2
         swappages                    0                 0                 0             16384                 0
"""
# OpenVZ 6: a 2.6.32 kernel, no control groups, no pressure, version 2.5 of the accounting.
OPENVZ = {
    "/proc/vz/veinfo": "",
    "/proc/user_beancounters": BEANCOUNTERS,
    "/proc/meminfo": "MemTotal: 131072 kB\nMemFree: 90000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
    "/proc/stat": STAT,
    "/proc/self/statm": STATM,
    "/proc/self/status": STATUS,
}
# ProcSubset=pid in the unit: only processes are left in /proc.
PID_ONLY = {
    path: text for path, text in V2.items() if not path.startswith(("/proc/meminfo", "/proc/stat", "/proc/pressure"))
}


def make(root: Path, files: dict[str, str]) -> str:
    """The host's root directory."""
    for path, text in files.items():
        write(root, path, text)
    return str(root)


def write(root: Path, path: str, text: str) -> None:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode("utf-8", "surrogateescape"))
