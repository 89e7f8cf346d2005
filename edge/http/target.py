"""Request targets: the path decoded once and refused when it is not plain, the query as it came."""

from __future__ import annotations

import re

import msgspec

from edge.errors import PeerError

_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+/?|/")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@]+)(.*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_HOST = re.compile(r"(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?")


class Target(msgspec.Struct, frozen=True, gc=False):
    """A parsed target. `authority` is set for the absolute form, which outranks Host (RFC 9112 3.2.2)."""

    path: str
    query: bytes
    authority: str | None = None


def read_target(raw: bytes) -> Target:
    """The target `raw` (visible ASCII). Origin and absolute form are taken, and `*`; PeerError 400 for all else."""
    if raw[:1] == b"/":
        path, _, query = raw.partition(b"?")
        return Target(decode_path(path), query)
    if raw == b"*":
        return Target("*", b"")
    match = _ABSOLUTE.fullmatch(raw)
    if match is None or not is_host(match[1].decode("ascii")):
        raise PeerError(400, "expected a path or an http URL as the request target")
    path, _, query = match[2].partition(b"?")
    return Target(decode_path(path or b"/"), query, match[1].decode("ascii"))


def is_host(value: str) -> bool:
    """Whether `value` may stand in a Host field: a name or an address, with a port or without (RFC 3986 3.2)."""
    return _HOST.fullmatch(value) is not None


def decode_path(raw: bytes) -> str:
    """`raw` percent-decoded once. PeerError 400 for what could mean different things to different readers."""
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    if b"%2f" in raw.lower() or b"#" in raw:
        raise PeerError(400, "the path has an encoded slash or a fragment")
    try:
        path = _unquote(raw).decode("utf-8")
    except ValueError:
        raise PeerError(400, "the path is not UTF-8 in percent-encoding") from None
    segments = path.split("/")
    if segments[0] or "" in segments[1:-1] or "." in segments or ".." in segments or _CONTROL.search(path):
        raise PeerError(400, "the path has empty segments, dot segments or control characters")
    return path


def query_value(query: bytes, name: str) -> str | None:
    """The first value of `name` in a query of the form `a=1&b=2`; damaged encodings stay as they are."""
    wanted = name.encode()
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if _lenient(key) == wanted:
            return _lenient(value).decode("utf-8", "replace")
    return None


def _lenient(raw: bytes) -> bytes:
    spaced = raw.replace(b"+", b" ")
    try:
        return _unquote(spaced)
    except ValueError:
        return spaced


def _unquote(raw: bytes) -> bytes:
    """ValueError when a `%` is not followed by two hexadecimal digits."""
    first, *rest = raw.split(b"%")
    return first + b"".join(bytes((_byte(piece),)) + piece[2:] for piece in rest)


def _byte(piece: bytes) -> int:
    digits = piece[:2]
    if len(digits) != 2 or not digits.isalnum():  # int() would also take "+1" and "1_"
        raise ValueError(piece)
    return int(digits, 16)
