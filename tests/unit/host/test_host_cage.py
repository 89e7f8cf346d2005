"""Processes are held in, counted and taken away, in real control groups; where there are none, the reason is said."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.errors import ConfigError
from edge.host.cage import Cage, CageUsage
from edge.host.enclosures import Want

MIB = 2**20
ROOT = Path(__file__).resolve().parents[3]
SPIN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
# What the worker's own eyes see from within: two samples around some work.
LOOK = f"""
import sys, time, msgspec
from edge.host.limits import Sampler
sampler = Sampler()
sampler.sample(time.monotonic())
{SPIN.format(0.1)}
sys.stdout.buffer.write(msgspec.json.encode(sampler.sample(time.monotonic())))
"""


@pytest.fixture(scope="module")
def why_not() -> str | None:
    with Cage("probe", memory=64 * MIB, cpu=0.5) as cage:
        return None if cage.enforced else cage.how


@pytest.fixture
def enforced(why_not: str | None) -> None:
    if why_not:
        pytest.skip(why_not)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run(cage: Cage, code: str, **options: Any) -> int:
    return cage.start(python(code), **options).wait(timeout=120)


def until(happened: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 90
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def groups() -> list[str]:
    """Cages of this process that exist."""
    return [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/edge*x{os.getpid()}x*")]


@pytest.mark.usefixtures("enforced")
def test_more_memory_than_the_cage_has_kills() -> None:
    with Cage("kill", memory=32 * MIB) as cage:
        assert run(cage, "block = bytearray(64 << 20)") == -9
        usage = cage.usage()
    assert usage.kills == 1
    assert usage.limit_hits
    assert usage.peak is None or 31 * MIB < usage.peak <= 32 * MIB


@pytest.mark.usefixtures("enforced")
def test_memory_in_use_is_told_apart_from_page_cache(tmp_path: Path) -> None:
    file = tmp_path / "file"
    code = f"""
open({str(file)!r}, "wb").write(bytes(8 << 20))
block = bytearray(b"x") * (16 << 20)
print("ready", flush=True)
input()
"""
    with Cage("count", memory=128 * MIB) as cage:
        process = cage.start(python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        usage = cage.usage()
        process.communicate(b"\n", timeout=90)
        after = cage.usage()
    assert usage.anonymous is not None
    assert usage.file is not None
    assert usage.current is not None
    assert 16 * MIB <= usage.anonymous < 40 * MIB
    assert usage.file >= 8 * MIB
    assert usage.current >= usage.anonymous
    assert after.anonymous is not None
    assert after.anonymous < 4 * MIB


@pytest.mark.usefixtures("enforced")
def test_a_quota_throttles_until_it_is_lifted() -> None:
    with Cage("slow", cpu=0.2) as cage:
        assert "0.2 cores" in cage.how
        assert run(cage, SPIN.format(0.3)) == 0
        slow = cage.usage()
        cage.lift_cpu()
        assert "cores" not in cage.how
        assert run(cage, SPIN.format(0.3)) == 0
        fast = cage.usage()
    assert slow.processor is not None
    assert fast.processor is not None
    assert slow.processor >= 0.3
    assert fast.processor >= slow.processor + 0.3
    assert slow.throttled_periods
    assert slow.throttled_seconds
    assert fast.throttled_periods == slow.throttled_periods


@pytest.mark.usefixtures("enforced")
def test_a_quota_may_be_set_while_something_runs() -> None:
    with Cage("later", memory=64 * MIB) as cage:
        cage.start(python("while True: pass"))
        cage.set_cpu(0.1)
        until(lambda: cage.usage().throttled_periods)
        cage.set_memory(96 * MIB)
        assert "96.0 MiB, 0.1 cores" in cage.how


@pytest.mark.usefixtures("enforced")
def test_a_worker_sees_the_cage_it_is_in() -> None:
    with Cage("look", memory=80 * MIB, cpu=0.1) as cage:
        process = cage.start(python(LOOK), stdout=subprocess.PIPE, cwd=ROOT)
        text, _ = process.communicate(timeout=120)
    usage = msgspec.json.decode(text)
    assert usage["limits"]["memory"] == 80 * MIB
    assert usage["limits"]["quota"] == pytest.approx(0.1)
    assert usage["limits"]["swap"] in (0, 4096)  # version 1 allows a page
    assert usage["throttled"] > 0
    assert usage["throttled_seconds"] > 0
    assert usage["headroom"] < 80 * MIB
    assert usage["memory_current"] < 80 * MIB


@pytest.mark.usefixtures("enforced")
def test_a_cage_is_never_wider_than_the_one_it_is_made_in() -> None:
    code = """
from edge.host.cage import Cage
with Cage("inner", memory=900 << 20, cpu=7.0) as cage:
    print(cage.how)
