"""One-line logs on standard error: a state once, its repetitions as a count, secrets cut out of URLs.

`event` names are fixed words (`source_away`, the README lists them), everything that varies is a field. Values from
outside cannot forge a line: control characters are escaped. No line has a time: journald and container runtimes add
theirs.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TextIO

import msgspec

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+,*?&=()\[\]~-]+")
_QUOTED = '"\\'
_URL = re.compile(r"(?<=://)([^/\s]*)([^?#\s]*)(\S*)")  # what stands before the first slash, the path, the rest
LEVELS = ("debug", "info", "warning", "error")
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}  # sd-daemon(3)


def redact(text: str) -> str:
    """URLs in `text` without user name, password, query values and fragment (tokens live there)."""
    return _URL.sub(_redact_url, text) if "://" in text else text


def _redact_url(url: re.Match[str]) -> str:
    user, _, host = url[1].rpartition("@")  # the last one: a password may hold one
    if "?" in user or "#" in user:
        return f"…{url[2]}"  # a password with a mark that should be encoded, or a query that holds an @: who knows
    host, mark, more = _split(host)
    return host + _redact_query(mark + more + url[2] + url[3]) if mark else host + url[2] + _redact_query(url[3])


def _split(text: str) -> tuple[str, str, str]:
    at = min((text.find(mark) for mark in "?#" if mark in text), default=len(text))
    return text[:at], text[at : at + 1], text[at + 1 :]


def _redact_query(text: str) -> str:
    """`text` begins with ? or #, or is empty. Names of parameters stay, as they help; a word alone may be a secret."""
    query, mark, _ = text.partition("#")
    words = [(name, sign) for name, sign, _ in (word.partition("=") for word in query[1:].split("&"))]
    shown = "&".join(f"{name}=…" if sign else "…" if name else "" for name, sign in words)
    return query[:1] + shown + (f"{mark}…" if mark else "")


def origin(url: str) -> str:
    """`scheme://host:port/…`: a path may hold user, password or stream key (`/live/USER/PASSWORD/1.ts`)."""
    scheme, mark, rest = redact(url).partition("://")
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}{mark}{host}{rest[len(host) :] if rest[len(host) :] in ('', '/') else '/…'}"


def _printable(text: str, but: str = "") -> str:
    """Without what could end the line, forge another or move a terminal's cursor; `but`: what is escaped besides."""
    if text.isprintable() and not but:
        return text
    return "".join(c if c.isprintable() and c not in but else f"\\x{ord(c):02x}" for c in text)


def _value(value: object) -> str:
    text = redact(str(value))
    if isinstance(value, float):
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    if _PLAIN.fullmatch(text):
        return text
    return f'"{_printable(text, _QUOTED)}"'


def _logfmt(level: str, event: str, fields: Mapping[str, object]) -> str:
    return " ".join((f"level={level}", f"event={event}", *(f"{k}={_value(v)}" for k, v in fields.items())))


def _journal(level: str, event: str, fields: Mapping[str, object]) -> str:
    """journald takes the number away and keeps it as the line's PRIORITY."""
    return f"<{PRIORITIES[level]}>{_logfmt(level, event, fields)}"


def _json(level: str, event: str, fields: Mapping[str, object]) -> str:
    """Numbers, true, false and null stay what they are."""
    values = {
        k: v if v is None or isinstance(v, int | float) else _printable(redact(str(v))) for k, v in fields.items()
    }
    return msgspec.json.encode({"level": level, "event": event, **values}).decode()


FORMATS: dict[str, Callable[[str, str, Mapping[str, object]], str]] = {
    "logfmt": _logfmt, "json": _json, "journal": _journal,
}  # fmt: skip


def chosen(wanted: str, environ: Mapping[str, str], stream: int = 2) -> str:
    """What `auto` means for the descriptor `stream`; any other word is meant as it is. A journal's prefixes would be
    rubbish elsewhere, so the variable alone, which children inherit, does not do (systemd.exec(5), JOURNAL_STREAM)."""
    if wanted != "auto":
        return wanted
    try:
        found = os.fstat(stream)
    except OSError:
        return "logfmt"
    return "journal" if environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}" else "logfmt"


class Log:
    """Writes events of at least `level`, in one of FORMATS. Safe from any thread."""

    def __init__(self, level: str = "info", stream: TextIO | None = None, form: str = "logfmt") -> None:
        self._least = LEVELS.index(level)
        self._stream = stream
        self._line = FORMATS[form]
        self._lock = threading.Lock()

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS.index(level) < self._least:
            return
        line = self._line(level, event, fields)
        with self._lock:
            print(line, file=self._stream or sys.stderr, flush=True)

    def debug(self, event: str, **fields: object) -> None:
        self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)


class Throttle:
    """Lets one repeated event through every `interval` seconds and tells how many it stands for.

    `flush` tells the last ones of a burst that nothing follows; who has a tick calls it there.
    """

    def __init__(self, emit: Callable[..., None], event: str, interval: float = 10.0) -> None:
        self._emit = emit
        self._event = event
        self._interval = interval
        self._next = float("-inf")
        self._count = 0
        self._fields: dict[str, object] = {}

    def __call__(self, now: float, count: int = 1, **fields: object) -> None:
        """Counts `count` events at monotonic second `now`; logs them if the interval is over."""
        self._count += count
        self._fields = fields
        self.flush(now)

    def flush(self, now: float) -> None:
        """Logs what is counted and not yet told, with the latest fields, if the interval is over."""
        if self._count and now >= self._next:
            self._emit(self._event, count=self._count, **self._fields)
            self._next = now + self._interval
            self._count = 0
            self._fields = {}
