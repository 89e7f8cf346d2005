"""What the role decides about a host: whether it is refused, its limits, what is tuned."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansiblehosts import SMALL, of

UNITS = "/etc/systemd/system"
HOSTS = {
    "small": of(),
    "again": of(memory_available=52000, memory_unit=21000, memory_max="68M", run_size=32768, swap_zram=True, files=[
        f"{UNITS}/edge-run-size.service", f"{UNITS}/edge-zram.service", f"{UNITS}/edge.service"]),
    "shrunk": of(memory_max="128M"),
    "grown": of(memory_max="20M"),
    "large": of(memory_total=8_000_000, memory_available=7_000_000, cores=64, run_size=800_000),
    "container": of(container="openvz", zram=False),
    "off": of({"edge_zram": "never", "edge_run_size": ""}, run_size=9380, files=[
        f"{UNITS}/edge-zram.service", f"{UNITS}/edge-run-size.service"]),
    "fixed": of({"edge_memory_max": "64M", "edge_tasks_max": "20"}),
    "diskswap": of({"edge_zram": "never"}, swap_disk=True),
    "swapfile": of({"edge_swap_file": "128M"}),
    "nginx": of({"edge_proxy": "nginx", "edge_proxy_name": "tv.example", "edge_nftables": True}),
    "v6": of({"edge_listen": ["[::]:8080"], "edge_metrics_listen": ["[::1]:9100"]}),
    # refused
    "i686": of(arch="i686", bits=32), "armhf": of(arch="armv7l", bits=32), "mixed": of(bits=32),
    "riscv": of(arch="riscv64"), "alpine": of(libc="musl", systemd=0), "old": of(libc="glibc 2.27"),
    "newer": of(libc="glibc 2.100"), "libc": of(libc="unknown"), "sysv": of(systemd=0), "focal": of(systemd=245),
    "nopython": of(python="", python_whole=False), "jammy": of(python="3.10"), "minimal": of(python_whole=False),
    "full": of(disk_free=200_000), "upgraded": of(disk_free=310_000, current="0.1.0-00000000"),
    "tight": of(memory_available=20_000), "busy": of(memory_available=20_000, memory_unit=20_000),
}  # fmt: skip


@pytest.fixture(scope="module")
def decided(decisions: Callable[[dict[str, dict]], dict[str, dict]]) -> Callable[[str], dict]:
    return decisions(HOSTS).__getitem__


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("i686", ("expected x86_64 or aarch64, got i686 (a 32-bit system)", "amd64 or arm64")),
        ("armhf", ("got armv7l (a 32-bit system)",)),
        ("mixed", ("got 32-bit programs on x86_64", "reinstall the 64-bit image")),
        ("riscv", ("got riscv64: take",)),
        ("alpine", ("got musl (Alpine", "take Debian 12")),
        ("old", ("expected glibc 2.28 or later, got glibc 2.27",)),
        ("libc", ("does not name",)),
        ("sysv", ("got another init", "edge run")),
        ("focal", ("expected systemd 247 or later, got 245",)),
        ("nopython", ("got none: apt install python3",)),
        ("jammy", ("expected Python 3.11, 3.12, 3.13, got 3.10", "edge bundle --refresh --python 3.10 --arch x86_64")),
        ("minimal", ("python3-minimal alone: apt install python3",)),
        ("full", ("expected 300 MiB free", "got 195")),
        ("tight", ("expected 24 MiB of memory available, got 19",)),
    ],
)
def test_a_host_that_cannot_carry_edge_is_refused_by_name(
    decided: Callable[[str], dict], host: str, words: tuple[str, ...]
) -> None:
    said = " ".join(decided(host)["refusals"])
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize("host", ["small", "again", "large", "container", "newer", "upgraded", "busy"])
def test_a_host_that_can_is_not(decided: Callable[[str], dict], host: str) -> None:
    assert decided(host)["refusals"] == []


def test_one_reason_is_said_once(decided: Callable[[str], dict]) -> None:
    assert [len(decided(host)["refusals"]) for host in ("i686", "mixed", "old", "nopython", "alpine")] == [
        1,
        1,
        1,
        1,
        2,
    ]


def mib(text: str) -> int:
    assert text.endswith("M")
    return int(text[:-1])


@pytest.mark.parametrize("host", ["small", "again", "shrunk", "grown", "large", "container"])
def test_limits_are_within_what_the_machine_has(decided: Callable[[str], dict], host: str) -> None:
    facts, now = HOSTS[host]["edge_host"], decided(host)
    room = (facts["memory_available"] + facts["memory_unit"]) // 1024
    assert mib(now["high"]) < mib(now["max"]) < facts["memory_total"] // 1024
    assert 0.75 * 0.9 * room <= mib(now["max"]) <= room


def test_the_smallest_host_leaves_four_mebibytes_to_the_others(decided: Callable[[str], dict]) -> None:
    now = decided("small")
    assert (now["max"], now["high"], now["swap"], now["zram"], int(now["tasks"])) == ("41M", "37M", "45M", "45", 32)


def test_a_limit_that_is_near_enough_stays(decided: Callable[[str], dict]) -> None:
    assert decided("again")["max"] == "68M"  # 65 would be chosen now
    assert decided("shrunk")["max"] == decided("grown")["max"] == decided("small")["max"]


def test_limits_of_the_user_are_taken_as_they_are(decided: Callable[[str], dict]) -> None:
    assert [decided("fixed")[name] for name in ("max", "high", "tasks")] == ["64M", "64M", "20"]


def test_tasks_grow_with_cores_and_end(decided: Callable[[str], dict]) -> None:
    assert int(decided("large")["tasks"]) == 256


def test_secrets_go_to_a_disk_only_if_a_swap_file_was_asked_for(decided: Callable[[str], dict]) -> None:
    assert [decided(host)["swap"] for host in ("diskswap", "large", "container")] == ["0", "0", "0"]
    assert decided("swapfile")["swap"] == "infinity"


@pytest.mark.parametrize(
    ("host", "on"),
    [
        ("small", ["run_size", "zram"]),
        ("again", ["run_size", "zram"]),  # what is there already stays wanted
        ("large", []),
        ("container", []),
        ("off", []),
        ("swapfile", ["run_size", "zram", "swap_file"]),
        ("nginx", ["run_size", "zram", "nftables"]),
    ],
)
def test_a_host_is_tuned_where_it_needs_it(decided: Callable[[str], dict], host: str, on: list[str]) -> None:
    assert decided(host)["tuning"] == on


def test_what_is_no_longer_wanted_goes(decided: Callable[[str], dict]) -> None:
    assert decided("off")["over"] == [f"{UNITS}/edge-run-size.service", f"{UNITS}/edge-zram.service"]
    assert decided("again")["over"] == []


def test_a_container_gets_its_own_variant_of_the_unit(decided: Callable[[str], dict]) -> None:
    assert [f"{UNITS}/edge.service.d/container.conf" in decided(h)["own"] for h in ("container", "small")] == [
        True,
        False,
    ]


def test_the_probe_asks_this_host(decided: Callable[[str], dict]) -> None:
    assert decided("small")["probe"] == "http://127.0.0.1:8080/readyz"
    assert decided("v6")["probe"] == "http://[::1]:9100/readyz"
    assert decided("v6")["gate"] == "http://[::1]:8080"


def test_this_machine_says_what_decisions_ask_for() -> None:
    """The script as the role runs it, on the host that is at hand."""
    script = (Path(__file__).parents[3] / "ansible" / "roles" / "edge" / "files" / "host.sh").read_text()
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert {key: type(value) for key, value in facts.items()} == {key: type(value) for key, value in SMALL.items()}
    assert facts["arch"] == os.uname().machine
    assert facts["memory_available"] <= facts["memory_total"]
    assert facts["cores"] == os.cpu_count()


def test_a_host_without_systemd_and_python_can_still_say_so(tmp_path: Path) -> None:
    for program in ("sh", "awk", "sed", "tr", "cut", "df", "uname", "dirname", "basename", "readlink", "ls", "cat"):
        (tmp_path / program).symlink_to(shutil.which(program))
    script = (Path(__file__).parents[3] / "ansible" / "roles" / "edge" / "files" / "host.sh").read_text()
    done = subprocess.run(["sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert (facts["python"], facts["python_whole"], facts["container"], facts["running"]) == ("", False, "", [])
    assert (facts["libc"], facts["bits"]) == ("unknown", 0)  # no getconf
