"""A roll-back brings back the configuration and the units that the release before was in service with."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from ansiblehosts import ROLE, SMALL, playbook

HERE = Path(__file__).parent
OLD, NEW = "1.0.0-0a1b2c3d", "1.1.0-4e5f6071"
SECRET = 'password_file = "$CREDENTIALS_DIRECTORY/news"\nuser_file = "/run/credentials/edge.service/user"\n'
CHANNEL = f'[[channel]]\nname = "news"\nsource = "http://source.example/1.ts"\n{SECRET}'
SERVICE = {"edge.toml": f'data_dir = "/srv"\n{CHANNEL}', "edge.service": "[Service]\n", "edge.socket": "[Socket]\n"}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who owns the files")


class Host:
    """Folders of a host, and the role's files of tasks run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.etc, self.units = (folder / name for name in ("opt", "etc", "units"))
        for each in (self.etc, self.units):
            each.mkdir()

    def release(self, name: str, program: str) -> None:
        """`program` is what stands for its `edge`."""
        edge = self.root / "releases" / name / "bin" / "edge"
        edge.parent.mkdir(parents=True)
        edge.write_text(f"#!/bin/sh\n{program}\n")
        edge.chmod(0o755)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.etc if name == "edge.toml" else self.units).joinpath(name).write_text(text)

    def written(self) -> dict[str, str]:
        return {
            path.name: path.read_text()
            for folder in (self.etc, self.units)
            for path in folder.iterdir()
            if path.is_file()
        }

    def run(self, tasks: str, *, fails: bool = False, **more: object) -> str:
        own = [
            {"src": f"{name}.j2", "dest": str(self.units / name), "wanted": name in SERVICE}
            for name in ("edge.service", "edge.socket", "container.conf")
        ]
        facts = {**SMALL, "current": NEW, "previous": OLD, "releases": [OLD, NEW]}
        given = {
            "role": str(ROLE), "tasks": tasks, "edge_root": str(self.root), "edge_etc": str(self.etc),
            "edge_own_files": own, "edge_host": facts, "edge_changed": True,
            "ansible_python_interpreter": sys.executable, **more,
        }  # fmt: skip
        words = ("-i", "host,", "-e", json.dumps(given), HERE / "return.yml")
        return playbook(*words, folder=self.folder, fails=fails)

    def link(self, name: str) -> str:
        place = self.root / name
        return str(place.readlink()) if place.is_symlink() else ""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """In service with the release NEW, whose configuration the older one, the real edge, refuses. What a test does to
    it it undoes: each run of Ansible takes seconds."""
    made = Host(tmp_path_factory.mktemp("host"))
    made.release(OLD, f'exec {sys.executable} -m edge "$@"')
    made.release(NEW, "exit 0")
    made.write(SERVICE)
    for name in ("news", "user"):  # as tasks/configure.yml writes them; the service is shown them elsewhere
        (made.etc / "credentials").mkdir(exist_ok=True)
        (made.etc / "credentials" / name).write_text("secret\n")
    made.run("keep", edge_release={"release": OLD})
    made.write({name: f"later = 1\n{text}" for name, text in SERVICE.items()})
    made.run("keep", edge_release={"release": NEW})
    return made


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"edge_host": {**SMALL, "current": NEW}}, f"Expected a release before {NEW} in "),
        ({"edge_socket_activation": False}, f"Expected edge_socket_activation as it was with {OLD}"),
        ({"kept": "later = 1\n"}, 'expected a known key, got \\"later\\"'),
        ({"kept": None}, "with what it was in service with in its folder service/, got none"),
    ],
)
def test_where_it_cannot_nothing_is_touched(host: Host, spoil: dict, said: str) -> None:
    kept, before, link = host.root / "releases" / OLD / "service" / "edge.toml", host.written(), host.link("current")
    if "kept" in spoil:
        kept.write_text(spoil["kept"]) if spoil["kept"] else kept.unlink()
    assert said in host.run("return", fails=True, **{name: each for name, each in spoil.items() if name != "kept"})
    assert (host.written(), host.link("current")) == (before, link)
    kept.write_text(SERVICE["edge.toml"])


def test_configuration_and_units_come_back_with_the_release_and_go_forth_again(host: Host) -> None:
    later = host.written()
    said = host.run("return")
    assert "failed=0" in said
    assert host.written() == SERVICE
    assert (host.etc / "edge.toml").stat().st_mode & 0o777 == 0o600
    assert (host.units / "edge.service").stat().st_mode & 0o777 == 0o644
    assert (host.link("current"), host.link("previous")) == (f"releases/{OLD}", f"releases/{NEW}")

    host.run("return", edge_host={**SMALL, "current": OLD, "previous": NEW, "releases": [OLD, NEW]})
    assert host.written() == later
    assert (host.link("current"), host.link("previous")) == (f"releases/{NEW}", f"releases/{OLD}")


def test_what_is_kept_is_what_is_in_service_and_nobody_else_may_read_it(host: Host) -> None:
    kept = host.root / "releases" / NEW / "service"
    (kept / "container.conf").write_text("of an earlier run\n")
    host.run("keep", edge_release={"release": NEW})
    assert {path.name for path in kept.iterdir()} == set(SERVICE)
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}
