"""The role on a machine of `vmachine`, as an operator runs it: releases, an inventory, `ansible-playbook`."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from programs import peer
from vmachine import SOURCE, Machine

from edge.bundle.archive import hash_of

ROOT = Path(__file__).resolve().parents[2]
GUEST = "3.11"  # Debian 12's Python
VARIABLES = {
    "edge_channels": [
        {
            "name": "news",
            "source": f"http://{SOURCE}/1034.ts",
            "on_demand": True,  # beside a channel at work a task of the role takes minutes on the emulated processor
            "video": {"width": 320, "height": 180, "fps": 5, "bitrate": "100k"},
            "audio": {"bitrate": "64k", "channels": 1},
        }
    ],
    "edge_sites": [{"id": 1, "hosts": ["www.example.org"], "public": True}],
    "edge_health_seconds": 240,  # the emulated processor is 20 to 50 times slower
}


class Play(NamedTuple):
    """What `ansible-playbook` did; `changed` counts tasks."""

    code: int
    changed: int
    seconds: float
    text: str


def release(folder: Path) -> Path:
    """Of this tree, for the guest; the role finds what it is in FILE.json."""
    file = folder / "edge.tar.gz"
    line = [sys.executable, "-m", "edge", "bundle", "--python", GUEST, "--arch", "x86_64", "--output", file]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return file


def variant(of: Path, version: str, **files: bytes) -> Path:
    """Another release: its version, and modules of edge (`cli__run` is edge/cli/run.py) with other contents."""
    said = json.loads(of.with_name(of.name + ".json").read_text())
    name = f"{version}-{said['sha256'][:8]}"
    replaced = {f"site/edge/{word.replace('__', '/')}.py": text for word, text in files.items()}
    replaced["site/edge/__init__.py"] = f'"""edge."""\n\n__version__ = "{version}"\n'.encode()
    replaced["site/edge/release.py"] = f'"""By a test."""\n\nRELEASE = "{name}"\n'.encode()
    file = of.with_name(f"{name}.tar.gz")
    _repack(of, file, replaced)
    said |= {"release": name, "version": version, "sha256": hash_of(file), "inputs": ""}
    file.with_name(file.name + ".json").write_text(json.dumps(said))
    return file


def _repack(of: Path, file: Path, replaced: dict[str, bytes]) -> None:
    with tarfile.open(of) as source, tarfile.open(file, "w:gz", compresslevel=1) as target:
        for member in source:
            if _compiled_from(member.name) in replaced:
                continue  # else Python would take it unseen
            data = replaced.get(member.name) or (source.extractfile(member).read() if member.isfile() else b"")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))


def _compiled_from(name: str) -> str:
    """`site/edge/__pycache__/app.cpython-311.pyc` is `site/edge/app.py`'s."""
    return re.sub(r"__pycache__/([^/.]+)\.[^/]*\.pyc$", r"\1.py", name) if name.endswith(".pyc") else ""


class Operator:
    """Runs playbooks on one machine; every run's output is kept in the machine's folder."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._runs = 0
        beside = str(Path(sys.executable).parent)  # where an environment of Python has it
        self._program = shutil.which("ansible-playbook", path=beside) or peer("ansible-playbook")

    def reaching(self, task: str) -> Callable[[], bool]:
        """Whether the next run has come to that task."""
        log = self._log(self._runs + 1)
        return lambda: log.is_file() and f" {task}]" in log.read_text()

    def _log(self, run: int) -> Path:
        return self._machine.work / f"play{run}.log"

    def play(
        self, file: Path | str, *options: str, book: str = "site.yml", timeout: float = 1500.0, **more: Any
    ) -> Play:
        """A playbook of ansible/ with the release in `file`."""
        self._runs += 1
        inventory = self._machine.work / "inventory.json"
        inventory.write_text(json.dumps(self._inventory({**VARIABLES, **more, "edge_bundle_file": str(file)})))
        line = [self._program, "-i", inventory, *options, ROOT / "ansible" / book]
        began, log = time.monotonic(), self._log(self._runs)
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "env": self._environment()}
        with log.open("w") as out:
            done = subprocess.run(line, stdout=out, timeout=timeout, check=False, **quiet)
        text = log.read_text()
        counted = re.search(r"^vm .*changed=(\d+)", text, re.MULTILINE)
        return Play(done.returncode, int(counted[1]) if counted else -1, time.monotonic() - began, text)

    def _inventory(self, variables: dict[str, Any]) -> dict[str, Any]:
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self._machine.ssh_port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_pipelining": True,
            "ansible_ssh_common_args": " ".join(self._machine.ssh_options()),
        }
        return {"edge": {"hosts": {"vm": host}, "vars": variables}}

    def _environment(self) -> dict[str, str]:
        sockets = self._machine.work / "cp"  # of ssh's ControlMaster: their names must stay short
        return os.environ | {
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_TIMEOUT": "60",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
            "ANSIBLE_LOCAL_TEMP": str(self._machine.work / "ansible"),
        }
