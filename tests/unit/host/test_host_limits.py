"""The limits in force, on hosts made by hand and on this one."""

from __future__ import annotations

import os
from pathlib import Path

import hosts
import pytest

from edge.host import cgroups, limits, procfs
from edge.host.cgroups import Place
from edge.host.limits import Limits

MIB = 2**20
PAGE = procfs.PAGE


def read(tmp_path: Path, files: dict[str, str]) -> Limits:
    return limits.read(hosts.make(tmp_path, files))


def test_version_2_the_tightest_level_counts_and_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.V2)
    assert (found.memory_max, found.memory_max_source) == (80 * MIB, f"{hosts.SERVICE}/memory.max")
    assert (found.memory_high, found.memory_high_source) == (68 * MIB, f"{hosts.SERVICE}/memory.high")
    assert (found.memory, found.memory_source) == (68 * MIB, f"{hosts.SERVICE}/memory.high")
    assert (found.quota, found.quota_source) == (0.25, "/sys/fs/cgroup/system.slice/cpu.max")
    assert (found.swap, found.swap_source) == (64 * MIB, "/proc/meminfo: SwapTotal")
    assert found.total == 93812 * 1024


def test_version_2_an_ancestor_may_be_tighter(tmp_path: Path) -> None:
    files = hosts.V2 | {
        "/sys/fs/cgroup/system.slice/memory.max": f"{64 * MIB}",
        "/sys/fs/cgroup/system.slice/memory.swap.max": "0",
        f"{hosts.SERVICE}/cpu.max": "20000 100000",
    }
    found = read(tmp_path, files)
    assert (found.memory, found.memory_source) == (64 * MIB, "/sys/fs/cgroup/system.slice/memory.max")
    assert (found.swap, found.swap_source) == (0, "/sys/fs/cgroup/system.slice/memory.swap.max")
    assert (found.quota, found.quota_source) == (0.2, f"{hosts.SERVICE}/cpu.max")


def test_a_host_smaller_than_its_limits_is_the_limit(tmp_path: Path) -> None:
    files = hosts.V2 | {f"{hosts.SERVICE}/memory.high": "max", f"{hosts.SERVICE}/memory.max": f"{900 * MIB}"}
    found = read(tmp_path, files)
    assert (found.memory, found.memory_source) == (93812 * 1024, "/proc/meminfo: MemTotal")
    assert found.memory_high is None
    assert found.memory_max == 900 * MIB


def test_hybrid_each_controller_in_its_own_hierarchy(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.HYBRID)
    assert (found.memory, found.memory_source) == (64 * MIB, "/sys/fs/cgroup/memory/box/a/memory.limit_in_bytes")
    assert (found.swap, found.swap_source) == (32 * MIB, "/sys/fs/cgroup/memory/box/a/memory.memsw.limit_in_bytes")
    assert (found.quota, found.quota_source) == (0.05, "/sys/fs/cgroup/cpu,cpuacct/slow/cpu.cfs_quota_us")
    assert found.memory_high is None


def test_version_1_the_huge_number_and_minus_one_are_no_limits(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.HYBRID | {"/proc/self/cgroup": "4:memory:/\n2:cpu,cpuacct:/\n0::/\n"})
    assert found.memory_max is None
    assert found.quota is None
    assert found.quota_source is None
    assert found.memory_source == "/proc/meminfo: MemTotal"


def test_a_container_sees_its_own_group_as_the_root_of_the_mount(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.DOCKER_V1)
    assert found.memory == 64 * MIB
    assert found.quota == 0.05
    assert found.virtualisation == "docker"


def test_openvz_bounds_by_its_counters(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.OPENVZ)
    assert (found.memory_max, found.memory_max_source) == (32768 * PAGE, "/proc/user_beancounters: privvmpages")
    assert found.memory == min(32768 * PAGE, 128 * MIB)
    assert found.swap == 0
    assert found.quota is None
    assert found.virtualisation == "openvz"


def test_openvz_with_vswap_bounds_what_is_used(tmp_path: Path) -> None:
    text = hosts.BEANCOUNTERS.replace(str(hosts.UNLIMITED), "16384")
    files = hosts.OPENVZ | {"/proc/user_beancounters": text}
    found = read(tmp_path, files | {"/proc/meminfo": "MemTotal: 999999 kB\nSwapTotal: 999999 kB\n"})
    assert (found.memory_max, found.memory_max_source) == (16384 * PAGE, "/proc/user_beancounters: physpages")
    assert (found.swap, found.swap_source) == (16384 * PAGE, "/proc/user_beancounters: swappages")


def test_what_a_sandbox_hides_is_unknown_and_the_rest_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, hosts.PID_ONLY)
    assert found.total is None
    assert found.swap is None
    assert found.memory == 68 * MIB
    assert found.quota == 0.25


