"""A configuration file into `Settings`, or every mistake in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from edge.config.mistake import Mistake, Mistakes, child, quoted
from edge.config.model import Credentials, Document, Settings, demo
from edge.config.rules import RULES
from edge.config.walk import walk
from edge.units import dec_hook

MAX_BYTES = 2**20
MAX_MISTAKES = 100
_MAX_SECRET = 4096
CREDENTIALS = "$CREDENTIALS_DIRECTORY/"
_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def load(path: str | None, *, secrets: bool = True) -> Settings:
    """The settings of the TOML file at `path`; the demo's without one. Raises `Mistakes`.

    Without `secrets` the files that hold them are left alone: systemd shows them to the running service only, and who
    wants no source needs none.
    """
    if path is None:
        return demo()
    return settle(parse(read(path), path), path, secrets=secrets)


def read(path: str) -> str:
    """The text of the file. Raises `Mistakes`."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not imported for one line
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Mistakes((f"{path}: expected a file of at most 1 MiB, got a larger one",))
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise Mistakes((f"{path}: expected a readable TOML file, got: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Mistakes((f"{path}:{line}: expected UTF-8 text, got the byte 0x{data[error.start]:02x}",)) from None


def parse(text: str, file: str) -> dict[str, Any]:
    """The TOML document. Raises `Mistakes` with line and column."""
    import tomllib  # noqa: PLC0415 - the demo does without

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Mistakes((f"{file}: expected TOML, got tables or arrays nested too deep",)) from None
    except ValueError as error:  # TOMLDecodeError, and numbers that Python refuses to convert
        raise Mistakes((_syntax(str(error), text, file),)) from None


def _syntax(message: str, text: str, file: str) -> str:
    place = _PLACE.search(message)
    if place:
        return f"{file}:{place[1]}:{place[2]}: expected TOML, got: {message[: place.start()]}"
    lines = text.rstrip("\n").split("\n")
    return (
        f"{file}:{len(lines)}:{len(lines[-1]) + 1}: expected TOML, got: {message.removesuffix(' (at end of document)')}"
    )


def settle(tree: dict[str, Any], file: str, *, secrets: bool = True) -> Settings:
    """The settings that a parsed document means. Reads the files of `secrets` it names. Raises `Mistakes`."""
    credentials: dict[str, Credentials] = {}
    found = list(islice(_mistakes(tree, credentials if secrets else None), MAX_MISTAKES + 1))
    if found:
        messages = [mistake.text(file) for mistake in found[:MAX_MISTAKES]]
        more = [f"{file}: expected fewer mistakes, got more than {MAX_MISTAKES}"] if len(found) > MAX_MISTAKES else []
        raise Mistakes((*messages, *more))
    try:
        document = msgspec.convert(tree, Document, dec_hook=dec_hook)
    except msgspec.ValidationError as error:  # what the walk lets pass and msgspec does not
        raise Mistakes((f"{file}: {error}",)) from None
    return Settings(**msgspec.structs.asdict(document), credentials=credentials)


def _mistakes(tree: dict[str, Any], credentials: dict[str, Credentials] | None) -> Iterator[Mistake]:
    """`credentials` are filled; None: they are not wanted."""
    yield from walk(tree, msgspec.inspect.type_info(Document), RULES)
    if credentials is None:
        return
    tables = tree.get("channel")
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, dict):
            yield from _secrets(table, f"channel[{index}]", credentials)


def _secrets(table: dict[str, Any], path: str, credentials: dict[str, Credentials]) -> Iterator[Mistake]:
    """Reads the two files of a channel, so that a missing one is a mistake now and not a failing source later."""
    values = []
    for key in ("user_file", "password_file"):
        name = table.get(key)
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            continue
        try:
            values.append(secret(_credential(name)))
        except ValueError as error:
            # who writes the secret itself instead of a file name shall not find it in a log
            shown = quoted(name) if "/" in name else "a name without a folder"
            yield Mistake(child(path, key), "a file whose first line is the secret", f"{shown}: {error}")
    if len(values) == 2 and isinstance(table.get("name"), str):
        credentials[table["name"]] = Credentials(*values)


def _credential(name: str) -> str:
    """`$CREDENTIALS_DIRECTORY/NAME` is what a unit's LoadCredential=NAME:… gives. ValueError: no unit does."""
    if not name.startswith(CREDENTIALS):
        return name
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ValueError("CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential=")
    return f"{folder}/{name.removeprefix(CREDENTIALS)}"


def secret(name: str) -> str:
    """The first line of the file, stripped. ValueError says why there is none, never what the file holds."""
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            line = file.readline(_MAX_SECRET + 1)
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except OSError as error:
        raise ValueError(error.strerror) from None
    if not text:
        raise ValueError("its first line is empty")
    if len(line) > _MAX_SECRET or not text.isprintable():
        raise ValueError(f"its first line is longer than {_MAX_SECRET} bytes or not printable")
    return text
