"""State that outlives the process: whole or fresh, never a part."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge.errors import StoreError
from edge.host import statefile
from edge.host.statefile import StateFile
from edge.log import Log


class Counts(msgspec.Struct):
    month: str = ""
    sent: int = 0


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def store(tmp_path: Path, said: io.StringIO) -> StateFile[Counts]:
    return StateFile(str(tmp_path / "traffic.json"), Counts, Log(stream=said))


def test_a_missing_file_is_a_fresh_state_and_no_news(store: StateFile[Counts], said: io.StringIO) -> None:
    assert store.load() == Counts()
    assert said.getvalue() == ""


def test_what_is_saved_is_loaded(store: StateFile[Counts]) -> None:
    store.save(Counts("2026-01", 12))
    store.save(Counts("2026-02", 34))
    assert store.load() == Counts("2026-02", 34)


def test_the_file_is_the_owners_alone_and_nothing_is_left_beside_it(store: StateFile[Counts], tmp_path: Path) -> None:
    store.save(Counts())
    assert [path.name for path in tmp_path.iterdir()] == ["traffic.json"]
    assert Path(store.path).stat().st_mode & 0o777 == 0o600


def test_a_relative_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    StateFile("a.json", Counts, Log()).save(Counts("x", 1))
    assert StateFile("a.json", Counts, Log()).load() == Counts("x", 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\0\0\0\0", b"[]", b'{"sent": "x"}', b'{"sent": 1', b"\xff", b'{"month": "\xff"}', b"[" * 100_000],
)
def test_a_damaged_file_is_set_aside_and_said(store: StateFile[Counts], said: io.StringIO, content: bytes) -> None:
    path = Path(store.path)
    path.write_bytes(content)
    assert store.load() == Counts()
    assert not path.exists()
    assert Path(f"{path}.bad").read_bytes() == content
    assert "event=state_damaged" in said.getvalue()
    assert str(path) in said.getvalue()
    store.save(Counts("x", 1))
    assert store.load() == Counts("x", 1)


def test_a_file_that_is_too_large_is_damaged(store: StateFile[Counts]) -> None:
    Path(store.path).write_bytes(b"{}" + b" " * (statefile.MAX_BYTES - 2))
    assert store.load() == Counts()
    assert Path(store.path).exists()
    Path(store.path).write_bytes(b"{}" + b" " * (statefile.MAX_BYTES - 1))
    assert store.load() == Counts()
    assert not Path(store.path).exists()


def test_a_state_that_is_too_large_is_refused_and_the_old_one_stays(store: StateFile[Counts]) -> None:
    store.save(Counts("old", 1))
    with pytest.raises(StoreError, match="at most"):
        store.save(Counts("x" * statefile.MAX_BYTES, 1))
    assert store.load() == Counts("old", 1)


def test_keys_of_a_newer_version_are_no_damage(store: StateFile[Counts]) -> None:
    Path(store.path).write_bytes(b'{"sent": 3, "later": true}')
    assert store.load() == Counts("", 3)


def test_a_rest_of_an_interrupted_save_is_overwritten(store: StateFile[Counts]) -> None:
    Path(f"{store.path}.new").write_bytes(b"half of a very long state that was never renamed")
    store.save(Counts("x", 1))
    assert store.load() == Counts("x", 1)


def test_a_disk_that_refuses_names_the_path(tmp_path: Path) -> None:
    gone = StateFile(str(tmp_path / "none" / "a.json"), Counts, Log())
    with pytest.raises(StoreError, match=r"cannot write .*none/a\.json: No such file or directory; free space"):
        gone.save(Counts())
    (tmp_path / "dir").mkdir()
    with pytest.raises(StoreError, match=r"cannot read .*dir: Is a directory"):
        StateFile(str(tmp_path / "dir"), Counts, Log()).load()


def test_a_full_disk_keeps_the_old_state(store: StateFile[Counts]) -> None:
    """RLIMIT_FSIZE fails a write as a full disk does, with EFBIG."""
    store.save(Counts("old", 1))
    code = f"""
import msgspec, resource, signal
from edge.errors import StoreError
from edge.host.statefile import StateFile
from edge.log import Log
Counts = msgspec.defstruct("Counts", [("month", str, ""), ("sent", int, 0)])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
try:
    StateFile({store.path!r}, Counts, Log()).save(Counts("x" * 1000, 2))
except StoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {store.path}: File too large; free space")
    assert store.load() == Counts("old", 1)
