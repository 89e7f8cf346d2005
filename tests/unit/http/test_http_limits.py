"""Connections: full, overflowing, draining, closing; and a process that runs out of descriptors."""

import socket
import subprocess
import sys
import time

import pytest
from httppeer import DEADLINE, Streams, answers, read_all, read_until, running, usual_router

from edge.clock import ManualClock
from edge.errors import ConfigError
from edge.http import table
from edge.http.limits import Limits
from edge.http.settings import HttpSettings
from edge.http.sockets import affordable, parse_address
from edge.http.table import address_key

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def refused(sock):
    (answer,) = answers(read_all(sock))
    assert (answer.status, answer.headers["connection"]) == (503, "close")
    assert int(answer.headers["retry-after"]) > 0


def test_full_then_one_leaves_then_the_next_comes_in():
    with running(limits=Limits(connections=2)) as server, server.connect() as first, server.connect() as second:
        server.until_open(2)
        with server.connect() as third:
            refused(third)
        first.close()
        server.until_open(1)
        with server.connect() as fourth:
            for sock in (second, fourth):
                sock.sendall(GET)
                assert b"200 OK" in read_until(sock, b"hello\n")
        assert server.stats().refused == {"full": 1, "address": 0, "memory": 0}
        assert "event=connections_refused" in server.log.getvalue()
        assert "127.0.0.1" not in server.log.getvalue()


def test_refused_request_is_not_read_yet_its_answer_arrives():
    with running(limits=Limits(connections=1)) as server, server.connect():
        server.until_open(1)
        with server.connect() as sock:
            sock.sendall(b"\0garbage" * 1000)
            refused(sock)
        server.until(lambda: server.server.stats().lingering == 0)
        assert server.stats().errors == {}


def test_one_address_has_its_share():
    limits = Limits(connections=10, connections_per_address=2)
    with running(limits=limits) as server, server.connect() as first, server.connect():
        server.until_open(2)
        with server.connect() as third:
            refused(third)
        assert server.stats().refused == {"full": 0, "address": 1, "memory": 0}
        first.close()
        server.until_open(1)
        with server.connect() as again:
            again.sendall(GET)
            assert b"200 OK" in read_until(again, b"hello\n")


def test_trusted_proxy_has_no_share():
    limits = Limits(connections=10, connections_per_address=1)
    with running(limits=limits, proxies=["127.0.0.1"]) as server:
        socks = [server.connect() for _ in range(5)]
        server.until_open(5)
        for sock in socks:
            sock.close()


def test_storm_of_refused_connections_is_bounded():
    limits = Limits(connections=1, lingering=3)
    with running(limits=limits) as server, server.connect():
        server.until_open(1)
        socks = [server.connect() for _ in range(10)]
        server.until(lambda: server.server.stats().refused["full"] == 10)
        assert server.stats().lingering == 3
        got = sorted(read_all(sock)[:12] for sock in socks)
        assert got.count(b"HTTP/1.1 503") == 3
        for sock in socks:
            sock.close()
        server.until(lambda: server.server.stats().lingering == 0)


def test_address_of_a_stream_stays_counted():
    router, streams = usual_router(), Streams()
    router.add("GET", "/live", streams)
    with running(router, Limits(connections_per_address=1)) as server:
        with server.connect() as viewer:
            viewer.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            read_until(viewer, b"\r\n\r\n")
            with server.connect() as second:
                refused(second)
        server.until_open(0)
        assert server.server._table._addresses == {}


def test_drain_closes_the_idle_answers_the_rest_and_listens_no_more():
    with running() as server, server.connect() as idle, server.connect() as busy:
        idle.sendall(GET)
        read_until(idle, b"hello\n")
        busy.sendall(GET[:-2])
        server.until(lambda: any(c._inbox.waiting for c in server.server._table.all()))
        server.call(server.server.stop_accepting)
        with pytest.raises(ConnectionRefusedError):
            server.connect().close()
        server.call(lambda: [c.drain() for c in server.server._table.all()])
        assert read_all(idle) == b""
        busy.sendall(b"\r\n")
        (answer,) = answers(read_all(busy))
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_who_has_just_connected_may_still_ask_while_draining():
    with running() as server, server.connect() as idle, server.connect() as new, server.connect() as silent:
        idle.sendall(GET)
        read_until(idle, b"hello\n")
        server.until_open(3)
        server.server._table.welcoming = True
        server.call(lambda: [c.drain() for c in server.server._table.all()])
        assert read_all(idle) == b""
        new.sendall(GET)
        read_until(new, b"hello\n")
        server.run(server.server.drain(0.05))
        assert read_all(silent) == b""