def test_a_host_that_shows_nothing(tmp_path: Path) -> None:
    assert limits.read(str(tmp_path)) == Limits(cores=len(os.sched_getaffinity(0)))


def test_files_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    files = hosts.V2 | {f"{hosts.SERVICE}/memory.high": "a lot"}
    del files[f"{hosts.SERVICE}/memory.max"]
    found = read(tmp_path, files | {f"{hosts.SERVICE}/memory.max/is_a_directory": ""})
    assert found.memory_max is None
    assert found.memory_high is None


def test_affinity_is_what_the_scheduler_lets_us_use(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert limits.read(str(tmp_path)).cores == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("own", "mountinfo", "place"),
    [
        ("0::/a/b", "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "/a/b")),
        ("0::/", "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "")),
        ("0::/a/b", "1 1 0:1 /a /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "/b")),
        ("0::/ab", "1 1 0:1 /a /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "")),  # not below that root
        ("0::/../x", "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "")),  # outside of our namespace
        ("0::/a:b c", "1 1 0:1 / /c\\040g rw a:1 b:2 - cgroup2 none rw", Place(2, "/c g", "/a:b c")),
        ("3:memory,hugetlb:/a\n0::/b", "1 1 0:1 / /cg rw - cgroup cgroup rw,memory,hugetlb", Place(1, "/cg", "/a")),
        ("3:cpu:/a\n0::/b", "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", Place(2, "/cg", "/b")),  # memory is in version 2
        ("3:memory:/a\n0::/b", "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", None),  # version 1 has it, and is not mounted
        ("3:name=memory:/a", "1 1 0:1 / /cg rw - cgroup cgroup rw,name=memory", None),
        (None, "1 1 0:1 / /cg rw - cgroup2 cgroup2 rw", None),
        ("0::/a", None, None),
    ],
)
def test_the_own_group(own: str | None, mountinfo: str | None, place: Place | None) -> None:
    assert cgroups.locate("memory", own, mountinfo) == place


def test_a_group_that_is_not_below_the_mount_is_read_at_the_mount(tmp_path: Path) -> None:
    files = hosts.DOCKER_V1 | {"/proc/self/mountinfo": hosts.V1_MOUNTS.format(root="/")}
    assert read(tmp_path, files).memory == 64 * MIB


def test_every_level_up_to_the_mount() -> None:
    assert Place(2, "/cg", "/a/b").levels() == ("/cg/a/b", "/cg/a", "/cg")
    assert Place(2, "/cg", "").levels() == ("/cg",)
    assert len(Place(2, "/cg", "/a" * 5000).levels()) <= cgroups.MAX_DEPTH


@pytest.mark.parametrize(
    ("text", "cores"),
    [("25000 100000", 0.25), ("max 100000", None), ("400000 100000\n", 4.0), ("5 0", None), ("", None), ("-1 5", None)],
)
def test_quotas(text: str, cores: float | None) -> None:
    assert cgroups.quota(text) == cores


VIRTUAL = [
    ({"/proc/vz/x": "", "/proc/bc/x": "", "/proc/cpuinfo": "flags : fpu"}, "none"),  # OpenVZ's own node
    ({"/run/systemd/container": "lxc\n", "/.dockerenv": ""}, "lxc"),
    ({"/run/.containerenv": ""}, "podman"),
    ({"/proc/1/environ": "A=1\0container=systemd-nspawn\0B=2"}, "systemd-nspawn"),
    ({"/proc/self/cgroup": "4:memory:/kubepods/pod1/x"}, "kubernetes"),
    ({"/sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm\n"}, "kvm"),
    ({"/sys/class/dmi/id/product_name": "VirtualBox\n", "/proc/cpuinfo": "flags : hypervisor"}, "oracle"),
    ({"/sys/class/dmi/id/sys_vendor": "Dell Inc.\n", "/proc/cpuinfo": "flags\t: fpu vme hypervisor lahf_lm"}, "vm"),
    ({"/sys/class/dmi/id/sys_vendor": "Dell Inc.\n", "/proc/cpuinfo": "flags\t: fpu vme"}, "none"),
    ({"/proc/cpuinfo": "Features : fp asimd\n"}, None),  # arm does not say
]


@pytest.mark.parametrize(("files", "word"), VIRTUAL)
def test_the_kind_of_host(tmp_path: Path, files: dict[str, str], word: str | None) -> None:
    assert read(tmp_path, files).virtualisation == word


def test_this_host() -> None:
    found = limits.read()
    assert found.cores == len(os.sched_getaffinity(0))
    if Path("/proc/meminfo").exists():
        assert found.total
        assert found.memory
        assert found.memory <= found.total
