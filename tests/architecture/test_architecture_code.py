"""Rules of the design that no linter knows, read from the syntax trees of the package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "edge").rglob("*.py"))
# Where a defect of one handler, viewer or channel must not end the others: it is logged there and counted.
SUPERVISORS = {
    "edge/channel/channel.py",
    "edge/channel/worker.py",
    "edge/flow/hub.py",
    "edge/host/governing.py",
    "edge/host/ticking.py",
    "edge/hits/writing.py",
    "edge/http/outlet.py",
    "edge/http/protocol.py",
    "edge/serve/hlsfeed.py",
    "edge/serve/viewer.py",
}
WRITERS = {"edge/log.py"}  # and the command line
MUTABLE = {"dict", "list", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray", "WeakSet"}
CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*|__\w+__")
RUNTIME = {"av", "crawler-user-agents", "httptools", "msgspec", "prometheus-client", "uvloop"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def calls(module: ast.AST, function: str) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            yield node.lineno


def swallowing(module: ast.AST) -> Iterator[int]:
    """Handlers of everything that do not raise it again at their end."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"BaseException"}
        last = node.body[-1]
        if caught & {"Exception", "BaseException"} and not (isinstance(last, ast.Raise) and last.exc is None):
            yield node.lineno


def mutable(module: ast.Module) -> Iterator[int]:
    """Module-level names, other than constants, bound to what can change."""
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _changes(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if not all(CONSTANT.fullmatch(each) for each in names):
                yield node.lineno


def _changes(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return called in MUTABLE
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_commands_print(path: Path) -> None:
    if name(path).startswith("edge/cli/") or name(path) in WRITERS:
        return
    assert list(calls(tree(path), "print")) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_supervisors_catch_everything(path: Path) -> None:
    if name(path) not in SUPERVISORS:
        assert list(swallowing(tree(path))) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_hold_no_state(path: Path) -> None:
    module = tree(path)
    assert list(mutable(module)) == []
    assert [node.lineno for node in ast.walk(module) if isinstance(node, ast.Global)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize(
    ("check", "code", "lines"),
    [
        (mutable, "seen = {}\nNAMES = {}\n_cache: list[int] = []\nx = 3\n__all__ = []\n", [1, 3]),
        (mutable, "queue = collections.deque()\nname = str()\n", [1]),
        (swallowing, "try: f()\nexcept Exception: pass\n", [2]),
        (swallowing, "try: f()\nexcept (ValueError, BaseException) as e: log(e)\n", [2]),
        (swallowing, "try: f()\nexcept: pass\n", [2]),
        (swallowing, "try: f()\nexcept BaseException:\n  g()\n  raise\n", []),
        (swallowing, "try: f()\nexcept OSError: pass\n", []),
        (lambda module: calls(module, "print"), "def f():\n  print(1)\n  self.print(2)\n", [2]),
    ],
)  # fmt: skip
def test_the_rules_find_what_they_are_for(check: object, code: str, lines: list[int]) -> None:
    assert list(check(ast.parse(code))) == lines  # type: ignore[operator]


def test_every_named_exception_is_still_needed() -> None:
    """A file that no longer catches everything, or has gone, leaves the list."""
    there = [path for path in MODULES if name(path) in SUPERVISORS]
    assert [name(path) for path in there if not list(swallowing(tree(path)))] == []
    assert {name(path) for path in there} >= SUPERVISORS


def test_packages_import_only_what_stands_below_them() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_small_host_pays_for_six_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {re.split(r"[^a-z-]", dependency)[0] for dependency in project["dependencies"]} == RUNTIME
    assert all("<" in dependency for dependency in project["dependencies"])
