"""Cached pages of files are really given up, and what could not be done is said."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import pytest

from edge.host import pagecache
from edge.host.pagecache import Dropped, drop


def cached(path: Path) -> int:
    """Pages of the file that are in memory, by mincore(2)."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        count = (len(view) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        answer = (ctypes.c_ubyte * count)()
        start = ctypes.c_char.from_buffer(view)
        try:
            failed = ctypes.CDLL(None).mincore(ctypes.byref(start), ctypes.c_size_t(len(view)), answer)
        finally:
            del start
    if failed:
        pytest.skip("mincore is refused here")
    return sum(page & 1 for page in answer)


def disk(tmp_path: Path) -> Path:
    """A tree with 64 pages in two files, written and so cached."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "one").write_bytes(os.urandom(32 * mmap.PAGESIZE))
    (tmp_path / "two").write_bytes(os.urandom(32 * mmap.PAGESIZE))
    if cached(tmp_path / "two") != 32:
        pytest.skip("this file system does not use the page cache")
    return tmp_path


def test_a_tree_is_given_up_even_if_it_was_just_written(tmp_path: Path) -> None:
    place = disk(tmp_path)
    dropped = drop([str(place)], everything=False)
    if cached(place / "two") == 32:
        pytest.skip("a memory file system: its pages are all there is")
    assert dropped == Dropped(files=2, why_not_everything="not asked for")
    assert cached(place / "two") == 0
    assert cached(place / "deep" / "er" / "one") == 0
    assert dropped.words() == "the cached pages of 2 files were given up (not asked for)"


def test_a_single_file_links_and_what_is_not_there(tmp_path: Path) -> None:
    place = disk(tmp_path)
    (place / "link").symlink_to(place / "two")
    os.mkfifo(place / "pipe")
    dropped = drop(
        [str(place / "deep" / "er" / "one"), str(place / "link"), str(place / "pipe"), "/nowhere/at/all"],
        everything=False,
    )
    assert dropped.files == 1
    assert cached(place / "two") == 32


def test_too_many_files_are_a_wrong_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagecache, "MOST_FILES", 3)
    for name in "abc":
        (tmp_path / name).touch()
    assert drop([str(tmp_path)], everything=False).files == 3
    (tmp_path / "d").touch()
    with pytest.raises(ValueError, match="at most 3 files"):
        drop([str(tmp_path)], everything=False)


def test_dropping_everything_says_whether_it_happened(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    dropped = drop([str(tmp_path)])
    assert dropped.everything == (dropped.why_not_everything is None)
    assert dropped.everything == (os.access(pagecache.DROP_CACHES, os.W_OK))
    assert ("whole page cache" in dropped.words()) == dropped.everything


def test_where_everything_cannot_be_dropped_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pagecache, "DROP_CACHES", str(tmp_path / "no" / "drop_caches"))
    dropped = drop([])
    assert not dropped.everything
    assert "No such file or directory" in dropped.words()
