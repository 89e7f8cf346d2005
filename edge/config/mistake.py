"""One mistake in a configuration, and how a wrong value is shown without showing a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from edge.errors import ConfigError
from edge.log import redact

_BARE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN = 100
_ARTICLES = {"name": "a name", "id": "an id"}


class Mistake(msgspec.Struct, frozen=True):
    """`path` is the key's place in the file, empty for the file itself: `channel[1].video.width` (counted from 0)."""

    path: str
    expected: str
    got: str

    def text(self, file: str) -> str:
        place = f"{file}:{self.path}" if self.path else file
        return f"{place}: expected {self.expected}, got {self.got}"


class Mistakes(ConfigError):
    """Everything that is wrong with a configuration, one message a line."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


def repeated(tables: list[Any], path: str, key: str, kind: type, most: int) -> Iterator[Mistake]:
    """Tables of the array at `path` whose `key`, of type `kind`, another one has; and more of them than `most`."""
    first: dict[object, int] = {}
    for index, table in enumerate(tables):
        value = table.get(key) if isinstance(table, dict) else None
        if not isinstance(value, kind):
            continue
        if value in first:
            what = f"{show(value)}, as {path}[{first[value]}] has"
            yield Mistake(f"{path}[{index}].{key}", f"{_ARTICLES[key]} of its own", what)
        first.setdefault(value, index)
    if len(tables) > most:
        yield Mistake(path, f"at most {most} {path}s", str(len(tables)))


def child(path: str, key: str) -> str:
    """The path of `key` inside the table at `path`; keys that TOML would quote are quoted."""
    name = key if _BARE.fullmatch(key) else quoted(key)
    return f"{path}.{name}" if path else name


def quoted(text: str) -> str:
    """`text` on one line, cut to a readable length, without the credentials of a URL."""
    text = redact(text)
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 1] + "…"
    return '"' + "".join(c if c.isprintable() and c != '"' else f"\\x{ord(c):02x}" for c in text) + '"'


def show(value: object) -> str:
    """`value` as TOML has it, short."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    # Python refuses to print integers of thousands of digits; TOML has them in hexadecimal.
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**18):
        return repr(value)
    return kind(value)


def kind(value: object) -> str:
    """What `value` is, without its content."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case dict():
            return "a table"
        case list():
            return "an array"
    return f"a {type(value).__name__}"
