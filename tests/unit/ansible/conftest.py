"""The role's own variables and templates, rendered by a real Ansible for made-up hosts, all of them in one run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansiblehosts import ROLE, playbook

HERE = Path(__file__).parent


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
