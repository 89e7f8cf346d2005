"""Every event that edge logs stands in the README with its levels, and no field of one can hold who visits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import readme

from edge.log import LEVELS

WORKER = [
    path
    for path in sorted((readme.ROOT / "edge").rglob("*.py"))
    if path.relative_to(readme.ROOT / "edge").parts[0] not in ("cli", "bench", "bundle")
]
PERSONAL = {
    "peer",
    "address",
    "client",
    "ip",
    "user",
    "agent",
    "visitor",
    "token",
    "cookie",
    "query",
    "headers",
    "body",
}
RESERVED = {"level", "event"}


def writers(module: ast.Module) -> list[ast.Attribute]:
    """`log.info`, `self._log.warning` and so on, called or handed on."""
    found = [node for node in ast.walk(module) if isinstance(node, ast.Attribute) and node.attr in LEVELS]
    return [node for node in found if _name(node.value) in ("log", "_log")]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def events(module: ast.Module) -> Iterator[tuple[str, ast.Attribute]]:
    """The event and its writer: `log.info("event")`, `Throttle(log.info, "event")`, `(log.info, "event")`, and
    `say = log.info if … else log.warning` with `say("event")`."""
    known = {id(node): node for node in writers(module)}
    named: dict[str, list[ast.Attribute]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp):
            both = [known[id(each)] for each in (node.value.body, node.value.orelse) if id(each) in known]
            named |= {_name(target): both for target in node.targets if both}
    for node in ast.walk(module):
        items = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        pairs = list(pairwise(items))
        if isinstance(node, ast.Call) and items:
            pairs += [(node.func, items[0])] + [(each, items[0]) for each in named.get(_name(node.func), [])]
        for writer, event in pairs:
            if id(writer) in known and isinstance(event, ast.Constant) and isinstance(event.value, str):
                yield event.value, known[id(writer)]


def fields(module: ast.Module) -> set[str]:
    """Names of the fields that calls with an event pass."""
    known = {id(node) for node in writers(module)}
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and id(node.func) in known]
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def listed() -> dict[str, set[str]]:
    """The levels by event, as the README has them."""
    section = readme.README.read_text().split("\n## Log events\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for names, levels in re.findall(r"^\| (`[^|]+`) \| ([a-z, ]+) \|", section, re.MULTILINE):
        found |= {name: set(levels.split(", ")) for name in re.findall(r"`([^`]+)`", names)}
    return found


def test_the_readme_lists_every_event_with_its_levels() -> None:
    logged: dict[str, set[str]] = {}
    for path in WORKER:
        for event, writer in events(ast.parse(path.read_text())):
            logged.setdefault(event, set()).add(writer.attr)
    assert listed() == logged


@pytest.mark.parametrize("path", WORKER, ids=lambda path: path.stem)
def test_every_log_call_has_a_fixed_event_and_fields_that_are_nobody(path: Path) -> None:
    module = ast.parse(path.read_text())
    told = {id(writer) for _, writer in events(module)}
    assert [node.lineno for node in writers(module) if id(node) not in told] == []
    assert fields(module) & (PERSONAL | RESERVED) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('log.info("a", x=1)', [("a", "info")]),
        ('self._log.error("a")', [("a", "error")]),
        ('Throttle(log.warning, "a")', [("a", "warning")]),
        ('say, event = (log.warning, "a") if up else (log.info, "b")', [("a", "warning"), ("b", "info")]),
        ('say = log.info if up else log.warning\nsay("a")', [("a", "info"), ("a", "warning")]),
        ('math.log("a")\nlogging.info("b")\nlog.info(name)', []),
    ],
)
def test_events_are_found(code: str, found: list[tuple[str, str]]) -> None:
    assert sorted((event, writer.attr) for event, writer in events(ast.parse(code))) == found


def test_a_field_is_found() -> None:
    assert fields(ast.parse('log.info("a", peer=x)\nother.info("a", address=x)')) == {"peer"}
