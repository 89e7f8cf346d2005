"""However bytes are cut on their way, the answers are the same; and bodies mean to us what they mean to llhttp."""

import itertools

import httptools
from httpwire import said
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PeerError
from edge.http.body import ChunkedBody, LengthBody
from edge.http.limits import Limits

SMALL = Limits(head=160, request_line=60, fields=5, body=40, requests=4)
FIELDS = st.sampled_from(
    [
        b"Host: a\r\n",
        b"Host: a\r\n",
        b"X: a\r\n",
        b"X: a\n",
        b"X : a\r\n",
        b"X: \0\r\n",
        b" folded\r\n",
        b"nocolon\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 41\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Connection: close\r\n",
        b"Connection: keep-alive\r\n",
        b"X: " + b"a" * 60 + b"\r\n",
        b"X: \rb\r\n",
        b"Cookie: a\r\n",
    ]
)
LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n",
        b"POST /echo HTTP/1.1\r\n",
        b"POST /echo HTTP/1.1\r\n",
        b"GET / HTTP/1.0\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\n",
        b"GET  / HTTP/1.1\r\n",
        b"get / HTTP/1.1\r\n",
        b"BREW / HTTP/1.1\r\n",
        b"GET / HTTP/3.0\r\n",
        b"GET /" + b"a" * 60 + b" HTTP/1.1\r\n",
        b"\r\n",
        b"GET /../ HTTP/1.1\r\n",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;x\r\nhello\r\n0\r\nX: y\r\n\r\n",
        b"5\r\nhelloX\r\n",
        b"29\r\n",
        b"1\r\nx\r\n" * 30,
        b"zz\r\n",
        b"0\n\n",
        b"\r\n\r\n",
    ]
)
MESSAGES = st.lists(
    st.builds(
        lambda line, fields, end, body: line + b"".join(fields) + end + body,
        LINES,
        st.lists(FIELDS, max_size=7),
        st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]),
        BODIES,
    ),
    min_size=1,
    max_size=4,
).map(b"".join)


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=800, deadline=None)
@given(MESSAGES, st.lists(st.integers(0, 2000), max_size=12))
def test_any_cut_gives_the_same_answers(data, places):
    whole = said(data, limits=SMALL)
    assert said(*cut(data, places), limits=SMALL) == whole
    assert said(*(bytes((byte,)) for byte in data), limits=SMALL) == whole


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=8))
def test_any_cut_of_any_bytes(data, places):
    data = b"GET " + data
    whole = said(data, limits=SMALL)
    assert said(*cut(data, places), limits=SMALL) == whole


CHUNKS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=20).map(lambda body: b"%x\r\n%s\r\n" % (len(body), body)),
        st.sampled_from(
            [b"3;name=value\r\nabc\r\n", b"0A\r\n0123456789\r\n", b"1 \r\nx\r\n", b"+1\r\nx\r\n", b"1\nx\n", b"\r\n"]
        ),
    ),
    max_size=8,
).map(b"".join)


class Heard:
    def __init__(self):
        self.body = b""
        self.done = False

    def on_body(self, data):
        self.body += data

    def on_message_complete(self):
        self.done = True


def llhttp(data):
    """The body as llhttp reads it, and whether it is whole; None when it refuses."""
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        parser.feed_data(data)
    except httptools.HttpParserError:
        return None
    return heard.body, heard.done


@settings(max_examples=500, deadline=None)
@given(CHUNKS, st.sampled_from([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0;x\r\n\r\n", b"", b"0\r\n"]))
def test_chunks_mean_what_they_mean_to_llhttp(chunks, end):
    """Where llhttp takes a body, ours is the same or is refused; what ours takes, llhttp takes."""
    body = ChunkedBody(1000)
    try:
        stop = body.feed(chunks + end, 0)
    except PeerError:
        return
    theirs = llhttp((chunks + end)[:stop])
    assert theirs is None or theirs == (body.whole(), body.done)
    if body.done:
        assert theirs is not None or b" \r\n" in chunks  # blanks after a size: ours takes what RFC 9112 7.1.1 allows


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=20), st.lists(st.integers(0, 80), max_size=6))
def test_bodies_end_where_they_should(body, behind, places):
    for made, wire in (
        (LengthBody(len(body)), body),
        (ChunkedBody(60), (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"),
    ):
        left = 0
        for piece in cut(wire + behind, places):
            left += made.feed(piece, 0) if not made.done else 0
        assert made.done
        assert made.whole() == body
        assert left == len(wire)
