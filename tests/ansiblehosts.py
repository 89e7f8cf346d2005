"""Hosts as the role edge sees them, for tests of what it decides."""

from __future__ import annotations

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
