"""Clients that others wrote: curl, and the standard library's."""

import http.client
import subprocess

import pytest
from httppeer import DEADLINE, Streams, running, usual_router


@pytest.fixture
def asked(curl, server):
    def run(*words):
        command = [curl, "-sS", "--max-time", str(DEADLINE), *words]
        return subprocess.run(command, capture_output=True, check=False, timeout=2 * DEADLINE)

    return run


def test_curl_gets_heads_and_posts(asked, server, tmp_path):
    base = f"http://127.0.0.1:{server.port}"
    done = asked(base + "/", base + "/path/a%20b", base + "/")
    assert done.stdout == b"hello\na b\nhello\n"
    assert asked("-I", base + "/").stdout.startswith(b"HTTP/1.1 200 OK\r\n")
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 60_000)
    for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]):
        assert asked(*more, "--data-binary", f"@{upload}", base + "/echo").stdout == b"x" * 60_000
    assert len(asked(base + "/big").stdout) == 64 * 65536


def test_curl_understands_a_refusal(asked, server, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 70_000)
    url = f"http://127.0.0.1:{server.port}/echo"
    done = asked("-w", "%{http_code}", "--data-binary", f"@{upload}", url)
    assert done.stdout.endswith(b"413")
    assert asked("-w", "%{http_code}", "--http2-prior-knowledge", url.replace("/echo", "/")).returncode != 0


def test_curl_plays_a_stream_until_it_ends(curl):
    streams, router = Streams(), usual_router()
    router.add("GET", "/live", streams)
    with running(router) as server:
        command = [curl, "-sSN", "--max-time", str(DEADLINE), f"http://127.0.0.1:{server.port}/live"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            server.until(lambda: streams.outlets)
            server.call(streams.outlets[0].write, [b"abc", b"def"])
            assert process.stdout.read(6) == b"abcdef"
            server.call(streams.outlets[0].close)
            assert process.stdout.read() == b""
            assert process.wait(DEADLINE) == 0


def test_standard_library_keeps_one_connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    before = server.stats().accepted
    for number in range(20):
        connection.request("GET", f"/path/{number}")
        assert connection.getresponse().read() == b"%d\n" % number
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("POST", "/echo", body=iter([b"a", b"b" * 1000]), encode_chunked=True)
        assert connection.getresponse().read() == b"a" + b"b" * 1000
    connection.close()
    assert server.stats().accepted == before + 1