"""
    with Cage("outer", memory=96 * MIB, cpu=0.5) as cage:
        process = cage.start(python(code), stdout=subprocess.PIPE, cwd=ROOT)
        text, _ = process.communicate(timeout=120)
    assert b"96.0 MiB, 0.5 cores" in text


@pytest.mark.usefixtures("enforced")
def test_it_starts_from_a_process_with_threads() -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=lambda: [None for _ in iter(stop.is_set, True)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with Cage("threads", memory=64 * MIB) as cage:
            codes = [cage.start(["true"]).wait(timeout=90) for _ in range(20)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert codes == [0] * 20


@pytest.mark.usefixtures("enforced")
def test_leaving_ends_everything_and_leaves_nothing(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with Cage("end", memory=64 * MIB) as cage:
        assert groups()
        process = cage.start(["sh", "-c", f"sleep 300 & echo $! > {note}.new; mv {note}.new {note}; wait"])
        until(note.exists)
    grandchild = int(note.read_text())
    assert process.returncode == -9
    until(lambda: not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text())
    assert groups() == []
    assert cage.how == "not enforced: removed"


@pytest.mark.usefixtures("enforced")
def test_two_cages_at_once_do_not_meet() -> None:
    with Cage("same", cpu=0.5) as one, Cage("same", cpu=0.25) as other:
        run(one, SPIN.format(0.1))
        used = one.usage().processor, other.usage().processor
    assert used[0] is not None
    assert used[1] is not None
    assert used[0] >= 0.1
    assert used[1] < 0.1


@pytest.mark.usefixtures("enforced")
def test_the_cage_of_a_killed_maker_is_taken_away_by_the_next_one() -> None:
    code = """
import os
from edge.host.cage import Cage
with Cage("lost", memory=64 << 20):
    os.kill(os.getpid(), 9)
"""
    lost = subprocess.Popen(python(code), cwd=ROOT)
    assert lost.wait(timeout=120) == -9
    with Cage("next", memory=64 * MIB) as cage:
        if not cage.how.startswith("cgroup"):
            pytest.skip("systemd keeps its own")
        assert [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/edgelostx{lost.pid}x*")] == []
        assert groups()


def test_arguments_output_and_status_are_the_program_s_own() -> None:
    with Cage("plain", memory=64 * MIB) as cage:
        odd = ["a b", "$HOME", "'", '"', "*", "", "-n"]
        code = "import sys; print(sys.argv[1:]); sys.exit(7)"
        process = cage.start([*python(code), *odd], stdout=subprocess.PIPE)
        text, _ = process.communicate(timeout=120)
    assert text.decode().strip() == str(odd)
    assert process.returncode == 7


def test_the_pid_is_the_program_s_own() -> None:
    with Cage("pid", memory=64 * MIB) as cage:
        process = cage.start(python("import os; print(os.getpid())"), stdout=subprocess.PIPE)
        text, _ = process.communicate(timeout=120)
    assert int(text) == process.pid


def test_nothing_asked_still_counts_where_it_can() -> None:
    with Cage("open") as cage:
        assert run(cage, "pass") == 0
        usage = cage.usage()
    if cage.enforced:
        assert usage.processor


def test_a_user_without_the_right_is_told_so_and_runs_all_the_same() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    code = """
import os
from edge.host.cage import Cage
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with Cage("nobody", memory=64 << 20, cpu=0.5) as cage:
    cage.set_cpu(0.1)
    print(cage.enforced, cage.start(["true"]).wait(), cage.usage().peak, cage.how)
"""
    result = subprocess.run(python(code), cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("False 0 None not enforced: "), result.stderr
    assert "Permission denied" in result.stdout or "systemd" in result.stdout


def test_an_impossible_limit_is_not_enforced_and_says_why() -> None:
    with Cage("tiny", memory=64 * MIB, cpu=0.0005) as cage:  # half a millisecond a second: the kernel refuses
        assert not cage.enforced
        assert cage.how.startswith("not enforced: ")
        assert run(cage, "pass") == 0
        assert cage.usage() == CageUsage()
    assert groups() == []


@pytest.mark.parametrize("name", ["", "A", "a/b", "../x", "a-b", "x" * 33])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        Cage(name)


def test_before_it_is_entered_it_holds_nothing() -> None:
    cage = Cage("early", memory=64 * MIB)
    assert not cage.enforced
    assert cage.command(["true"]) == ["true"]
    assert cage.how == "not enforced: not entered yet"


@pytest.mark.parametrize(
    ("cpu", "period", "quota"),
    [
        (0.25, 0.1, (25_000, 100_000)),
        (0.005, 0.1, (1_000, 200_000)),  # the shortest quota that the kernel takes, in a longer period
        (None, 0.1, (None, 100_000)),
        (2.0, 0.02, (40_000, 20_000)),
        (0.0001, 0.1, (100, 1_000_000)),
    ],
)
def test_quota_and_period(cpu: float | None, period: float, quota: tuple[int | None, int]) -> None:
    assert Want(None, 0, cpu, period).quota() == quota
