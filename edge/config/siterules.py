"""What types cannot say about `[[site]]` and `[hits]`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.config.mistake import Mistake, child, quoted, repeated
from edge.config.walk import Rule
from edge.errors import ConfigError
from edge.hits.calendar import Calendar
from edge.hits.settings import MAX_SITES

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}(?::[0-9]{{1,5}})?|\[[0-9a-f:.]+\](?::[0-9]{{1,5}})?")
_FIELD = re.compile(r"[A-Za-z0-9-]{1,64}")
_MANY = 50  # rules and names of one site: each is looked at for each hit


def sites(tables: list[Any], path: str) -> Iterator[Mistake]:
    yield from repeated(tables, path, "id", int, MAX_SITES)


def site(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    if table.get("hosts") == []:
        yield Mistake(child(path, "hosts"), "at least one host", "none")
    for key in ("hosts", "query_allow", "path_rules", "events", "goals", "dimensions"):
        count = len(table[key]) if isinstance(table.get(key), list | dict) else 0
        if count > _MANY:
            yield Mistake(child(path, key), f"at most {_MANY}", str(count))


def host(value: str, path: str) -> Iterator[Mistake]:
    """Any port stands for itself; without one, every port counts."""
    if not _HOST.fullmatch(value):
        yield Mistake(path, 'a host in small letters such as "www.example.org", "*.example.org"', quoted(value))


def timezone(value: str, path: str) -> Iterator[Mistake]:
    try:
        Calendar(value)
    except ConfigError as error:
        hint = "; this host has no tz database: install the package tzdata" if "tzdata" in str(error) else ""
        yield Mistake(path, 'a time zone such as "Europe/Paris" or "UTC"', quoted(value) + hint)


def path_rule(value: str, path: str) -> Iterator[Mistake]:
    if not value.startswith("/") or "//" in value or "?" in value:
        yield Mistake(path, 'a path with a * for each part that is not kept, such as "/user/*"', quoted(value))


def _numbers(most: int) -> Rule:
    def rule(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
        for key, value in table.items():
            if not (key.isascii() and key.isdecimal() and 0 < int(key[:9]) <= most and not key.startswith("0")):
                yield Mistake(child(path, key), f"a number from 1 to {most} as the key", quoted(key))
            if isinstance(value, str) and not 0 < len(value.strip()) <= 100:
                yield Mistake(child(path, key), "a name of 1 to 100 characters", f"{len(value)} characters")

    return rule


def country_header(value: str, path: str) -> Iterator[Mistake]:
    if not _FIELD.fullmatch(value):
        yield Mistake(path, 'the name of a header such as "CF-IPCountry"', quoted(value))


def readable(value: str, path: str) -> Iterator[Mistake]:
    if not os.path.isfile(value):  # noqa: PTH113 - the worker does without pathlib
        yield Mistake(path, "a file", f"{quoted(value)}, which is none")
    elif not os.access(value, os.R_OK):
        yield Mistake(path, "a file that can be read", f"{quoted(value)}, which user {os.geteuid()} may not read")


SITE_RULES: Mapping[str, Rule] = {
    "hits.spam_file": readable,
    "hits.country_header": country_header,
    "site": sites,
    "site[]": site,
    "site[].hosts[]": host,
    "site[].timezone": timezone,
    "site[].path_rules[]": path_rule,
    "site[].goals": _numbers(999_999),
    "site[].dimensions": _numbers(999),
}
