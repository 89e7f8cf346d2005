"""Hosts as the role edge sees them, and the Ansible that decides, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROLE = Path(__file__).resolve().parents[1] / "ansible" / "roles" / "edge"

# A 128 MB Debian 12 as ansible/roles/edge/files/host.sh describes it, in KiB (seen in a virtual machine).
SMALL = {
    "arch": "x86_64", "bits": 64, "libc": "glibc 2.36", "systemd": 252, "container": "none", "python": "3.11",
    "python_whole": True, "memory_total": 93780, "memory_available": 46080, "memory_unit": 0, "memory_max": "",
    "cores": 1, "run_size": 9380, "run_free": 8004, "disk_free": 1512540, "swap_disk": False, "swap_zram": False,
    "zram": True, "current": "", "previous": "", "releases": [], "files": [], "running": [],
}  # fmt: skip


def of(options: dict | None = None, **facts: object) -> dict:
    """A host's variables: the small one, but for these."""
    assert facts.keys() <= SMALL.keys()
    return {"edge_host": {**SMALL, **facts}, **(options or {})}


def playbook(*words: str | Path, folder: Path, fails: bool = False) -> str:
    """Ansible of this environment, without the user's settings; `fails`: as it should."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / ".ansible"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORKS": "1",
    }  # fmt: skip
    command = [Path(sys.executable).parent / "ansible-playbook", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout
