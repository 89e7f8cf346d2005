"""A few power cuts; `bench/powercut.py` does more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest
from cutting import Cutting
from powercut import Disk, Step
from programs import peer


@pytest.fixture(scope="module")
def traced() -> None:
    """strace is there, and may trace."""
    if subprocess.run([peer("strace"), "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here (ptrace is forbidden)")


@pytest.mark.peer
@pytest.mark.usefixtures("traced")
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    cutting = Cutting(tmp_path, seed=7)
    verdicts = [*cutting.recording(hits=400, count=10), *cutting.recording(hits=400, count=10)]
    assert [verdict for verdict in verdicts if verdict.bad] == []
    assert verdicts[-1]["acknowledged"] > 100


@pytest.mark.peer
@pytest.mark.usefixtures("traced")
def test_without_a_sync_at_each_commit_hits_are_lost_and_the_database_stays_whole(tmp_path: Path) -> None:
    """`durability = "process"`; and the emulation would see a loss."""
    verdicts = Cutting(tmp_path, seed=7, durability="process").recording(hits=400, count=20)
    assert sum(verdict["lost"] for verdict in verdicts) > 0
    assert [verdict for verdict in verdicts if verdict["integrity"] or verdict["doubled"] or verdict["sums"]] == []


def left(folder: Path, *steps: Step, seeds: int = 40) -> set[bytes | None]:
    """Of a file `a`, by many cuts; None: it is not there."""
    found: set[bytes | None] = set()
    for seed in range(seeds):
        disk = Disk(folder)
        for step in steps:
            disk.apply(step)
        found.add(disk.cut(Random(seed)).get(f"{folder}/a"))
    return found


def test_what_was_synced_is_there_and_what_was_not_may_be(tmp_path: Path) -> None:
    path, folder = f"{tmp_path}/a", Step("sync", str(tmp_path))
    made, sync = Step("create", path), Step("sync", path)
    one, two = Step("write", path, 0, b"1"), Step("write", path, 1, b"2")
    assert left(tmp_path, made, one, two) == {None, b"", b"1", b"\0" + b"2", b"12"}
    assert left(tmp_path, made, folder, one, sync, two) == {b"1", b"12"}
    assert left(tmp_path, made, folder, one, two, sync) == {b"12"}
    assert left(tmp_path, made, folder, one, sync, Step("remove", path)) == {None, b"1"}
    assert left(tmp_path, made, folder, one, sync, Step("remove", path), folder) == {None}
    assert left(tmp_path, made, folder, one, two, sync, Step("truncate", path, 1)) == {b"1", b"12"}


def test_a_write_may_be_torn_between_sectors(tmp_path: Path) -> None:
    path = f"{tmp_path}/a"
    (tmp_path / "a").write_bytes(b"o" * 1024)
    found = left(tmp_path, Step("write", path, 0, b"n" * 1024), seeds=200)
    assert found == {half + other for half in (b"o" * 512, b"n" * 512) for other in (b"o" * 512, b"n" * 512)}
