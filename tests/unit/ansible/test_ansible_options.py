"""The options of a role say the same in three places: defaults, argument specs, README."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "ansible" / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<default>.+?) \| (?P<meaning>.+) \|$", re.MULTILINE)


def read(role: str, file: str) -> dict:
    return yaml.safe_load((ROLES / role / file).read_text())


def specs(role: str) -> dict:
    return read(role, "meta/argument_specs.yml")["argument_specs"]


def shown(value: object) -> str:
    """A default as the README has it."""
    if value == "":
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text.replace('|', chr(92) + '|')}`"


def documented(role: str) -> dict[str, tuple[str, str]]:
    text = (ROLES / role / "README.md").read_text()
    table = re.search(r"<!-- options: .*?-->\n(.*?)<!-- end of options -->", text, re.DOTALL)[1]
    return {row["name"]: (row["default"], row["meaning"]) for row in ROW.finditer(table)}


def described(option: dict) -> str:
    words = option["description"]
    if "choices" in option:
        words += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return words


def test_there_are_roles() -> None:
    assert NAMES == ["edge", "edge_watch"]


@pytest.mark.parametrize("role", NAMES)
def test_every_default_is_an_option_of_an_entry_point_and_the_other_way_round(role: str) -> None:
    options = {name: option["default"] for entry in specs(role).values() for name, option in entry["options"].items()}
    assert options == read(role, "defaults/main.yml")


@pytest.mark.parametrize("role", NAMES)
def test_the_readme_lists_every_option_with_its_default_and_meaning(role: str) -> None:
    options = {n: (shown(o["default"]), described(o)) for e in specs(role).values() for n, o in e["options"].items()}
    assert documented(role) == options


@pytest.mark.parametrize("role", NAMES)
def test_an_option_means_the_same_at_every_entry_point(role: str) -> None:
    seen: dict[str, dict] = {}
    for entry in specs(role).values():
        for name, option in entry["options"].items():
            assert seen.setdefault(name, option) == option


@pytest.mark.parametrize("role", NAMES)
def test_every_entry_point_is_a_file_of_tasks(role: str) -> None:
    for entry in specs(role):
        assert (ROLES / role / "tasks" / f"{entry}.yml").is_file()


def test_the_worker_has_the_three_entry_points() -> None:
    assert list(specs("edge")) == ["main", "rollback", "uninstall"]


@pytest.mark.parametrize("role", NAMES)
def test_names_of_options_begin_with_the_role(role: str) -> None:
    assert [name for name in read(role, "defaults/main.yml") if not name.startswith(f"{role}_")] == []


def test_no_entry_point_asks_for_what_its_tasks_do_not_know() -> None:
    """Every option is used in a task, a template, a variable or another default."""
    used = "".join(
        path.read_text()
        for folder in ("tasks", "templates", "vars", "defaults")
        for path in (ROLES / "edge" / folder).iterdir()
    )
    assert [n for n in read("edge", "defaults/main.yml") if len(re.findall(rf"\b{n}\b", used)) < 2] == []
