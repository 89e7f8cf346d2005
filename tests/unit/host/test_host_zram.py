"""Compressed swap, on hosts made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.host.zram import RATIO, Zram, read

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SEEN = "17690624  5187166  5857280        0  8507392      291      947       97      848\n"  # Linux 6.1


def host(root: Path, swaps: str, **stats: str) -> str:
    (root / "proc").mkdir()
    (root / "proc" / "swaps").write_text(HEAD + swaps)
    for device, text in stats.items():
        folder = root / "sys" / "block" / device
        folder.mkdir(parents=True)
        (folder / "mm_stat").write_text(text)
    return str(root)


def test_what_is_in_it_tells_what_more_would_cost(tmp_path: Path):
    root = host(tmp_path, "/dev/zram0                              partition\t47100\t\t17344\t\t100\n", zram0=SEEN)
    found = read(root)
    assert found is not None
    assert found.free == (47100 - 17344) * 1024
    assert found.ratio == pytest.approx(0.331, abs=0.001)


def test_devices_add_up_and_a_disk_does_not_count(tmp_path: Path):
    swaps = (
        "/dev/zram0 partition 1000 400 100\n/dev/zram1 partition 2000 0 100\n"
        "/dev/vda5 partition 90000 0 -2\n/var/zram0 file 90000 0 -3\n"
    )
    mebibytes = 1 << 20
    root = host(tmp_path, swaps, zram0=f"{8 * mebibytes} 0 {2 * mebibytes} 0", zram1=f"0 0 {2 * mebibytes} 0")
    assert read(root) == Zram(2600 * 1024, 0.5)


@pytest.mark.parametrize("stat", ["", "4096 74 12288 0", "damaged", "9999999 1"])
def test_with_little_in_it_or_nothing_to_read_the_worst_ratio_counts(stat: str, tmp_path: Path):
    assert read(host(tmp_path, "/dev/zram0 partition 1000 0 100\n", zram0=stat)) == Zram(1000 * 1024, RATIO)


def test_what_does_not_compress_costs_no_more_than_itself(tmp_path: Path):
    root = host(tmp_path, "/dev/zram0 partition 9000 8192 100\n", zram0=f"{8 << 20} {9 << 20} {9 << 20}")
    assert read(root) == Zram(808 * 1024, 1.0)


@pytest.mark.parametrize("swaps", ["", "/dev/vda5 partition 90000 0 -2\n", "/dev/zram0 partition\n", "\0\n"])
def test_without_one_there_is_none(swaps: str, tmp_path: Path):
    assert read(host(tmp_path, swaps)) is None


def test_without_proc_there_is_none(tmp_path: Path):
    assert read(str(tmp_path)) is None
