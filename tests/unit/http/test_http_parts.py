"""Targets, parts of answers, entity tags, gzip."""

import zlib

import pytest

from edge.errors import PeerError
from edge.http.compress import accepts_gzip, maybe_gzip
from edge.http.message import Request, Response
from edge.http.ranges import cut, ranged, unless_known
from edge.http.target import read_target


def asking(method="GET", **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/", b"", fields, "127.0.0.1", "http", "a")


@pytest.mark.parametrize(
    ("raw", "path", "query"),
    [
        (b"/", "/", b""),
        (b"/live/news.ts?a=b?c", "/live/news.ts", b"a=b?c"),
        (b"/live/", "/live/", b""),
        (b"/caf%C3%A9/%20%2B+", "/café/ ++", b""),
        (b"/a%252fb", "/a%2fb", b""),  # decoded once
        (b"/.well-known/x", "/.well-known/x", b""),
        (b"/a..b/...", "/a..b/...", b""),
        (b"/?/../%2f", "/", b"/../%2f"),
        (b"http://tv.example:80/x?y", "/x", b"y"),
        (b"HTTPS://[::1]/x", "/x", b""),
        (b"http://a", "/", b""),
        (b"http://a?x", "/", b"x"),
        (b"*", "*", b""),
    ],
)
def test_targets(raw, path, query):
    target = read_target(raw)
    assert (target.path, target.query) == (path, query)


REFUSED = [
    b"", b"a", b"//a", b"/a//b", b"/./a", b"/a/..", b"/a/%2E%2e", b"/%2F", b"/%", b"/%4", b"/%4g", b"/%_1", b"/%00",
    b"/%0a", b"/%7f", b"/\\", b"/%5C", b"/%ff", b"/%c0%af", b"/%ed%a0%80", b"/a#b", b"http://", b"http:///a",
    b"http://u@h/", b"http://a b/", b"ftp://a/", b"a:80", b"http://a//b", b"**", b"?a",
]  # fmt: skip


@pytest.mark.parametrize("raw", REFUSED)
def test_targets_refused(raw):
    with pytest.raises(PeerError) as caught:
        read_target(raw)
    assert caught.value.status == 400


def test_arguments():
    request = Request("GET", "/", b"a=1&b=%C3%A9+x&a=2&c&d=%zz&=e&f%67=7", {}, "", "http", "")
    assert [request.arg(name) for name in ("a", "b", "c", "d", "fg", "")] == ["1", "é x", "", "%zz", "7", "e"]
    assert request.arg("nothing") is None
    assert Request("GET", "/", b"", {}, "", "http", "").arg("a") is None


WHOLE = Response(200, (("Content-Type", "x/y"),), [b"0123", b"", b"456", b"789"])


@pytest.mark.parametrize(
    ("field", "body", "content_range"),
    [
        ("bytes=0-9", b"0123456789", "bytes 0-9/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=3-7", b"34567", "bytes 3-7/10"),
        ("bytes=5-", b"56789", "bytes 5-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-30", b"0123456789", "bytes 0-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
    ],
)
def test_ranges(field, body, content_range):
    part = ranged(asking(range=field), WHOLE)
    assert part.status == 206
    assert b"".join(part.body) == body
    assert dict(part.headers)["Content-Range"] == content_range
    assert dict(part.headers)["Content-Type"] == "x/y"
    assert ranged(asking(range=field), Response(200, (), b"0123456789")).length == len(body)


@pytest.mark.parametrize("field", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_ranges_outside(field):
    answer = ranged(asking(range=field), WHOLE)
    assert (answer.status, dict(answer.headers)["Content-Range"]) == (416, "bytes */10")


@pytest.mark.parametrize(
    "request_",
    [
        asking(),
        asking(range="bytes=-"),
        asking(range="bytes=5-3"),
        asking(range="bytes=0-1,3-4"),
        asking(range="lines=1-2"),
        asking(range="bytes=٣-"),
        asking(range="bytes=a-"),
        asking(range="bytes=0-1", if_range='"x"'),
        asking("HEAD", range="bytes=0-1"),
    ],
)
def test_whole_instead_of_a_range(request_):
    answer = ranged(request_, WHOLE)
    assert (answer.status, answer.body) == (200, WHOLE.body)
    assert dict(answer.headers)["Accept-Ranges"] == "bytes"


def test_only_whole_answers_have_parts():
    assert ranged(asking(range="bytes=0-1"), Response(404)) == Response(404)


def test_pieces_inside_a_part_are_not_copied():
    pieces = [bytes(1000), bytes(2000), bytes(1000)]
    assert cut(pieces, 500, 3500)[1] is pieces[1]


@pytest.mark.parametrize("field", ['"v1"', 'W/"v1"', '"v0", "v1"', "*"])
def test_known_already(field):
    answer = unless_known(asking(if_none_match=field), WHOLE, "v1")
    assert (answer.status, answer.body) == (304, b"")
    assert dict(answer.headers) == {"ETag": '"v1"'}


@pytest.mark.parametrize("field", ["", '"v2"', "v1"])
def test_not_known_yet(field):
    answer = unless_known(asking(if_none_match=field), WHOLE, "v1")
    assert (answer.status, answer.body, dict(answer.headers)["ETag"]) == (200, WHOLE.body, '"v1"')


@pytest.mark.parametrize(
    ("field", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=1.0", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("xgzip", False),
        ("gzip;q=x", False),
    ],
)
def test_accept_encoding(field, taken):
    assert accepts_gzip(field) is taken


def test_gzip_where_it_is_worth_it():
    body = b"#EXTINF:2.000\n" * 200
    packed = maybe_gzip(asking(accept_encoding="gzip"), body, "text/plain", (("X", "y"),))
    assert zlib.decompress(packed.body, wbits=31) == body
    assert dict(packed.headers) == {
        "Content-Type": "text/plain",
        "Vary": "Accept-Encoding",
        "X": "y",
        "Content-Encoding": "gzip",
    }
    for request, content in ((asking(), body), (asking(accept_encoding="gzip"), body[:1000])):
        plain = maybe_gzip(request, content, "text/plain")
        assert plain.body == content
        assert "Content-Encoding" not in dict(plain.headers)
