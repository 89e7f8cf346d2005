"""A socket in the file system: who gets in, what a killed process leaves, what is refused and why."""

import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from httppeer import DEADLINE, answers, read_until, running, usual_router

from edge.errors import ConfigError
from edge.http.message import json
from edge.http.router import Router
from edge.http.unix import MAX_PATH, UnixListener, path_of

LONG = "a" * (MAX_PATH + 1)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Short, whatever the directory of the tests is called."""
    monkeypatch.chdir(tmp_path)
    return "edge.sock"


def ask(path, request=GET):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(path)
        sock.sendall(request)
        return read_until(sock, b"hello\n")


def start(server, path):
    server.run(server.server.start([f"unix:{path}"]))


def test_a_request_is_answered_and_the_file_is_the_owners(path):
    with running() as server:
        start(server, path)
        assert server.server.addresses[-1] == f"unix:{path}"
        (answer,) = answers(ask(path))
        assert answer.status == 200
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_its_peer_has_no_address_and_no_bound_of_one_address(path):
    router = Router()
    router.add("GET", "/", lambda request: json(200, request.peer))
    with running(router) as server:
        start(server, path)
        socks = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for sock in socks:
            sock.settimeout(DEADLINE)
            sock.connect(path)
            sock.sendall(GET)
            assert read_until(sock, b'""').startswith(b"HTTP/1.1 200")
            sock.close()
        server.until_open(0)
        assert server.stats().refused["address"] == 0


def test_the_file_goes_with_the_server(path):
    with running() as server:
        start(server, path)
        server.call(server.server.stop_accepting)
        assert not Path(path).exists()
    with running() as server:
        start(server, path)
        assert ask(path)


def test_a_second_process_is_refused_while_the_first_listens(path):
    with running() as first, running() as second:
        start(first, path)
        with pytest.raises(ConfigError, match="in use: another edge"):
            start(second, path)
        assert ask(path)  # the first one's socket is untouched


def test_what_a_killed_process_left_is_replaced(path):
    code = f"from edge.http.unix import UnixListener; l = UnixListener({path!r}, 8); print('up', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGKILL)
    assert stat.S_ISSOCK(Path(path).stat().st_mode)
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(path)
    with running() as server:
        start(server, path)
        assert ask(path)


def test_another_file_there_is_not_removed(path):
    Path(path).write_text("mine")
    with pytest.raises(ConfigError, match="expected a socket or nothing"):
        UnixListener(path, 8)
    assert Path(path).read_text() == "mine"
    Path(path).unlink()
    UnixListener(path, 8).close()  # the lock was given back


def test_a_link_as_lock_is_not_followed(path):
    Path(f"{path}.lock").symlink_to("elsewhere")
    with pytest.raises(ConfigError, match="cannot write"):
        UnixListener(path, 8)
    assert not Path("elsewhere").exists()


def test_a_socket_that_somebody_replaced_stays(path):
    first = UnixListener(path, 8)
    Path(path).rename("moved")
    other = socket.socket(socket.AF_UNIX)
    other.bind(path)
    first.close()
    assert Path(path).exists()
    other.close()


def test_no_directory_no_socket(path):
    with pytest.raises(ConfigError, match="missing/edge"):
        UnixListener("missing/edge.sock", 8)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unix:", "a path behind"),
        ("unix:a\0b", "a path behind"),
        (f"unix:{LONG}", "may have 107 bytes"),
    ],
)
def test_paths_that_cannot_be(text, why):
    with pytest.raises(ConfigError, match=why):
        path_of(text)


def test_the_longest_path_can_be_bound(path):
    longest = "é" * (MAX_PATH // 2) + "a"
    assert path_of(f"unix:{longest}") == longest
    with running(usual_router()) as server:
        start(server, longest)
        assert ask(longest)
