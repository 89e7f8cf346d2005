"""Sockets that systemd listens on: passed to a real child, taken over by their addresses, refused with the reason."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.http.inherited import Inherited
from edge.http.limits import Limits
from edge.http.sockets import listeners

LIMITS = Limits()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def passed(*sockets: socket.socket) -> Inherited:
    return Inherited(os.dup(each.fileno()) for each in sockets)


def address(of: socket.socket) -> str:
    host, port = of.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def same(one: socket.socket, other: socket.socket) -> bool:
    return os.fstat(one.fileno()).st_ino == os.fstat(other.fileno()).st_ino


def test_a_socket_is_taken_where_its_address_is_listened_on(listening: socket.socket) -> None:
    inherited = passed(listening)
    (found,) = asyncio.run(listeners(address(listening), LIMITS, inherited))
    with found:
        assert same(found, listening)
        assert not found.getblocking()
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)  # prepared as one of ours
        assert inherited.addresses() == ""
        inherited.refuse_rest()


def test_other_addresses_are_bound_as_ever(listening: socket.socket) -> None:
    inherited = passed(listening)
    (found,) = asyncio.run(listeners("127.0.0.1:0", LIMITS, inherited))
    with found:
        assert not same(found, listening)
    with pytest.raises(ConfigError, match=rf"systemd listens on {address(listening)} for edge, but neither"):
        inherited.refuse_rest()
    assert inherited.addresses() == ""  # closed


def test_v6_is_told_from_v4() -> None:
    try:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this host has no IPv6")
    with six, socket.create_server(("127.0.0.1", six.getsockname()[1])) as four:
        inherited = passed(four, six)
        (found,) = asyncio.run(listeners(address(six), LIMITS, inherited))
        with found:
            assert same(found, six)
        assert inherited.addresses() == address(four)
        inherited.close()


def test_an_address_in_use_by_systemd_names_it(listening: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        inherited = passed(listening)
        with pytest.raises(ConfigError, match=f"{address(other)} is in use, perhaps by systemd.* {address(listening)}"):
            asyncio.run(listeners(address(other), LIMITS, inherited))
        inherited.close()


def _file() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _not_listening() -> int:
    return socket.socket().detach()


def _datagrams() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()


def _local() -> int:
    return socket.socket(socket.AF_UNIX).detach()


@pytest.mark.parametrize(("make", "got"), [
    (_file, "got another file"), (_not_listening, "one that does not listen"),
    (_datagrams, "one of another kind"), (_local, "one of another kind"),
])  # fmt: skip
def test_what_is_no_listening_tcp_socket_is_refused_and_all_are_closed(listening, make, got) -> None:
    descriptors = [os.dup(listening.fileno()), make(), os.dup(listening.fileno())]
    with pytest.raises(ConfigError, match=f"descriptor {descriptors[1]} .*{got}.*ListenStream="):
        Inherited(descriptors)
    for descriptor in descriptors:
        with pytest.raises(OSError):
            os.fstat(descriptor)


# As systemd starts a service: the descriptors from 3 on, and the pid of the process that is meant.
AS_SYSTEMD = """
import fcntl, os, sys
passed, names, config = int(sys.argv[1]), sys.argv[2].split(":"), sys.argv[3]
high = fcntl.fcntl(passed, fcntl.F_DUPFD, 50)
for at in range(len(names)):
    os.dup2(high, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
os.execv(sys.executable, [sys.executable, "-m", "edge", "run", "--config", config])
"""


@contextmanager
def started(folder: Path, listening: socket.socket, names: str, listen: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that gets the socket once for each name; its log is in the folder."""
    config = folder / "edge.toml"
    config.write_text(f'data_dir = "{folder}/data"\n[http]\nlisten = ["{listen}"]\n')
    words = [sys.executable, "-c", AS_SYSTEMD, str(listening.fileno()), names, str(config)]
    with (folder / "log").open("wb") as log:
        worker = subprocess.Popen(words, pass_fds=[listening.fileno()], stderr=log)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize("names", ["http", "http:unheard-of"])
def test_a_worker_listens_where_systemd_does_and_leaves_it_there(tmp_path: Path, listening, names: str) -> None:
    for _ in range(2):  # what connects while none runs is served by the next
        with (
            socket.create_connection(listening.getsockname()) as early,
            started(tmp_path, listening, names, address(listening)) as worker,
        ):
            early.settimeout(60)
            early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert early.recv(100).startswith(b"HTTP/1.1 200 ")
            with urllib.request.urlopen(f"http://{address(listening)}/healthz", timeout=60) as answer:
                assert answer.status == 200
            worker.terminate()
            assert worker.wait(60) == 0
        said = (tmp_path / "log").read_text()
        assert said.count("descriptor_not_used") == names.count(":")


def test_a_socket_that_no_address_wants_ends_the_start_with_2(tmp_path: Path, listening: socket.socket) -> None:
    with started(tmp_path, listening, "http", "127.0.0.1:0") as worker:
        assert worker.wait(60) == 2
    said = (tmp_path / "log").read_text()
    assert f"systemd listens on {address(listening)} for edge" in said
    assert "Traceback" not in said
