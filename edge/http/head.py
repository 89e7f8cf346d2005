"""Request heads: where one ends, and what it says. Pure; the same bytes give the same answer however they were cut.

Lines and limits are ours, because they must be judged before the head is complete; fields are llhttp's, strict. What
clients mostly send is read without it, in half of the time: a test holds that the same heads are taken, and refused.
"""

from __future__ import annotations

import re

import httptools
import msgspec

from edge.errors import PeerError
from edge.http.limits import Limits
from edge.http.target import Target, is_host, read_target

_LINE = re.compile(rb"([A-Z]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_END = re.compile(rb"\r\n\r\n")  # a third faster than bytes.find
_VERSION = re.compile(rb"[A-Z]+ [\x21-\x7e]+ HTTP/\d\.\d\r\n")
_AROUND = len("  HTTP/1.1\r\n")  # of a request line, besides method and target
_SINGLE = ("host", "content-length", "transfer-encoding")
_COMMON = (
    "host connection user-agent accept accept-language accept-encoding referer origin cookie content-type "
    "content-length cache-control pragma range if-none-match authorization upgrade-insecure-requests priority "
    "sec-fetch-site sec-fetch-mode sec-fetch-dest sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform dnt sec-gpc "
    "x-forwarded-for x-forwarded-proto x-forwarded-host x-real-ip forwarded via"
)


# Field names as they mostly come, to lower case. No other gets in: it is fast, and keeps nothing of a client.
_NAMES = {spelling.encode(): name for name in _COMMON.split() for spelling in (name, name.title())}
_NAMES |= {b"DNT": "dnt", b"Sec-GPC": "sec-gpc"}


_METHODS = {b"GET": "GET", b"HEAD": "HEAD", b"POST": "POST", b"OPTIONS": "OPTIONS"}
_USUAL = {spelling.decode(): name for spelling, name in _NAMES.items()}  # none of them says how a body is coded


class Head(msgspec.Struct, gc=False):
    """One request head, read. `length` is the Content-Length (0 without), `chunked` the other way to have a body."""

    method: str
    target: Target
    old: bool  # HTTP/1.0
    keep_alive: bool
    headers: dict[str, str] = {}
    length: int = 0
    chunked: bool = False
    expects: bool = False  # 100-continue

    def __repr__(self) -> str:
        """As of `Request`: no header, no query."""
        return f"Head({self.method})"


class _Fields:
    """What llhttp finds. Repeated fields are one list (RFC 9110 5.3), except where a second one is an attack."""

    __slots__ = ("headers", "repeated", "repeats")

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.repeats = 0
        self.repeated = ""  # one that must not be

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by llhttp."""
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        headers = self.headers
        if key in headers:
            text = self._join(key, text)
        headers[key] = text

    def _join(self, key: str, text: str) -> str:
        self.repeats += 1
        if key in _SINGLE:
            self.repeated = key
        return f"{self.headers[key]}{'; ' if key == 'cookie' else ', '}{text}"


def take_head(data: bytes, start: int, limits: Limits) -> tuple[Head, int] | None:
    """The head that begins at `start` and where it ends; None while it is incomplete.

    PeerError as soon as it cannot become good. Everything is looked for within the bounds of the limits only, so that
    bytes beyond them cannot change the answer.
    """
    line = _LINE.match(data, start, start + limits.request_line + 2)
    if line is None:
        _judge_line(data[start : start + limits.request_line + 2], limits)
        return None
    end = _END.search(data, start, start + limits.head)
    if end is None:
        _judge_rest(data[start : start + limits.head], limits)
        return None
    raw = data[start : end.end()]
    try:
        return _read_head(line, raw, limits), end.end()
    except PeerError:
        _check_line_ends(raw)  # outranks the rest here too, as it would had the head come in pieces
        raise


def _read_head(line: re.Match[bytes], raw: bytes, limits: Limits) -> Head:
    method, target, minor = line.groups()
    old = minor == b"0"
    usual = _METHODS.get(method)
    head = Head(usual or method.decode("ascii"), read_target(target), old, not old)
    fields = _usual_fields(raw[len(method) + len(target) + _AROUND : -4], limits.fields) if usual else None
    head.headers = _read_fields(raw, limits) if fields is None else fields
    _read_framing(head)
    return head


def _usual_fields(raw: bytes, most: int) -> dict[str, str] | None:
    """The fields, where all have usual names, which come once, and plain values; None: llhttp has to say."""
    fields: dict[str, str] = {}
    usual = _USUAL
    lines = raw.decode("latin-1").split("\r\n")
    if len(lines) > most:
        return None
    try:
        for line in lines:
            name, _, value = line.partition(": ")
            fields[usual[name]] = value
    except KeyError:
        return None
    values = list(fields.values())
    if len(values) < len(lines) or not all(values) or values != list(map(str.strip, values)):
        return None
    return fields if "".join(values).isprintable() else None


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


def _read_fields(raw: bytes, limits: Limits) -> dict[str, str]:
    found = _Fields()
    try:
        httptools.HttpRequestParser(found).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # an Upgrade may be ignored (RFC 9110 7.8); CONNECT finds no handler
    except httptools.HttpParserInvalidMethodError:
        raise PeerError(501, "expected a method such as GET") from None
    except httptools.HttpParserError as error:
        raise PeerError(400, f"malformed request head: {error}") from None
    if found.repeated:
        raise PeerError(400, f"expected one {found.repeated} field")
    if len(found.headers) + found.repeats > limits.fields:
        raise PeerError(431, f"expected at most {limits.fields} header fields")
    return found.headers


def _read_framing(head: Head) -> None:
    headers = head.headers
    host = headers.get("host")
    if host is None:
        if not head.old:
            raise PeerError(400, "expected a Host field")  # RFC 9112 3.2
    elif not is_host(host):
        raise PeerError(400, "malformed Host field")
    connection = headers.get("connection")
    if connection is not None:
        head.keep_alive = connection == "keep-alive" or _keeps_alive(connection, head.old)
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
    if not (length.isdecimal() and length.isascii() and len(length) <= 18):
        raise PeerError(400, "expected Content-Length to be a number")
    head.length = int(length)


def _read_expectation(head: Head, expectation: str) -> None:
    if expectation.lower() != "100-continue":
        raise PeerError(417, "expected Expect to be 100-continue")
    head.expects = head.length > 0 or head.chunked
