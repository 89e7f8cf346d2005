"""The role's own variables and templates, rendered by a real Ansible for made-up hosts, all of them in one run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROLE = HERE.parents[2] / "ansible" / "roles" / "edge"


def playbook(*words: str | Path, folder: Path) -> str:
    """Ansible of this environment, without the user's settings."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / ".ansible"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "1",
    }  # fmt: skip
    command = [Path(sys.executable).parent / "ansible-playbook", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inventory(hosts: dict[str, dict]) -> dict:
    """Options have the role's defaults, as they have when it is called."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    local = {"ansible_python_interpreter": sys.executable, "role": str(ROLE), "role_path": str(ROLE)}
    return {"all": {"hosts": hosts, "vars": {**defaults, **local}}}


@pytest.fixture(scope="session")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, dict]], dict[str, dict]]:
    """What the role decides, by host."""

    def decide(hosts: dict[str, dict]) -> dict[str, dict]:
        folder = tmp_path_factory.mktemp("decisions")
        (folder / "inventory.json").write_text(json.dumps(inventory(hosts)))
        said = playbook("-i", "inventory.json", HERE / "play.yml", folder=folder)
        found = re.findall(r'^ok: \[(\w+)\] => \{\n    "msg": (".*")\n\}$', said, re.MULTILINE)
        return {host: json.loads(json.loads(message).removeprefix("decided=")) for host, message in found}

    return decide
