"""The README's promises hold: its first two lines, its commands, its metrics. `.ci/run` executes the two lines."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import pytest
import readme

from edge.cli.main import VERBS
from edge.observe.catalogue import METRICS

TEXT = readme.README.read_text()
RUN = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/edge run"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n auto"
FOLDERS = ("edge", "tests", "bench", "ansible", ".ci")
SUFFIXES = {".py", ".md", ".toml", ".json", ".html", ".css", ".js", ".yml", ".yaml", ".txt", ".sh", ""}


def texts() -> list[Path]:
    inside = [path for folder in FOLDERS for path in (readme.ROOT / folder).rglob("*")]
    found = [path for path in (*readme.ROOT.iterdir(), *inside) if path.is_file() and path.suffix in SUFFIXES]
    return [path for path in found if not {"node_modules", "__pycache__", ".git"} & set(path.parts)]


@pytest.mark.parametrize("line", [RUN, TEST])
def test_the_first_screen_has_the_two_lines(line: str) -> None:
    first_screen = "\n".join(TEXT.splitlines()[:45]) + "\n```"
    assert any(command.split("  #")[0].strip() == line for command in readme.commands(first_screen))


def takes(parser: argparse.ArgumentParser, words: list[str]) -> set[str]:
    """The options that `words` may use: those of the verb, and of the verbs below it."""
    options = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word in words:
                if word in action.choices:
                    options |= takes(action.choices[word], words)
    return options


@pytest.mark.parametrize("words", list(readme.edge_calls(TEXT)), ids=" ".join)
def test_every_command_of_the_readme_exists(words: list[str]) -> None:
    if words[0] in ("--version", "--help"):
        return
    assert words[0] in VERBS
    parser = argparse.ArgumentParser()
    import_module(f"edge.cli.{words[0]}").add_arguments(parser)
    used = {word.split("=")[0] for word in words if word.startswith("-")}
    assert used <= takes(parser, words)


def test_every_verb_is_in_the_readme() -> None:
    assert set(VERBS) <= {words[0] for words in readme.edge_calls(TEXT)}


def test_every_metric_of_the_readme_exists() -> None:
    known = {metric.name for metric in METRICS}
    known |= {f"{m.name}_{part}" for m in METRICS if m.kind == "histogram" for part in ("bucket", "sum", "count")}
    assert readme.metrics(TEXT) <= known


def test_the_readme_lists_every_metric() -> None:
    assert readme.section(TEXT) == readme.table(), "run: python tests/architecture/readme.py"


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    needles = [str(readme.ROOT), str(readme.ROOT.parent / "shared")]
    assert len(texts()) > 50
    for path in texts():
        text = path.read_text(errors="replace")
        assert not [needle for needle in needles if needle in text], path


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("```sh\n.venv/bin/edge run --config a.toml  # why\n```\n", [["run", "--config", "a.toml"]]),
        ("```sh\nEDGE_X=1 edge check \\\n  --config a && edge run\n```\n", [["check", "--config", "a"], ["run"]]),
        ("say `edge token new --scope stats` or `edge`\n", [["token", "new", "--scope", "stats"]]),
        ("```toml\nedge run\n```\n```sh\n# edge nonsense\n```\n", []),
        ("`edge_viewers` and `it's edge run`\n", []),
    ],
)
def test_commands_are_found(text: str, calls: list[list[str]]) -> None:
    assert list(readme.edge_calls(text)) == calls
