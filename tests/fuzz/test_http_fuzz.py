"""Any bytes: an answer that is HTTP or silence, never an exception. What is accepted at random must be plain."""

import contextlib

from httppeer import answers
from httpwire import Wire, said
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.access.proxies import Proxies
from edge.errors import PeerError, SourceError
from edge.http.body import ChunkedBody
from edge.http.limits import Limits
from edge.http.message import Request, Response
from edge.http.ranges import ranged
from edge.http.reply import MOST_HEAD, Reply
from edge.http.target import read_target

SMALL = Limits(head=200, request_line=80, fields=6, body=50, requests=5)
WORDS = st.sampled_from(
    [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"OPTIONS ",
        b"/",
        b"/echo",
        b"/path/x",
        b"*",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b"Host: a\r\n",
        b"Content-Length: ",
        b"5",
        b"50",
        b"51",
        b"Transfer-Encoding: ",
        b"chunked",
        b"gzip, ",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"Expect: 100-continue\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"\r\n\r\n",
        b"%2e",
        b"%",
        b"..",
        b"\xff",
        b"A" * 90,
    ]
)
NOISE = st.lists(st.one_of(WORDS, st.binary(max_size=20)), max_size=40).map(b"".join)
REQUESTS = st.builds(
    lambda line, fields, rest: line + b"".join(fields) + b"\r\n" + rest,
    st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /echo HTTP/1.1\r\n", b"POST /echo HTTP/1.0\r\n"]),
    st.lists(
        st.sampled_from(
            [
                b"Host: a\r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"X: a\r\n",
                b"Connection: close\r\n",
                b"Content-Length: 05\r\n",
                b"X : a\r\n",
                b"X: a\n",
            ]
        ),
        max_size=7,
    ),
    NOISE,
)
ANY = st.one_of(st.binary(max_size=400), NOISE, REQUESTS, st.lists(REQUESTS, max_size=6).map(b"".join))


def check(written, ended, asked):
    found = answers(written) if b"HEAD" not in asked else []
    for answer in found:
        assert 200 <= answer.status <= 505
    closing = [answer.headers.get("connection") == "close" for answer in found]
    assert not any(closing[:-1])  # nothing follows a last answer
    assert not found or closing[-1] == ended


@settings(max_examples=600, deadline=None)
@given(ANY)
@example(b"\r\n\r\n" * 100)
def test_requests(data):
    written, ended = said(data, limits=SMALL)
    written = written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    check(written, ended, data)


@settings(max_examples=400, deadline=None)
@given(ANY, st.integers(0, 60))
def test_every_deadline_of_every_state_can_come(data, seconds):
    wire = Wire(SMALL)
    wire.feed(data)
    for _ in range(4):
        wire.clock.advance(seconds)
        wire.table.sweep()
    if seconds >= 20:
        assert wire.ended or wire.protocol.deadline > wire.table.now


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(alphabet="/.%2fe?#*abc\\ \0é", max_size=30).map(str.encode)))
def test_targets(raw):
    target = None
    with contextlib.suppress(PeerError):
        target = read_target(raw)
    if target is None:
        return
    assert target.path == "*" or target.path.startswith("/")
    assert ".." not in target.path.split("/")
    assert "//" not in target.path
    assert target.path.isprintable() or not any(ord(character) < 32 for character in target.path)


CHUNKS = st.lists(
    st.one_of(
        st.sampled_from(
            [b"0\r\n\r\n", b"5\r\nhello\r\n", b"1;a=b\r\nx\r\n", b"\r\n", b"a", b"ffffffff\r\n", b"0\r\nX: y\r\n\r\n"]
        ),
        st.binary(max_size=10),
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(CHUNKS)
def test_chunked_bodies(data):
    body = ChunkedBody(40)
    with contextlib.suppress(PeerError):
        stop = body.feed(data, 0)
        assert stop == len(data) or body.done
    assert len(body.whole()) <= 40


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.one_of(
                st.sampled_from(
                    [
                        b"HTTP/1.1 200 OK\r\n",
                        b"ICY 200 OK\r\n",
                        b"HTTP/1.1 100 C\r\n\r\n",
                        b"\r\n",
                        b"\n",
                        b":",
                        b"Transfer-Encoding: chunked\r\n",
                        b"Content-Length: 3\r\n",
                        b"3\r\nabc\r\n",
                        b"0\r\n\r\n",
                    ]
                ),
                st.binary(max_size=10),
            ),
            max_size=12,
        ).map(b"".join),
    ),
    st.integers(1, 40),
)
def test_responses_of_sources(data, size):
    """Parsed, or SourceError; cut anywhere, the same."""
    whole = taken(data, len(data) or 1)
    assert taken(data, size) == whole
    assert isinstance(whole[0], int) or whole[0] in ("broken", "protocol")


def taken(data, size):
    reply, body = Reply(), b""
    try:
        for at in range(0, len(data), size):
            body += reply.feed(data[at : at + size])
            if reply.broken:
                return "broken", body
    except SourceError as error:
        return error.reason, body
    return reply.status, reply.headers, reply.done, body


def test_endless_head_of_a_source_is_not_kept():
    reply = Reply()
    with contextlib.suppress(SourceError):
        reply.feed(b"HTTP/1.1 200 OK\r\n")
        while True:
            reply.feed(b"X: a\r\n")
    assert len(reply._head) <= MOST_HEAD + 6


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "host"]),
        st.one_of(st.text(max_size=60), st.text(alphabet='for=";,[]:1.2 hostpr\\', max_size=60)),
    )
)
def test_what_proxies_say(headers):
    client = Proxies(["0.0.0.0/0", "::/0"]).client("192.0.2.1", headers)
    assert client.scheme in ("http", "https")
    assert client.address


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=30), st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True)), st.integers(0, 50)
)
def test_ranges(field, size):
    body = bytes(range(size))
    answer = ranged(Request("GET", "/", b"", {"range": field}, "", "http", ""), Response(200, (), [body[:7], body[7:]]))
    found = b"".join(answer.body) if answer.status != 416 else b""
    assert answer.status in (200, 206, 416)
    assert found in body
    if answer.status == 206:
        first, last = dict(answer.headers)["Content-Range"].removeprefix("bytes ").partition("/")[0].split("-")
        assert found == body[int(first) : int(last) + 1] != b""