def test_drain_cuts_what_does_not_end():
    with running() as server, server.connect() as sock:
        sock.sendall(GET[:-2])
        server.until(lambda: any(c._inbox.waiting for c in server.server._table.all()))
        server.run(server.server.drain(0.05))
        assert read_all(sock) in (b"", b"<reset>")
        assert server.stats().connections == 0


def test_port_in_use_says_what_to_do(server):
    with pytest.raises(ConfigError, match=rf"127.0.0.1:{server.port} is in use.*http.listen"), running() as other:
        other.run(other.server.start([f"127.0.0.1:{server.port}"]))


def test_address_of_another_host():
    with pytest.raises(ConfigError, match="no address of this host"), running() as other:
        other.run(other.server.start(["192.0.2.1:0"]))


def test_listening_on_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6")
    with running() as server:
        server.run(server.server.start(["[::1]:0"]))
        address = server.server.addresses[-1]
        assert address.startswith("[::1]:")
        with socket.create_connection(("::1", parse_address(address)[1]), DEADLINE) as sock:
            sock.sendall(GET)
            assert b"200 OK" in read_until(sock, b"hello\n")


@pytest.mark.parametrize(
    "text", ["", "80", "a", "a:", "a:b", "a:65536", "a:-1", "a:+1", "::1:80", "[::1]", "[a:80", "a:٣"]
)
def test_addresses_refused(text):
    with pytest.raises(ConfigError, match="expected an address such as"):
        parse_address(text)


def test_addresses():
    assert parse_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert parse_address("[::1]:8080") == ("::1", 8080)
    assert parse_address(":80") == ("", 80)


def test_ipv6_network_is_one_address():
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:2")
    assert address_key("2001:db8::1") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:192.0.2.1") == address_key("::ffff:192.0.2.1")
    assert address_key("::ffff:192.0.2.1") != address_key("::ffff:192.0.2.2")


def test_limits_of_settings():
    limits = Limits.of(HttpSettings(max_connections=7, max_connections_per_address=3))
    assert (limits.connections, limits.connections_per_address) == (7, 3)


def test_descriptors_bound_connections(monkeypatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    assert affordable(1000, 64) == 256 - 64 - 64
    assert affordable(50, 64) == 50
    monkeypatch.setattr("resource.getrlimit", lambda _: (64, 64))
    assert affordable(1000, 64) == 8


def served(port):
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
        try:
            sock.sendall(GET)
            return b"200 OK" in sock.recv(1000)
        except ConnectionError:
            return False


STARVED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
from edge.http import server
server.affordable = lambda connections, lingering: connections
import sys
sys.path.insert(0, {tests!r})
from httppeer import running
with running() as one:
    print(one.port, flush=True)
    sys.stdin.read()
"""


def test_out_of_descriptors_it_goes_on_serving(request):
    """The bound above is lifted, so that accept itself fails (EMFILE)."""
    code = STARVED.format(tests=str(request.config.rootpath / "tests"))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            port = int(process.stdout.readline())
            socks = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(60)]
            socks[0].sendall(GET)
            assert b"200 OK" in read_until(socks[0], b"hello\n")
            for sock in socks:
                sock.close()
            end = time.monotonic() + DEADLINE
            while not served(port):  # until it has seen that the others left
                assert time.monotonic() < end
        finally:
            process.stdin.close()
            process.wait(DEADLINE)


def test_nobody_connected_means_no_timer():
    with running(limits=Limits(sweep_seconds=0.01)) as server:
        with server.connect() as sock:
            sock.sendall(GET)
            read_until(sock, b"hello\n")
            assert server.call(lambda: server.server._timer is not None)
        server.until(lambda: server.server._timer is None)


def test_date_is_not_in_the_words_of_a_locale():
    assert table.http_date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert ManualClock().wall() == 1_700_000_000.0
