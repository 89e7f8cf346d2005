"""Request heads: where one ends, and what it says. Pure; the same bytes give the same answer however they were cut.

Lines and limits are ours, because they must be judged before the head is complete; fields are llhttp's, strict.
"""

from __future__ import annotations

import re

import httptools

from edge.errors import PeerError
from edge.http.limits import Limits
from edge.http.target import is_host, read_target

_LINE = re.compile(rb"([A-Z]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_VERSION = re.compile(rb"[A-Z]+ [\x21-\x7e]+ HTTP/\d\.\d\r\n")
_SINGLE = ("host", "content-length", "transfer-encoding")
_DIGITS = re.compile(r"[0-9]{1,18}")


class Head:
    """One request head, read. `length` is the Content-Length (0 without), `chunked` the other way to have a body."""

    __slots__ = (
        "chunked",
        "expects",
        "fields",
        "headers",
        "keep_alive",
        "length",
        "method",
        "old",
        "repeated",
        "target",
    )

    def __init__(self, method: str, raw_target: bytes, old: bool) -> None:
        self.method = method
        self.target = read_target(raw_target)
        self.old = old  # HTTP/1.0
        self.headers: dict[str, str] = {}
        self.fields = 0
        self.keep_alive = not old
        self.length = 0
        self.chunked = False
        self.expects = False  # 100-continue
        self.repeated = ""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by llhttp. Repeated fields are one list (RFC 9110 5.3), except where a second one is an attack."""
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        self.fields += 1
        if key in self.headers:
            if key in _SINGLE:
                self.repeated = key
            text = f"{self.headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
        self.headers[key] = text


def take_head(data: bytes, start: int, limits: Limits) -> tuple[Head, int] | None:
    """The head that begins at `start` and where it ends; None while it is incomplete.

    PeerError as soon as it cannot become good. Everything is looked for within the bounds of the limits only, so that
    bytes beyond them cannot change the answer.
    """
    line = _LINE.match(data, start, start + limits.request_line + 2)
    if line is None:
        _judge_line(data[start : start + limits.request_line + 2], limits)
        return None
    end = data.find(b"\r\n\r\n", start, start + limits.head) + 4
    if end < 4:
        _judge_rest(data[start : start + limits.head], limits)
        return None
    raw = data[start:end]
    try:
        return _read_head(line, raw, limits), end
    except PeerError:
        _check_line_ends(raw)  # outranks the rest here too, as it would had the head come in pieces
        raise


def _read_head(line: re.Match[bytes], raw: bytes, limits: Limits) -> Head:
    head = Head(line[1].decode("ascii"), line[2], line[3] == b"0")
    _read_fields(head, raw, limits)
    _read_framing(head)
    return head


def _judge_rest(part: bytes, limits: Limits) -> None:
    _check_line_ends(part)
    if len(part) >= limits.head:
        raise PeerError(431, f"expected a request head of at most {limits.head} bytes")


def _judge_line(line: bytes, limits: Limits) -> None:
    """Says what is wrong with a first line, unless it is only incomplete."""
    if not b"A" <= line[:1] <= b"Z":
        raise PeerError(400, "expected an HTTP request line")
    end = line.find(b"\n")
    if end < 0 and len(line) < limits.request_line + 2:
        return
    if end < 0:
        raise PeerError(414, f"expected a request line of at most {limits.request_line} bytes")
    if _VERSION.match(line):
        raise PeerError(505, "expected HTTP/1.1 or HTTP/1.0")
    raise PeerError(400, "expected a request line such as: GET / HTTP/1.1")


def _check_line_ends(part: bytes) -> None:
    """A bare LF ends nothing (RFC 9112 2.2 lets us refuse it): waiting for the rest would be in vain."""
    if part.count(b"\n") != part.count(b"\r\n"):
        raise PeerError(400, "expected lines that end in CR LF")


def _read_fields(head: Head, raw: bytes, limits: Limits) -> None:
    try:
        httptools.HttpRequestParser(head).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # an Upgrade may be ignored (RFC 9110 7.8); CONNECT finds no handler
    except httptools.HttpParserInvalidMethodError:
        raise PeerError(501, "expected a method such as GET") from None
    except httptools.HttpParserError as error:
        raise PeerError(400, f"malformed request head: {error}") from None
    if head.repeated:
        raise PeerError(400, f"expected one {head.repeated} field")
    if head.fields > limits.fields:
        raise PeerError(431, f"expected at most {limits.fields} header fields")


def _read_framing(head: Head) -> None:
    headers = head.headers
    host = headers.get("host")
    if host is None:
        if not head.old:
            raise PeerError(400, "expected a Host field")  # RFC 9112 3.2
    elif not is_host(host):
        raise PeerError(400, "malformed Host field")
    if "connection" in headers:
        head.keep_alive = _keeps_alive(headers["connection"], head.old)
    if "transfer-encoding" in headers:
        _read_coding(head, headers["transfer-encoding"])
    elif "content-length" in headers:
        _read_length(head, headers["content-length"])
    if "expect" in headers and not head.old:
        _read_expectation(head, headers["expect"])


def _keeps_alive(connection: str, old: bool) -> bool:
    options = {option.strip().lower() for option in connection.split(",")}
    return "close" not in options and (not old or "keep-alive" in options)


def _read_coding(head: Head, coding: str) -> None:
    if head.old or "content-length" in head.headers:
        # RFC 9112 6.1 and 6.3: both at once, or from a 1.0 client, is how requests are smuggled.
        raise PeerError(400, "Transfer-Encoding with Content-Length or in HTTP/1.0")
    codings = [word.strip().lower() for word in coding.split(",")]
    if codings[-1] != "chunked" or codings.count("chunked") != 1:
        raise PeerError(400, "expected chunked as the last transfer coding")
    if len(codings) > 1:
        raise PeerError(501, "expected chunked as the only transfer coding")
    head.chunked = True


def _read_length(head: Head, length: str) -> None:
    if not _DIGITS.fullmatch(length):
        raise PeerError(400, "expected Content-Length to be a number")
    head.length = int(length)


def _read_expectation(head: Head, expectation: str) -> None:
    if expectation.lower() != "100-continue":
        raise PeerError(417, "expected Expect to be 100-continue")
    head.expects = head.length > 0 or head.chunked
