"""Every hostile request gets one clear answer and then a close: sent whole, byte by byte, and with more behind it."""

import pytest
from httppeer import answers

HOST = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

HOSTILE = {
    "two Content-Length": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "two equal Content-Length": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    "a list of Content-Length": (POST + b"Content-Length: 1, 1\r\n\r\n", 400),
    "Content-Length with Transfer-Encoding": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "Transfer-Encoding with Content-Length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
    "Transfer-Encoding in HTTP/1.0": (b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "two Transfer-Encoding": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "no chunked": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "gzip before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "Content-Length +5": (POST + b"Content-Length: +5\r\n\r\n", 400),
    "Content-Length 0x5": (POST + b"Content-Length: 0x5\r\n\r\n", 400),
    "Content-Length -1": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "Content-Length 5 5": (POST + b"Content-Length: 5 5\r\n\r\n", 400),
    "Content-Length empty": (POST + b"Content-Length: \r\n\r\n", 400),
    "Content-Length of 20 digits": (POST + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n", 400),
    "Content-Length over the limit": (POST + b"Content-Length: 65537\r\n\r\n", 413),
    "NUL in a field": (GET + b"X: a\0b\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "control byte in a field": (GET + b"X: a\x01b\r\n\r\n", 400),
    "bare CR in a field": (GET + b"X: a\rb\r\n\r\n", 400),
    "bare LF as a line end": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare LF later": (GET + b"X: a\n\r\n", 400),
    "bare LF at the end": (GET + b"\n", 400),
    "space before the colon": (GET + b"X : a\r\n\r\n", 400),
    "field without a colon": (GET + b"X\r\n\r\n", 400),
    "field without a name": (GET + b": a\r\n\r\n", 400),
    "folded field": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "space before the first field": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "garbage of letters": (b"hello world\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case version": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "bytes in the target": ("GET /é HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "RTSP": (b"DESCRIBE / RTSP/1.0\r\n\r\n", 400),
    "method in lower case": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Host": (GET + b"Host: b\r\n\r\n", 400),
    "malformed Host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "relative target": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target of another scheme": (b"GET ftp://a/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "dot segments": (b"GET /path/../etc HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded dot segments": (b"GET /path/%2e%2E/etc HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded slash": (b"GET /path/..%2Fetc HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty segment": (b"GET //path HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoded NUL": (b"GET /path/%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "encoding that is not UTF-8": (b"GET /path/%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "cut encoding": (b"GET /path/%4 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "wrong encoding": (b"GET /path/%+1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "backslash": (b"GET /path/%5c HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "other expectation": (POST + b"Expect: magic\r\nContent-Length: 1\r\n\r\n", 417),
    "request line over 4 KB": (b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "endless request line": (b"GET /" + b"a" * 5000, 414),
    "head over 8 KB": (GET + b"X: " + b"a" * 8192 + b"\r\n\r\n", 431),
    "endless head": (GET + b"X: a\r\n" * 2000, 431),
    "65 fields": (GET + b"".join(b"X%d: a\r\n" % n for n in range(64)) + b"\r\n", 431),
    "chunk size +5": (CHUNKED + b"+5\r\n", 400),
    "chunk size 0x5": (CHUNKED + b"0x5\r\n", 400),
    "chunk size empty": (CHUNKED + b"\r\n", 400),
    "chunk size of 9 digits": (CHUNKED + b"100000000\r\n", 400),
    "chunk over the limit": (CHUNKED + b"10001\r\n", 413),
    "chunk size with bare LF": (CHUNKED + b"1\n", 400),
    "chunk without its end": (CHUNKED + b"1\r\nab\r\n", 400),
    "trailer with bare LF": (CHUNKED + b"0\r\nX: a\n", 400),
    "endless chunk extension": (CHUNKED + b"1;" + b"a" * 2000, 400),
    "many small chunks": (CHUNKED + b"1\r\nx\r\n" * 30000, 413),
    "many chunk extensions": (CHUNKED + (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 200, 413),
}
BEHIND = b"\r\n\r\nGET /who HTTP/1.1\r\nHost: evil\r\n\r\n" + b"\0" * 3000


def check(raw, status):
    (answer,) = answers(raw)
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.body


@pytest.mark.parametrize("name", HOSTILE)
def test_whole(server, name):
    data, status = HOSTILE[name]
    check(server.ask(data), status)


@pytest.mark.parametrize("name", [name for name in HOSTILE if len(HOSTILE[name][0]) < 12000])
def test_byte_by_byte(server, name):
    data, status = HOSTILE[name]
    check(server.ask(*(bytes((byte,)) for byte in data)), status)


@pytest.mark.parametrize("name", HOSTILE)
def test_with_more_behind(server, name):
    data, status = HOSTILE[name]
    check(server.ask(data + BEHIND), status)


@pytest.mark.parametrize("name", HOSTILE)
def test_behind_a_good_request(server, name):
    data, status = HOSTILE[name]
    first, second = answers(server.ask(GET + b"\r\n" + data))
    assert (first.status, second.status) == (200, status)
    assert "connection" not in first.headers


@pytest.mark.parametrize(
    "fill",
    [
        b"GET /" + b"a" * (4096 - len("GET / HTTP/1.1")) + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        GET
        + b"Connection: close\r\nX: "
        + b"a" * (8192 - len(GET) - len("Connection: close\r\nX: \r\n\r\n"))
        + b"\r\n\r\n",
        GET + b"Connection: close\r\n" + b"".join(b"X%d: a\r\n" % n for n in range(62)) + b"\r\n",
    ],
    ids=["line", "head", "fields"],
)
def test_exactly_at_a_limit_is_fine(server, fill):
    for pieces in ([fill], [bytes((byte,)) for byte in fill]):
        (answer,) = answers(server.ask(*pieces))
        assert answer.status in (200, 404)


def test_log_names_no_visitor_and_no_line_is_forged(server):
    server.ask(b"GET /\r\nevil=1 HTTP/1.1\r\n\r\n")
    server.ask(GET.replace(b"/", b"/fails", 1) + b"Connection: close\r\n\r\n")
    assert "event=handler_failed" in server.log.getvalue()
    assert "127.0.0.1" not in server.log.getvalue()
    assert "evil" not in server.log.getvalue()
