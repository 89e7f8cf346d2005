"""Heads that are read without llhttp say what it would say of them."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PeerError
from edge.http import head
from edge.http.limits import Limits

LIMITS = Limits(fields=8)
NAMES = st.sampled_from(
    [
        "Host",
        "host",
        "HOST",
        "Connection",
        "Content-Length",
        "content-length",
        "Content-Type",
        "User-Agent",
        "Referer",
        "Cookie",
        "DNT",
        "Sec-GPC",
        "X-A",
        "Transfer-Encoding",
        "Expect",
        "Upgrade",
        "Accept",
    ]
)
VALUES = st.one_of(
    st.sampled_from([
        "", "a", "a.example:80", "close", "keep-alive", "upgrade", "close, upgrade", "chunked", "100-continue", "a: b",
        "5", "+5", "05", "5 5", "²", "9" * 18, "9" * 19, "a:  b", "a: ", " a", "a ", "\ta", "a\t", "é", "\xa0", "a\x85",
        "\x7f", "a\nHost: b", "a\rb", "a\r\nHost: b", "a\r\n b", "\0",
    ]),
    st.text(st.characters(max_codepoint=255), max_size=6),
)  # fmt: skip
JOINTS = st.sampled_from([": ", ": ", ": ", ": ", ":", ":  ", " : ", ""])
LINES = st.one_of(
    st.tuples(NAMES, JOINTS, VALUES).map("".join),
    st.tuples(NAMES, JOINTS, VALUES).map("".join),
    st.text(st.characters(max_codepoint=255), max_size=8),
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "BREW", "PRI"])
TARGETS = st.one_of(
    st.sampled_from(["/", "*", "/a?b=c", "http://a/b", "a:80", "/a#b", "/%"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=5).map("/".__add__),
)


def told(raw: bytes) -> object:
    """A head and where it ends, None, or the status of the refusal."""
    try:
        found = head.take_head(raw, 0, LIMITS)
    except PeerError as error:
        return error.status
    return found and (head.msgspec.structs.asdict(found[0]), found[1])


@settings(max_examples=3000, deadline=None)
@given(METHODS, TARGETS, st.sampled_from("01"), st.lists(LINES, max_size=10))
def test_any_head_says_the_same_with_and_without_llhttp(method, target, minor, lines):
    host = ["Host: a"] if len(lines) % 3 else []
    raw = "\r\n".join([f"{method} {target} HTTP/1.{minor}", *host, *lines, "", ""]).encode("latin-1")
    ours = told(raw)
    with patch.object(head, "_usual_fields", return_value=None):
        assert ours == told(raw)


def test_what_browsers_send_needs_no_llhttp():
    fields = b"Host: a\r\nUser-Agent: M (X; y)\r\nAccept: */*\r\nOrigin: https://a\r\nContent-Length: 5\r\nDNT: 1"
    read = {"host": "a", "user-agent": "M (X; y)", "accept": "*/*", "origin": "https://a", "content-length": "5"}
    assert head._usual_fields(fields, 6) == read | {"dnt": "1"}
    assert head._usual_fields(fields, 5) is None


def test_a_value_that_is_empty_or_has_space_around_it_is_left_to_llhttp():
    for line in (b"Host: ", b"Host", b"Host:a", b"Host:  a", b"Host: a ", b"Host: \ta", b"Host: a\xa0"):
        assert head._usual_fields(line, 6) is None
        assert head._usual_fields(b"Accept: b\r\n" + line + b"\r\nDNT: 1", 6) is None
