"""The role's units under a real systemd: restarts that refuse nobody, a worker that hangs, what the sandbox leaves."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

import pytest
import units
from usermanager import PATIENCE, UserManager, managing

# A user's manager has no users to give, and no control groups here; the test's folder and the virtual environment are
# where a sandbox has nothing to show. The rest is the unit's own, its filter of system calls too.
USERS = """
[Service]
DynamicUser=no
User=
PrivateUsers=no
MemoryHigh=infinity
MemoryMax=infinity
MemorySwapMax=infinity
ReadWritePaths={folder}
ProtectHome=no
PrivateTmp=no
StandardError=append:{folder}/said
{more}
"""
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"  # robots are not counted
CONFIG = """
data_dir = "{folder}/data"
[http]
listen = ["127.0.0.1:{port}"]
[[channel]]
name = "demo"
source = "demo:"
[[channel]]
name = "away"
source = "http://127.0.0.1:9/"
on_demand = true
user_file = "$CREDENTIALS_DIRECTORY/user"
password_file = "$CREDENTIALS_DIRECTORY/password"
[[site]]
id = 1
hosts = ["www.example.org"]
"""
PROGRAM = '#!/bin/sh\nexec "{python}" -m edge "$@"\n'


@contextmanager
def installed(folder: Path, port: int, more: str = "") -> Iterator[UserManager]:
    program, etc = folder / "opt" / "current" / "bin" / "edge", folder / "etc"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    etc.mkdir()
    (etc / "credentials").mkdir()
    (etc / "edge.toml").write_text(CONFIG.format(folder=folder, port=port))
    for name in ("user", "password"):
        (etc / "credentials" / name).write_text("secret\n")
    words = {"edge_root": folder / "opt", "edge_etc": etc, "edge_listen": [f"127.0.0.1:{port}"]}
    words["edge_credentials"] = {"user": "", "password": ""}
    files = {name: units.render(name, **words) for name in ("edge.service", "edge.socket")}
    files["edge.service.d/test.conf"] = USERS.format(folder=folder, more=more)
    with managing(folder, files) as manager:
        manager.systemctl("start", "edge.socket")
        yield manager


class Clients:
    """Each connects, asks and is answered, again and again; what went wrong is kept."""

    def __init__(self, port: int, number: int = 4) -> None:
        self._port, self._over = port, threading.Event()
        self.answered, self.failed = 0, []
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request("GET", "/healthz", headers={"Connection": "close"})
                assert connection.getresponse().status == 200
                self.answered += 1
            except (OSError, HTTPException, AssertionError) as error:
                self.failed.append(repr(error))
            finally:
                connection.close()

    def until_more(self) -> None:
        before, deadline = self.answered, time.monotonic() + PATIENCE
        while self.answered < before + 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.answered >= before + 20


def ask(port: int, path: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"User-Agent": AGENT})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read().decode(errors="replace")


@pytest.mark.peer
def test_a_restart_under_load_refuses_no_connection(tmp_path: Path, free_port: int) -> None:
    with installed(tmp_path, free_port) as manager:
        assert ask(free_port, "/readyz").startswith("ready")  # the first connection starts the service
        with Clients(free_port) as clients:
            for _ in range(2):
                before = manager.pid()
                clients.until_more()
                manager("restart")
                clients.until_more()
                assert manager.pid() != before
        assert clients.failed == []


@pytest.mark.peer
def test_a_worker_that_hangs_is_started_anew_by_the_watchdog(tmp_path: Path, free_port: int) -> None:
    with installed(tmp_path, free_port, "WatchdogSec=5\nTimeoutAbortSec=1") as manager:
        manager("start")
        stopped = manager.pid()
        for _ in range(2):
            manager.until_fed()
        assert manager.pid() == stopped
        os.kill(stopped, signal.SIGSTOP)
        assert ask(free_port, "/readyz").startswith("ready")  # asked of one that hangs, answered by the next
        manager.until_another(stopped)
        assert manager.show("NRestarts") == "1"


@pytest.mark.peer
def test_the_sandbox_leaves_what_the_worker_needs(tmp_path: Path, free_port: int) -> None:
    with installed(tmp_path, free_port) as manager:
        manager("start")
        deadline = time.monotonic() + PATIENCE
        while '"status":"live"' not in ask(free_port, "/live/demo/state").replace(" ", ""):
            assert time.monotonic() < deadline, manager.log
            time.sleep(0.1)
        threads = [int(each.name) for each in Path(f"/proc/{manager.pid()}/task").iterdir()]
        assert os.SCHED_BATCH in map(os.sched_getscheduler, threads)
        assert "edge_steal_seconds_total " in ask(free_port, "/metrics")
        ask(free_port, "/matomo.php?idsite=1&rec=1&url=http://www.example.org/")
        manager.until("NFileDescriptorStore", "1")  # a sealed memfd
        assert "password_file" not in (tmp_path / "said").read_text()
