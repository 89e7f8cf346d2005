"""A release out of wheels made here: it runs wherever it lies, and the same sources give the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest

from edge import __version__
from edge.bundle import archive, tree
from edge.bundle.lock import Pin
from edge.bundle.target import Target
from edge.bundle.tools import ToolError, python_of
from edge.cli.bundle import run
from edge.cli.main import VERBS
from edge.errors import ConfigError

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = Target(MINOR, "x86_64")


def wheel(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "thing-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for name, text in members.items():
            made.writestr(name, text)
    return path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the package edge, which takes seconds to compile: a main that says what it sees."""
    package = tmp_path / "source" / "edge"
    (package / "cli").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cli" / "__init__.py").write_text("")
    (package / "release.py").write_text('RELEASE = "1-source"\n')
    shown = "RELEASE, thing.__file__, thing.__cached__, sys.flags.isolated, *sys.argv[1:]"
    said = f"import sys, thing\nfrom edge.release import RELEASE\ndef main():\n    print({shown})\n"
    (package / "cli" / "main.py").write_text(said)
    monkeypatch.setattr(tree, "PACKAGE", package)
    return wheel(tmp_path, {"thing.py": "NAMES = {'a', 'b', 'c'}\n", "thing.pyx": "", "thing-1.data/scripts/x": ""})


def made(folder: Path, small: Path) -> Path:
    folder.mkdir(parents=True)
    tree.build(folder, [small], HERE, "1-abcdef12")
    archive.describe(folder, "1-abcdef12", HERE, [Pin("thing", "1", "0" * 64)])
    return folder


def test_a_release_runs_where_it_was_moved_to_and_through_links_and_knows_its_name(tmp_path: Path, small: Path) -> None:
    made(tmp_path / "a", small).rename(tmp_path / "b")
    (tmp_path / "current").symlink_to("b")
    (tmp_path / "edge").symlink_to("current/bin/edge")
    shims = tmp_path / "bin"
    shims.mkdir()
    (shims / f"python{MINOR}").symlink_to(sys.executable)
    environment = {"PATH": f"{shims}:{os.defpath}", "PYTHONPATH": "/nonexistent"}
    done = subprocess.run(
        [tmp_path / "edge", "run", "--config", "a b"], env=environment, capture_output=True, text=True, check=True
    )
    site = tmp_path / "b" / "site"
    compiled = site / "__pycache__" / f"thing.cpython-{MINOR.replace('.', '')}.pyc"
    assert done.stdout.split(" ", 4) == ["1-abcdef12", f"{site}/thing.py", str(compiled), "1", "run --config a b\n"]


def test_bytecode_is_taken_as_it_is(tmp_path: Path, small: Path) -> None:
    """PEP 552: flags 1, hash-based, and not checked; the time of unpacking does not matter."""
    for file in made(tmp_path / "a", small).rglob("*.pyc"):
        assert file.read_bytes()[4:8] == b"\x01\0\0\0"


def test_what_only_building_needs_is_left_out(tmp_path: Path, small: Path) -> None:
    site = made(tmp_path / "a", small) / "site"
    assert sorted(p.name for p in site.iterdir()) == ["__pycache__", "edge", "thing.py"]


def test_the_same_sources_give_the_same_archive(tmp_path: Path, small: Path) -> None:
    sums = []
    for name in ("a", "b"):
        folder = made(tmp_path / name / "release", small)
        os.utime(folder / "site" / "thing.py", (1, 1 + len(sums)))
        sums.append(archive.pack(folder, tmp_path / f"{name}.tar.gz"))
    assert sums[0] == sums[1] == hashlib.sha256((tmp_path / "a.tar.gz").read_bytes()).hexdigest()


def test_the_last_file_says_that_all_is_there(tmp_path: Path, small: Path) -> None:
    archive.pack(made(tmp_path / "a", small), tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as packed:
        members = packed.getmembers()
    assert members[-1].name == "RELEASE"
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, "root", "root")}
    assert {m.name: m.mode for m in members if m.mode == 0o755 and m.isfile()} == {"bin/edge": 0o755}


def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(ToolError, match="expected paths inside the wheel"):
        tree.unpack(wheel(tmp_path, {"../outside.py": ""}), tmp_path / "site")


def test_what_is_beside_an_archive_counts_only_if_it_is_that_archive(tmp_path: Path) -> None:
    output = tmp_path / "edge.tar.gz"
    output.write_bytes(b"release")
    described = archive.manifest(HERE, hashlib.sha256(b"release").hexdigest(), "0123456789abcdef")
    archive.save(described, output)
    assert archive.saved(output) == described
    assert described.release == f"{__version__}-01234567"
    subprocess.run(["sha256sum", "--check", "--status", f"{output}.sha256"], cwd=tmp_path, check=True)
    output.write_bytes(b"another")
    assert archive.saved(output) is None
    (tmp_path / "edge.tar.gz.json").write_text("{}")
    assert archive.saved(output) is None


def test_a_python_that_is_not_there_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ConfigError, match=r"expected python3\.99 on this machine"):
        python_of(Target("3.99", "x86_64"))


def arguments(**given: object) -> object:
    return Namespace(**{"python": MINOR, "arch": "x86_64", "output": None, "lock": None, "refresh": False, **given})


def test_mistakes_are_said_and_end_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(arguments(lock=tmp_path / "none.lock")) == 2
    assert f"edge: expected the lock file {tmp_path}/none.lock, got none" in capsys.readouterr().err
    assert run(arguments(arch="mips")) == 2
    assert "edge: --arch: expected x86_64 or aarch64" in capsys.readouterr().err


def test_a_checkout_bundles_itself_before_anything_is_installed() -> None:
    """No site-packages: the controller's Python may have none of the worker's packages."""
    command = [sys.executable, "-S", "-E", "-m", "edge", "bundle", "--python", "3.99", "--lock", "/dev/null"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("edge: expected the lock file /dev/null")


def test_the_verb_is_in_the_help() -> None:
    assert "bundle" in VERBS


def test_inputs_change_with_what_a_release_is_made_of() -> None:
    pins = [Pin("av", "1", "0" * 64)]
    first = archive.inputs(HERE, pins, "3.11.2")
    assert first == archive.inputs(HERE, list(pins), "3.11.2")
    assert first != archive.inputs(HERE, [], "3.11.2")
    assert first != archive.inputs(HERE, pins, "3.11.3")
