"""The lock files of releases: every host that the role accepts has one, with hashes, and none names an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from edge.bundle import lock
from edge.bundle.target import ARCHITECTURES, Target

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "ansible" / "roles" / "edge" / "files"
KNOWN = yaml.safe_load((ROOT / "ansible" / "roles" / "edge" / "vars" / "main.yml").read_text())
TARGETS = [Target(minor, arch) for minor in KNOWN["edge_pythons"] for arch in KNOWN["edge_architectures"]]


def test_the_role_accepts_what_a_release_can_be_made_for() -> None:
    assert KNOWN["edge_architectures"] == list(ARCHITECTURES)
    assert sorted(path.name for path in FILES.glob("*.lock")) == sorted(target.lock_name for target in TARGETS)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.tag)
def test_a_lock_file_holds_the_dependencies_and_no_address(target: Target) -> None:
    text = (FILES / target.lock_name).read_text()
    pins = lock.pins(text, target.lock_name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {pin.name for pin in pins} >= {re.split(r"[^a-z-]", each)[0] for each in project["dependencies"]}
    assert lock.text(target, pins) == text  # as --refresh writes it
    assert "://" not in text
    assert "index" not in text


def test_releases_for_one_python_hold_the_same_versions() -> None:
    versions = {t: {p.name: p.version for p in lock.pins((FILES / t.lock_name).read_text(), "")} for t in TARGETS}
    assert len({tuple(sorted(each.items())) for each in versions.values()}) == 1
