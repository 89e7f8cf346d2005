"""Peers: programs that are not Python packages, which some tests need."""

from __future__ import annotations

import os
import shutil

import pytest

_BESIDE_PATH = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # where Debian puts servers and users' PATH does not look


def peer(*names: str) -> str:
    """The path of the first program found; else the test is skipped, or fails under EDGE_REQUIRE_PEERS=1."""
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), *_BESIDE_PATH))
    for name in names:
        found = shutil.which(name, path=search)
        if found:
            return found
    reason = f"needs {' or '.join(names)}, which is not installed"
    if os.environ.get("EDGE_REQUIRE_PEERS") == "1":
        pytest.fail(f"{reason} (EDGE_REQUIRE_PEERS=1)")
    pytest.skip(reason)
