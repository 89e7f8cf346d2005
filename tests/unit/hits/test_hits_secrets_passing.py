"""Secrets over a restart, as systemd passes them: a real notify socket, real descriptors, a process that is killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

FIRST = """
import os, sys
from edge.hits.calendar import Calendar
from edge.hits.secrets import Secrets
from edge.host.notify import Notify
now = 1790071200.0
secrets = Secrets({1: Calendar("Europe/Paris")}, now)
notify = Notify(os.environ["NOTIFY_SOCKET"])
notify.remove("secrets")
descriptor = secrets.seal()
assert notify.store("secrets", descriptor)
os.close(descriptor)
print(secrets.key(1, b"ab", "agent", "fr", now)[0].hex(), flush=True)
sys.stdin.read()
"""
SECOND = """
import os
os.environ["LISTEN_PID"] = str(os.getpid())  # systemd knows it beforehand
from edge.hits.calendar import Calendar
from edge.hits.secrets import Secrets
from edge.host.notify import Notify, listened
now = 1790071230.0
secrets = Secrets({1: Calendar("Europe/Paris")}, now)
for descriptor in listened(os.environ).get("secrets", ()):
    secrets.unseal(descriptor, now)
    os.close(descriptor)
print(secrets.key(1, b"ab", "agent", "fr", now)[0].hex(), secrets.restarted(1))
"""
STARTER = 'import os, sys; os.dup2(int(sys.argv[1]), 3); os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])'


def receive(manager: socket.socket) -> tuple[bytes, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(manager, 4096, 4)
    return data, descriptors


def test_a_process_that_was_killed_leaves_its_secret_to_the_next(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(30)
        manager.bind(address)
        environ = {**os.environ, "NOTIFY_SOCKET": address}
        with subprocess.Popen(
            [sys.executable, "-c", FIRST], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as first:
            key = first.stdout.readline().strip()
            first.kill()
        assert receive(manager) == (b"FDSTOREREMOVE=1\nFDNAME=secrets", [])
        told, (descriptor,) = receive(manager)
        assert told == b"FDSTORE=1\nFDNAME=secrets"
    assert len(key) == 16
    try:
        assert start_second(descriptor) == f"{key} True"  # the first process did not see the day's beginning
    finally:
        os.close(descriptor)
    assert start_second(None) != f"{key} True"


def start_second(descriptor: int | None) -> str:
    environ = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "secrets"}
    command, kept = [sys.executable, "-c", SECOND], []
    if descriptor is not None:
        command, kept = [sys.executable, "-c", STARTER, str(descriptor), SECOND], [descriptor]
    done = subprocess.run(command, env=environ, pass_fds=kept, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()
