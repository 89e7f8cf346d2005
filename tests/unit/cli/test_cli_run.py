"""`edge run` loads what a worker needs and nothing else: it lives long in little memory."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest

from edge.cli import run
from edge.host.allocator import ALLOCATOR

# Each costs 0.1 MB or more, with what it imports; html.entities, email and http.server come with urllib.request.
UNWANTED = {
    "ssl", "hashlib", "argparse", "html.entities", "email", "http.server", "urllib.request", "wsgiref", "tempfile",
    "shutil", "ast", "locale", "ipaddress", "tomllib", "rich", "unittest", "multiprocessing", "sqlite3",
}  # fmt: skip


def by_argparse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("words", [[], ["--config", "edge.toml"], ["--config", "a b"], ["--config", ""]])
def test_the_usual_command_lines_mean_what_argparse_says(words: list[str]) -> None:
    plain = run.plain(words)
    assert plain is not None
    assert vars(plain) == vars(by_argparse(words))


@pytest.mark.parametrize("words", [["--help"], ["--config"], ["--config=x"], ["--config", "--help"], ["x", "y"]])
def test_all_others_are_left_to_argparse(words: list[str]) -> None:
    assert run.plain(words) is None


def test_a_worker_loads_nothing_that_it_does_not_need() -> None:
    script = f"""
import sys, edge.cli.main
from edge.cli import run
run._uvloop()
import edge.app, edge.config.load, edge.media.pipeline
print(sorted({UNWANTED!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_what_stood_in_is_there_when_it_is_needed() -> None:
    script = """
from edge.cli import run
run._uvloop()
import inspect, subprocess, traceback, urllib.parse
assert urllib.parse.urlsplit("http://[::1]:80/").hostname == "::1"
try:
    urllib.parse.urlsplit("http://[v1.:x/")
except ValueError:
    pass
assert subprocess.run(["echo", "text"], capture_output=True, text=True).stdout == "text\\n"
assert str(inspect.signature(len)) == "(obj, /)"
assert inspect.cleandoc(inspect.getsource(traceback.print_exc)).startswith("def print_exc")
try:
    1 / 0
except ZeroDivisionError:
    assert "ZeroDivisionError" in traceback.format_exc()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_worker_has_its_allocator_set(tmp_path) -> None:
    """A configuration that is wrong ends it at once, after it has begun again: told by what the process was given."""
    clean = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    command = [sys.executable, "-X", "importtime", "-m", "edge", "run", "--config", str(tmp_path / "none")]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("| edge.host.allocator") + done.stderr.count("|   edge.host.allocator") == 2
