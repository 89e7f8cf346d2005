"""The role's units, judged by systemd itself; both variants: a host of its own, and a container."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import units
from programs import peer

from edge.hits.service import KEPT_AS
from edge.host.allocator import allocator
from edge.http.inherited import NAME
from edge.http.sockets import BACKLOG

THRESHOLD = 15  # tenths
BOTH = pytest.mark.parametrize("container", [False, True], ids=["host", "container"])


def analyze(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = os.environ | ({"SYSTEMD_UNIT_PATH": f"{path}:"} if path else {})
    return subprocess.run(
        [peer("systemd-analyze"), *words], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.peer
@BOTH
def test_the_sandbox_is_tight(tmp_path: Path, container: bool) -> None:
    service = units.write(tmp_path, container=container)
    done = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", "--no-pager", str(service))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗ PrivateUsers=" in done.stdout if container else "✓ PrivateUsers=" in done.stdout
    assert "✗ ProcSubset=" in done.stdout  # steal time, pressure and MemAvailable stand there


@pytest.mark.peer
@BOTH
def test_systemd_understands_every_word(tmp_path: Path, container: bool) -> None:
    program = tmp_path / "opt" / "current" / "bin" / "edge"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    made = {"edge_root": tmp_path / "opt", "edge_credentials": {"user": "x"}, "edge_metrics_listen": ["[::1]:9100"]}
    service = units.write(folder, container=container, **made)
    done = analyze("verify", "--man=no", str(service), str(folder / "edge.socket"), path=folder)
    said = "\n".join(line for line in done.stderr.splitlines() if str(folder) in line or "edge" in line)
    assert (done.returncode, said) == (0, "")


@pytest.mark.peer
def test_the_test_above_can_fail(tmp_path: Path) -> None:
    units.write(tmp_path, container=False)
    done = analyze("verify", "--man=no", str(tmp_path / "edge.service"), path=tmp_path)
    assert "current/bin/edge" in done.stderr  # which is not there
    service = tmp_path / "edge.service"
    service.write_text(service.read_text().replace("CapabilityBoundingSet=\n", ""))
    assert analyze("security", "--offline=true", f"--threshold={THRESHOLD}", "--no-pager", str(service)).returncode


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_the_unit_and_the_worker_agree() -> None:
    service = settings(units.render("edge.service", edge_credentials={"a": 1, "b": 2}))
    environ = dict(word.split("=", 1) for line in service["Environment"] for word in line.split())
    assert allocator(environ) is None  # it need not start itself anew
    assert KEPT_AS
    assert int(service["FileDescriptorStoreMax"][0]) >= 1
    assert service["LimitCORE"] == ["0"]
    assert "ProcSubset" not in service
    assert service["SystemCallFilter"][-1] == "setpriority sched_setscheduler"
    assert service["LoadCredential"][1:] == ["a:/etc/edge/credentials/a", "b:/etc/edge/credentials/b"]
    socket = settings(units.render("edge.socket", edge_listen=["localhost:80", "[::]:80"]))
    assert socket["ListenStream"] == ["127.0.0.1:80", "[::]:80"]
    assert (socket["FileDescriptorName"], socket["Backlog"]) == ([NAME], [str(BACKLOG)])


def test_without_socket_activation_the_service_names_no_socket() -> None:
    assert "Sockets" not in settings(units.render("edge.service", edge_socket_activation=False))
    assert settings(units.render("edge.service"))["Sockets"] == ["edge.socket"]
