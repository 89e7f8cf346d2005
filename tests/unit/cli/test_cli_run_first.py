"""`edge run` as the first process of a container, which the kernel spares every signal that it has not asked for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import peer


def first(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """In a folder of its own, which is all that it may write."""
    words = ["--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-m", "edge", "run"]
    config = folder / "edge.toml"
    config.write_text('data_dir = "./data"\n[http]\nlisten = ["127.0.0.1:0"]\n')
    with log.open("wb") as out:
        return subprocess.Popen([peer("unshare"), *words, "--config", "edge.toml"], cwd=folder, stderr=out)


def inside(outside: int) -> int | None:
    """The process that is the first one inside, by its number outside."""
    found = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()
    return int(found[0]) if found else None


def until(good, process: subprocess.Popen[bytes]):
    deadline = time.monotonic() + 120
    while not (found := good()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return found


def catches_sigterm(pid: int) -> bool:
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture(autouse=True)
def root() -> None:
    words = [peer("unshare"), "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs root, for a PID namespace")


@pytest.mark.parametrize("ready", [True, False], ids=["serving", "starting"])
def test_sigterm_ends_it(tmp_path: Path, ready: bool) -> None:
    log = tmp_path / "log"
    process = first(tmp_path, log)
    try:
        pid = until(lambda: inside(process.pid), process)
        until(lambda: "event=ready" in log.read_text() if ready else catches_sigterm(pid), process)
        os.kill(pid, signal.SIGTERM)
        assert process.wait(60) == 0
        assert ("event=stopped" in log.read_text()) or not ready
    finally:
        process.kill()
        process.wait()
