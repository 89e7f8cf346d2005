"""Access logs, a line at a time: common, combined, nginx's and Caddy's JSON. Pure; work is linear in a line's length.

A line that is not read gives None, whatever it holds.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TypeAlias

import msgspec

from edge.access.proxies import read_address

_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11,
    "Dec": 12,
}  # fmt: skip
_LATEST = 253_370_764_800  # the year 9999


class Line(msgspec.Struct, frozen=True, gc=False):
    """One request. Raw: it never leaves the process that reads the log."""

    at: int  # Unix second
    address: str
    method: str
    target: str  # as it was asked for: a path, or a URL
    status: int
    size: int  # bytes of the answer, 0 unknown
    referrer: str = ""
    agent: str = ""
    host: str = ""  # as the client asked for it; empty: the log does not say


Reader: TypeAlias = Callable[[str], Line | None]


def detect(lines: Sequence[str]) -> str | None:
    """The name of the format that reads the most of the first lines; None: no format reads any."""
    read = {name: sum(1 for line in lines if reader(line)) for name, reader in FORMATS.items()}
    best = max(read, key=lambda name: read[name])
    return best if read[best] else None


# -- common and combined


def combined(line: str) -> Line | None:
    """`address - user [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 123`, in combined with `"referrer" "agent"`.
    A host before the address, as in Apache's vhost_combined, is taken."""
    who, opened, rest = line.partition(" [")
    when, closed, rest = rest.partition('] "')
    if not opened or not closed:
        return None
    words = who.split(" ", 2)
    if len(words) < 3:
        return None
    host = words.pop(0).partition(":")[0] if not read_address(words[0]) and read_address(words[1]) else ""
    request, numbers, *more = _quoted('"' + rest)
    return _line(
        at=_clf_time(when),
        address=words[0],
        request=request,
        numbers=numbers.split(),
        more=more,
        host=host,
    )


def _line(*, at: int | None, address: str, request: str, numbers: list[str], more: list[str], host: str) -> Line | None:
    method, _, target = request.partition(" ")
    target = target.rpartition(" ")[0] or target  # HTTP/0.9 had no version
    status, size = _number(numbers[0] if numbers else ""), _number(numbers[1] if len(numbers) > 1 else "") or 0
    if at is None or status is None or not _good(method, target):
        return None
    referrer, agent = (_said(more[n]) if n < len(more) else "" for n in (0, 2))
    return Line(at, address, method, target, status, size, referrer, agent, host)


def _quoted(text: str) -> list[str]:
    """What stands in quotation marks and what stands between, in turn: `"a" b "c"` gives a, b, c. A backslash takes
    the meaning from what follows it."""
    if "\\" not in text:
        return [*text.split('"')[1:], "", ""]
    found, start, escaped = [], 0, False
    for n, sign in enumerate(text):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            found.append(text[start:n])
            start = n + 1
    return [*(_unescape(each) for each in (*found[1:], text[start:])), "", ""]


def _unescape(text: str) -> str:
    return text.replace('\\"', '"').replace("\\x22", '"').replace("\\\\", "\\")


def _said(text: str) -> str:
    return "" if text == "-" else text


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _good(method: str, target: str) -> bool:
    return method.isascii() and method.isalpha() and len(method) <= 20 and bool(target)


def _clf_time(text: str) -> int | None:
    """`24/Nov/2026:12:00:00 +0100`."""
    day, month, year, clock = text[:2], _MONTHS.get(text[3:6]), text[7:11], text[12:20].split(":")
    zone = text[21:]
    numbers = [_number(part) for part in (day, year, *clock)]
    if month is None or len(clock) != 3 or None in numbers or len(zone) != 5 or zone[0] not in "+-":
        return None
    east = _number(zone[1:])
    if east is None:
        return None
    offset = (east // 100 * 60 + east % 100) * (-60 if zone[0] == "-" else 60)
    parts: list[Any] = [numbers[1], month, numbers[0], *numbers[2:4]]
    try:
        minute = datetime(*parts)  # noqa: DTZ001 - of the zone that stands beside it
    except ValueError:
        return None
    second = numbers[4] or 0
    return max(0, timegm(minute.timetuple()) + second - offset) if second <= 60 else None


# -- JSON


def nginx(line: str) -> Line | None:
    """A JSON object by nginx's variables, whatever a user's `log_format` calls them."""
    found = _object(line)
    if found is None or isinstance(found.get("request"), dict):
        return None
    get = _getter(found)
    method, target = get("request_method", "method"), get("request_uri", "uri", "path", "url")
    if not (method and target):
        method, _, rest = get("request").partition(" ")
        target = rest.rpartition(" ")[0] or rest
    at = _moment(get("msec", "time_iso8601", "time_local", "timestamp", "@timestamp", "time", "ts"))
    status = _number(get("status"))
    if at is None or status is None or not _good(method, target):
        return None
    return Line(
        at,
        get("remote_addr", "realip_remote_addr", "client_ip", "remote_ip", "ip"),
        method,
        target,
        status,
        _number(get("body_bytes_sent", "bytes_sent", "size")) or 0,
        _said(get("http_referer", "http_referrer", "referer", "referrer")),
        _said(get("http_user_agent", "user_agent", "agent")),
        get("host", "http_host", "server_name", "vhost").partition(":")[0],
    )


def caddy(line: str) -> Line | None:
    """What Caddy's access log writes: `request` is an object with the headers in it."""
    found = _object(line)
    request = found.get("request") if found else None
    if found is None or not isinstance(request, dict):
        return None
    get, asked = _getter(found), _getter(request)
    headers = request.get("headers")
    said = {name.lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
    at, status, method, target = _moment(get("ts")), _number(get("status")), asked("method"), asked("uri")
    if at is None or status is None or not _good(method, target):
        return None
    address = asked("client_ip", "remote_ip") or asked("remote_addr").rpartition(":")[0].strip("[]")
    referrer, agent = (_first(said.get(name)) for name in ("referer", "user-agent"))
    host = asked("host").partition(":")[0]
    return Line(at, address, method, target, status, _number(get("size")) or 0, referrer, agent, host)


def _object(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _getter(values: Mapping[str, Any]) -> Callable[..., str]:
    """Looks up the first of some names that is there, as text."""

    def get(*names: str) -> str:
        for name in names:
            value = values.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return repr(value)
        return ""

    return get


def _first(value: Any) -> str:
    """Of a header's values."""
    found = value[0] if isinstance(value, list) and value else value
    return found if isinstance(found, str) else ""


def _moment(text: str) -> int | None:
    """Seconds since 1970, ISO 8601, or as in the common format."""
    if text[2:3] == "/":
        return _clf_time(text)
    try:
        seconds = float(text)
    except ValueError:
        return _iso(text)
    return int(seconds) if isfinite(seconds) and 0 <= seconds < _LATEST else None


def _iso(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return max(0, int(found.timestamp()))
    except (OverflowError, ValueError):
        return None


FORMATS: Mapping[str, Reader] = {"combined": combined, "nginx JSON": nginx, "Caddy JSON": caddy}
