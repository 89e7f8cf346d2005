"""Secrets over restarts under a real systemd: a user's manager, started for the test where nothing else sees it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from programs import peer

from edge.hits import reading
from edge.hits.calendar import Calendar

MANAGERS = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
UNIT = """
[Service]
Type=notify
NotifyAccess=main
FileDescriptorStoreMax=4
Restart=always
RestartSec=0
WatchdogSec=60
ExecStart={python} -m edge run --config {config}
"""
CONFIG = """
data_dir = "{folder}/data"
[http]
listen = ["127.0.0.1:{port}"]
[[site]]
id = 1
hosts = ["www.example.org"]
timezone = "{timezone}"
"""
# In a mount namespace of its own the manager finds the folder that says that this system runs systemd.
START = 'mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "$0" --user --log-target=console'


def zone() -> str:
    """One whose midnight is far: between 6 and 18 o'clock there. Their signs are turned around in the tz database."""
    hour = time.gmtime().tm_hour
    return f"Etc/GMT{hour - 12:+d}" if hour != 12 else "UTC"


class Manager:
    """`systemctl --user` of ours, and the one unit that it runs."""

    def __init__(self, folder: Path, port: int) -> None:
        self.runtime, self.url = folder / "run", f"http://127.0.0.1:{port}"
        self.runtime.mkdir(mode=0o700)
        units = folder / "config" / "systemd" / "user"
        units.mkdir(parents=True)
        config = folder / "edge.toml"
        config.write_text(CONFIG.format(folder=folder, port=port, timezone=zone()))
        (units / "edge.service").write_text(UNIT.format(python=sys.executable, config=config))
        self._environ = os.environ | {"XDG_RUNTIME_DIR": str(self.runtime), "XDG_CONFIG_HOME": str(folder / "config")}
        self._log, self._data = folder / "log", folder / "data"

    def start(self, program: str) -> None:
        with self._log.open("wb") as log:
            command = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", START, program]
            self._process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not (self.runtime / "systemd" / "private").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                pytest.skip(f"a manager of systemd cannot run here: {self._log.read_text()[-300:].strip() or 'silent'}")
            time.sleep(0.05)

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["systemctl", "--user", *words, "edge.service"], env=self._environ, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + self._log.read_text()
        return done.stdout.strip()

    def pid(self) -> int:
        return int(self("show", "--property=MainPID", "--value"))

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def visit(self) -> None:
        request = urllib.request.Request(
            f"{self.url}/matomo.php?idsite=1&rec=1&url=http://www.example.org/", headers={"User-Agent": AGENT}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200
            assert "X-Edge-Excluded" not in answer.headers

    def day(self) -> tuple[int, int | None, bool]:
        """Page views, visitors, and whether the day may over-count."""
        day = Calendar(zone()).day(time.time())
        with closing(sqlite3.connect(f"file:{self._data}/hits.db?mode=ro", uri=True)) as db:
            found = reading.totals(db, 1, day, day)
        return (found[0].pageviews, found[0].uniques, found[0].restarted) if found else (0, None, False)

    def until_day(self, *wanted: object) -> None:
        """A hit is there when it is answered; that the secret was lost is written soon after the start."""
        deadline = time.monotonic() + 10
        while self.day() != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.day() == wanted


@pytest.fixture
def manager(tmp_path: Path, free_port: int) -> Iterator[Manager]:
    peer("systemctl")
    peer("unshare")
    programs = [path for path in MANAGERS if os.access(path, os.X_OK)]
    if os.geteuid() or not programs:
        pytest.skip("needs root, for a mount namespace, and systemd")
    made = Manager(tmp_path, free_port)
    made.start(programs[0])
    yield made
    made.close()


@pytest.mark.peer
def test_a_visitor_is_known_over_a_restart_and_a_kill_but_not_after_a_stop(manager: Manager) -> None:
    manager("start")
    assert "sites: 1" in manager("show", "--property=StatusText")
    manager.visit()
    manager.until_day(1, 1, False)

    manager("restart")
    manager.visit()
    manager.until_day(2, 1, False)

    killed = manager.pid()
    os.kill(killed, 9)
    deadline = time.monotonic() + 60
    while manager.pid() in (0, killed) or manager("show", "--property=ActiveState", "--value") != "active":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    manager.visit()
    manager.until_day(3, 1, False)
    assert manager("show", "--property=NFileDescriptorStore", "--value") == "1"  # older copies are removed

    manager("stop")  # nothing waits for this service any more: systemd closes what it kept
    manager("start")
    manager.visit()
    manager.until_day(4, 2, True)
