"""What `statvfs` says."""

from __future__ import annotations

import asyncio
import shutil

from edge.host.disk import DiskWatch, read


def test_as_the_library_says(tmp_path) -> None:
    found = read(str(tmp_path))
    assert found is not None
    assert found.size == shutil.disk_usage(tmp_path).total
    assert 0 <= found.free <= found.size


def test_a_path_that_is_not_there(tmp_path) -> None:
    assert read(str(tmp_path / "none")) is None


def test_a_watch_knows_nothing_before_it_has_looked(tmp_path) -> None:
    watch = DiskWatch(str(tmp_path))
    assert watch.stats is None
    asyncio.run(watch.look())
    assert watch.stats is not None
    assert watch.stats.size == shutil.disk_usage(tmp_path).total
