"""The data directory is made and proven at start, and only looked at by `edge check`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.host import datadir


def test_it_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data"
    datadir.prepare(str(path))
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(path.iterdir()) == []
    datadir.prepare(str(path))


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match=r"data_dir: expected a directory .* got .*/data \(File exists\); make it"):
        datadir.prepare(str(tmp_path / "data"))


NOBODY = """
import os, sys
os.setgid(65534); os.setuid(65534)
from edge.errors import ConfigError
from edge.host import datadir
print(datadir.trouble(sys.argv[1]))
try:
    datadir.prepare(sys.argv[1])
except ConfigError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_directory_of_another_user(tmp_path: Path) -> None:
    code = NOBODY.replace("os.setgid", "import edge.errors, edge.host.datadir; os.setgid")  # its files may be root's
    path = Path("/tmp") / f"edge-test-{os.getpid()}"
    path.mkdir(mode=0o755)
    try:
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    finally:
        path.rmdir()
    assert done.stdout.splitlines()[0] == f"user 65534 may not write in {path}"
    assert "(Permission denied); make it, give it to user 65534, or name another" in done.stdout


def test_trouble_foresees_without_making_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert datadir.trouble(str(tmp_path)) is None
    assert datadir.trouble(str(tmp_path / "a" / "b")) is None
    assert datadir.trouble(str(tmp_path / "file" / "b")) == f"{tmp_path}/file is not a directory"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
