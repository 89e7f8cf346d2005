from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.host.notify import MAX_DESCRIPTORS, Notify, NotifyStats, listened, watchdog_seconds
from edge.host.sealed import seal, unseal


class Manager:
    """What systemd listens with: a datagram socket that takes descriptors."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(60)
        self.address = address

    def receive(self) -> tuple[dict[str, str], list[int]]:
        data, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
        return dict(line.split("=", 1) for line in data.decode().split("\n")), descriptors


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@pytest.fixture
def notify(manager: Manager) -> Iterator[Notify]:
    made = Notify(manager.address)
    yield made
    made.close()


def test_states_are_told_as_systemd_reads_them(manager: Manager, notify: Notify) -> None:
    assert all([notify.ready("1 channel"), notify.watchdog(), notify.status("a\nREADY=0\tb"), notify.stopping()])
    assert [manager.receive() for _ in range(4)] == [
        ({"READY": "1", "STATUS": "1 channel"}, []),
        ({"WATCHDOG": "1"}, []),
        ({"STATUS": "a READY=0 b"}, []),
        ({"STOPPING": "1"}, []),
    ]
    assert notify.stats() == NotifyStats(sent=4, failed=0)


def test_a_name_in_the_abstract_namespace() -> None:
    manager = Manager(f"@edge-test-{os.getpid()}")
    notify = Notify(manager.address)
    assert notify.ready()
    assert manager.receive()[0]["READY"] == "1"
    notify.close()
    manager.socket.close()


@pytest.mark.parametrize("address", ["", "@", "vsock:2:1234", "relative", "unix:/x"])
def test_without_a_manager_nothing_is_sent(address: str) -> None:
    notify = Notify(address)
    assert not any([notify.ready(), notify.watchdog(), notify.store("x", 0), notify.remove("x"), notify.stopping()])
    assert notify.stats() == NotifyStats(0, 0)
    notify.close()


def test_a_manager_that_is_gone_is_counted(tmp_path: Path) -> None:
    notify = Notify(str(tmp_path / "nobody"))
    assert not notify.ready()
    assert notify.stats() == NotifyStats(sent=0, failed=1)
    notify.close()
    assert not notify.ready()


def test_a_path_that_is_too_long_is_counted(tmp_path: Path) -> None:
    notify = Notify("/" + "x" * 200)
    assert not notify.ready()
    assert notify.stats().failed == 1
    notify.close()


def test_a_manager_that_was_executed_anew_is_reached(manager: Manager, notify: Notify) -> None:
    assert notify.watchdog()
    manager.socket.close()
    Path(manager.address).unlink()
    manager.__init__(manager.address)
    assert notify.watchdog()
    assert manager.receive()[0] == {"WATCHDOG": "1"}


def test_a_manager_that_does_not_read_holds_nothing_up(manager: Manager, notify: Notify) -> None:
    told = 0
    while notify.watchdog():
        told += 1
        assert told < 100_000
    assert not notify.status("still here")
    for _ in range(told):
        manager.receive()
    assert notify.watchdog()
    assert notify.stats() == NotifyStats(sent=told + 1, failed=2)


def test_descriptors_are_stored_and_removed_by_name(manager: Manager, notify: Notify) -> None:
    descriptor = seal(b"kept")
    assert notify.remove("secrets")
    assert notify.store("secrets", descriptor)
    os.close(descriptor)
    assert manager.receive() == ({"FDSTOREREMOVE": "1", "FDNAME": "secrets"}, [])
    told, got = manager.receive()
    assert told == {"FDSTORE": "1", "FDNAME": "secrets"}
    assert unseal(got[0], 10) == b"kept"
    os.close(got[0])


def test_a_descriptor_that_is_none_is_counted(notify: Notify) -> None:
    assert not notify.store("x", 999_999)
    assert notify.stats().failed == 1


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "9" * 30}, None),
    ],
)
def test_how_often_the_manager_wants_to_hear(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environ, 7) == seconds


# ---- what is passed to a process: in a child, whose descriptors from 3 on are ours to choose

CHILD = """
import os, sys
from edge.host.notify import listened
found = listened(os.environ)
again = listened(os.environ)
left = [name for name in os.environ if name.startswith("LISTEN_")]
inherited = [n for each in found.values() for n in each if os.get_inheritable(n)]
print(found, again, left, inherited)
"""


START = """
import os, sys
program, mine, *descriptors = sys.argv[1:]
for i, each in enumerate(descriptors):
    os.dup2(int(each), 3 + i)
if mine:
    os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-c", program])
"""


def child(descriptors: list[int], environ: dict[str, str], *, mine: bool, program: str = CHILD) -> str:
    """What `program` prints as a process that has `descriptors` from 3 on. `mine`: LISTEN_PID is its own number."""
    command = [sys.executable, "-c", START, program, "1" if mine else "", *map(str, descriptors)]
    done = subprocess.run(
        command, env={**os.environ, **environ}, pass_fds=descriptors, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def memfds() -> Iterator[list[int]]:
    """With numbers that no other is moved onto."""
    found = []
    for data in (b"first", b"second"):
        low = seal(data)
        found.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 30))
        os.close(low)
    yield found
    for each in found:
        os.close(each)


@pytest.mark.parametrize(
    ("mine", "environ", "found"),
    [
        (True, {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, {"a": [3], "b": [4]}),
        (True, {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:a"}, {"a": [3, 4]}),
        (True, {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "a"}, {"a": [3], "unknown": [4]}),
        (True, {"LISTEN_FDS": "1"}, {"unknown": [3]}),
        (True, {"LISTEN_FDS": "0"}, {}),
        (True, {"LISTEN_FDS": "-1"}, {}),
        (True, {"LISTEN_FDS": "two"}, {}),
        (True, {"LISTEN_FDS": str(MAX_DESCRIPTORS + 1)}, {}),
        (True, {}, {}),
        (False, {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, {}),
        (False, {"LISTEN_FDS": "2"}, {}),
    ],
)
def test_a_process_takes_what_was_passed_to_it_alone(
    memfds: list[int], mine: bool, environ: dict[str, str], found: dict[str, list[int]]
) -> None:
    assert child(memfds, environ, mine=mine) == f"{found} {{}} [] []"


def test_descriptors_that_are_not_open_are_left_out() -> None:
    assert child([], {"LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:c"}, mine=True) == "{} {} [] []"


def test_nothing_of_another_process_is_closed_or_changed() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "HOME": "/"}
    assert listened(environ) == {}
    assert environ == {"HOME": "/"}
