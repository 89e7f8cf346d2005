"""A real systemd: a user's manager, started for the test where nothing else sees it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import peer

MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
# In a mount namespace of its own the manager finds the folder that says that this system runs systemd, and the nodes
# that a system's manager makes there to lay over what a sandbox hides. Mounts of credentials must be seen by others.
START = """
mount -t tmpfs none /run && mount --make-rshared / &&
mkdir -p /run/systemd/system /run/systemd/inaccessible && cd /run/systemd/inaccessible &&
mkdir dir && touch reg && mkfifo fifo sock && chmod 0 dir reg fifo sock &&
{ mknod --mode=0 chr c 0 0 && mknod --mode=0 blk b 0 0 || :; } && cd / && exec "$0" --user --log-target=console
"""
PATIENCE = 120.0


class UserManager:
    """`systemctl --user` of ours; called, it speaks of edge.service."""

    def __init__(self, folder: Path, program: str) -> None:
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.environ = os.environ | {"XDG_RUNTIME_DIR": str(self.runtime), "XDG_CONFIG_HOME": str(folder / "config")}
        self._log = folder / "log"
        with self._log.open("wb") as log:
            command = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", START, program]
            self._process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not (self.runtime / "systemd" / "private").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                pytest.skip(f"a manager of systemd cannot run here: {self.log[-300:].strip() or 'silent'}")
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def systemctl(self, *words: str) -> str:
        command = ["systemctl", "--user", *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr + self.log
        return done.stdout.strip()

    def __call__(self, *words: str) -> str:
        return self.systemctl(*words, "edge.service")

    def show(self, name: str) -> str:
        return self("show", f"--property={name}", "--value")

    def pid(self) -> int:
        return int(self.show("MainPID"))

    def until_another(self, pid: int) -> None:
        """Until another process than `pid` serves."""
        deadline = time.monotonic() + PATIENCE
        while self.pid() in (0, pid) or self.show("ActiveState") != "active":
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def until(self, name: str, value: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.show(name) != value:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def until_fed(self) -> None:
        """Until the watchdog is fed once more."""
        before, deadline = self.show("WatchdogTimestampMonotonic"), time.monotonic() + PATIENCE
        while self.show("WatchdogTimestampMonotonic") == before:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def managing(folder: Path, units: Mapping[str, str]) -> Iterator[UserManager]:
    """With the units' texts by file name."""
    peer("systemctl")
    peer("unshare")
    programs = [path for path in MANAGERS if os.access(path, os.X_OK)]
    if os.geteuid() or not programs:
        pytest.skip("needs root, for a mount namespace, and systemd")
    for name, text in units.items():
        path = folder / "config" / "systemd" / "user" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    manager = UserManager(folder, programs[0])
    try:
        yield manager
    finally:
        manager.close()
