"""What is used, between two samples."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hosts
import pytest

from edge.host import procfs
from edge.host.cgroups import Events
from edge.host.limits import Sampler
from edge.host.rates import Counters, Rates, rates

MIB = 2**20
PAGE = procfs.PAGE


def test_the_first_sample_has_levels_but_no_rates(tmp_path: Path) -> None:
    usage = Sampler(hosts.make(tmp_path, hosts.V2)).sample(5.0)
    assert (usage.at, usage.seconds) == (5.0, 0.0)
    assert (usage.cores, usage.throttled, usage.steal) == (None, None, None)
    assert (usage.throttled_seconds, usage.steal_seconds) == (0.0, 0.0)
    assert (usage.memory_current, usage.memory_peak) == (40 * MIB, 50 * MIB)
    assert (usage.resident, usage.anonymous) == (3000 * PAGE, 2000 * PAGE)
    assert usage.resident_peak == 14000 * 1024
    assert (usage.available, usage.swap_free) == (46000 * 1024, 60000 * 1024)
    assert usage.events == Events(high=7, max=3, oom=2, oom_kill=1)
    assert usage.refused is None


def test_headroom_is_that_of_the_first_level_to_be_full(tmp_path: Path) -> None:
    root = hosts.make(tmp_path, hosts.V2)
    assert Sampler(root).sample(0.0).headroom == 28 * MIB  # 68 MiB high less 40
    hosts.write(tmp_path, "/sys/fs/cgroup/system.slice/memory.max", f"{64 * MIB}")
    assert Sampler(root).sample(0.0).headroom == 4 * MIB  # the slice has charged 60
    hosts.write(tmp_path, "/proc/meminfo", "MemTotal: 90000 kB\nMemAvailable: 3000 kB\n")
    assert Sampler(root).sample(0.0).headroom == 3000 * 1024
    hosts.write(tmp_path, f"{hosts.SERVICE}/memory.current", f"{99 * MIB}")
    assert Sampler(root).sample(0.0).headroom == 0


def test_the_own_group_s_pressure_comes_before_the_host_s(tmp_path: Path) -> None:
    usage = Sampler(hosts.make(tmp_path, hosts.V2)).sample(0.0)
    assert usage.memory_stall == 0.25
    assert usage.cpu_stall == 0.125
    assert usage.io_stall == pytest.approx(0.9999)


def test_throttling_of_an_ancestor_counts(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    sampler.sample(10.0)
    counts = "usage_usec 9\nnr_periods 110\nnr_throttled 44\nthrottled_usec 2900000\n"
    hosts.write(tmp_path, "/sys/fs/cgroup/system.slice/cpu.stat", counts)
    usage = sampler.sample(11.0)
    assert usage.seconds == 1.0
    assert usage.throttled == 0.4
    assert usage.throttled_seconds == pytest.approx(0.4)
    usage = sampler.sample(12.0)
    assert usage.throttled == 0.0
    assert usage.throttled_seconds == pytest.approx(0.4)


def test_version_1_counts_nanoseconds(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.HYBRID))
    sampler.sample(10.0)
    counts = "nr_periods 20\nnr_throttled 15\nthrottled_time 2250000000\n"
    hosts.write(tmp_path, "/sys/fs/cgroup/cpu,cpuacct/slow/cpu.stat", counts)
    usage = sampler.sample(11.0)
    assert (usage.throttled, usage.throttled_seconds) == (1.0, pytest.approx(0.75))
    assert usage.events == Events(max=11, oom_kill=4)
    assert (usage.memory_current, usage.memory_peak) == (32 * MIB, 48 * MIB)


def test_a_quota_that_is_lifted_is_seen_in_the_next_sample(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    assert sampler.sample(0.0).limits.quota == 0.25
    hosts.write(tmp_path, "/sys/fs/cgroup/system.slice/cpu.max", "50000 100000")
    assert sampler.sample(1.0).limits.quota == 0.5
    hosts.write(tmp_path, "/sys/fs/cgroup/system.slice/cpu.max", "max 100000")
    assert sampler.sample(2.0).limits.quota is None


def test_being_moved_to_another_group_is_noticed(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    sampler.sample(0.0)
    hosts.write(tmp_path, "/sys/fs/cgroup/other/memory.current", "1048576")
    hosts.write(tmp_path, "/sys/fs/cgroup/other/cpu.stat", "nr_periods 9000\nnr_throttled 9000\nthrottled_usec 9000000")
    hosts.write(tmp_path, "/proc/self/cgroup", "0::/other\n")
    usage = sampler.sample(1.0)
    assert usage.memory_current == MIB
    assert usage.throttled is None  # nothing to compare with
    assert usage.throttled_seconds == 0.0


def test_a_group_that_goes_away_leaves_unknowns(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    sampler.sample(0.0)
    shutil.rmtree(tmp_path / "sys")
    usage = sampler.sample(1.0)
    assert (usage.memory_current, usage.memory_peak, usage.throttled, usage.events) == (None, None, None, None)
    assert usage.limits.memory == usage.limits.total


def test_steal(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    sampler.sample(0.0)
    hosts.write(tmp_path, "/proc/stat", "cpu 1030 0 510 8030 100 0 50 380 7 7\n")  # 100 ticks, 30 of them stolen
    usage = sampler.sample(1.0)
    assert usage.steal == pytest.approx(0.3)
    assert usage.steal_seconds == pytest.approx(30 / procfs.TICKS)
    hosts.write(tmp_path, "/proc/stat", "cpu 1130 0 510 8030 100 0 50 300 7 7\n")  # back, as after a migration
    usage = sampler.sample(2.0)
    assert usage.steal == 0.0
    assert usage.steal_seconds == pytest.approx(30 / procfs.TICKS)


def test_a_sandbox_without_stat_has_no_steal(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.PID_ONLY))
    sampler.sample(0.0)
    usage = sampler.sample(1.0)
    assert (usage.steal, usage.steal_seconds, usage.available) == (None, 0.0, None)
    assert (usage.cpu_stall, usage.memory_stall) == (None, 0.25)
    assert usage.headroom == 28 * MIB


def test_openvz_counts_what_it_refused(tmp_path: Path) -> None:
    usage = Sampler(hosts.make(tmp_path, hosts.OPENVZ)).sample(0.0)
    assert usage.refused == 7
    assert (usage.memory_current, usage.events, usage.cpu_stall) == (None, None, None)
    assert usage.headroom is None


def test_two_samples_at_the_same_moment_have_no_rate(tmp_path: Path) -> None:
    sampler = Sampler(hosts.make(tmp_path, hosts.V2))
    sampler.sample(1.0)
    assert sampler.sample(1.0).cores is None


def test_counters_that_fall_say_nothing() -> None:
    before = Counters(0.0, 50.0, 0, {}, procfs.Ticks(100.0, 5.0))
    after = Counters(1.0, 10.0, 0, {}, procfs.Ticks(20.0, 1.0))
    assert rates(before, after) == Rates(1.0, cores=0.0)


SIZE = 64 * MIB  # above the 32 MiB that malloc keeps at most (M_MMAP_THRESHOLD): it is memory that was not there before


def test_this_process_s_processor_time_and_memory() -> None:
    sampler = Sampler()
    before = sampler.sample(time.monotonic())
    block = bytearray(os.urandom(1)) * SIZE
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    after = sampler.sample(time.monotonic())
    assert after.cores is not None
    assert after.cores * after.seconds == pytest.approx(after.processor - before.processor)
    assert after.processor - before.processor >= 0.2
    assert before.anonymous is not None
    assert after.anonymous is not None
    assert after.anonymous - before.anonymous > 8 * MIB
    assert len(block) == SIZE


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Paths that are opened while the test runs (an audit hook cannot be taken away, only silenced)."""
    paths: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open":
            paths.append(os.fsdecode(arguments[0]))

    sys.addaudithook(hook)
    yield paths
    watching = False


def test_sampling_opens_nothing_that_is_a_disk(opened: list[str]) -> None:
    sampler = Sampler()
    opened.clear()
    sampler.sample(0.0)
    assert len(opened) > 5
    assert [path for path in opened if not path.startswith(("/proc/", "/sys/"))] == []


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_sampling_leaves_no_descriptor_open() -> None:
    sampler = Sampler()
    sampler.sample(0.0)
    before = descriptors()
    for now in range(1, 20):
        sampler.sample(now)
    assert descriptors() == before
