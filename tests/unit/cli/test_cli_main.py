"""The command line as a user meets it: a process, its output and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from edge.cli import main as cli
from edge.errors import ConfigError, EdgeError, StoreError


def edge(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *words], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_names_every_verb(words: list[str]) -> None:
    done = edge(*words)
    assert (done.returncode, done.stderr) == (0, "")
    for verb, text in cli.VERBS.items():
        assert f"  {verb:8} {text}\n" in done.stdout


def test_without_a_verb_the_help_is_printed() -> None:
    done = edge()
    assert (done.returncode, done.stdout) == (2, "")
    assert "verbs:" in done.stderr


def test_an_unknown_verb_gets_the_help_and_is_named() -> None:
    done = edge("serve")
    assert (done.returncode, done.stdout) == (2, "")
    assert "verbs:" in done.stderr
    assert done.stderr.endswith("edge: expected a verb, got 'serve'\n")


@pytest.mark.parametrize("words", [["--nonsense"], ["check", "--nonsense"]])
def test_an_unknown_option_is_a_usage_error(words: list[str]) -> None:
    done = edge(*words)
    assert done.returncode == 2
    assert "unrecognized arguments: --nonsense" in done.stderr


def test_version_names_what_a_problem_report_needs() -> None:
    done = edge("--version")
    assert done.returncode == 0
    for word in ("edge 0.", "PyAV ", "FFmpeg ", "libavcodec ", "libavformat ", "Python 3."):
        assert word in done.stdout
    assert done.stdout.count("\n") == 1


def test_help_imports_no_verb() -> None:
    code = (
        "import sys; from edge.cli.main import main\ntry: main(['-h'])\nexcept SystemExit: print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    for module in ("'av'", "'asyncio'", "'uvloop'", "'prometheus_client'", "'edge.cli.check'", "'edge.app'"):
        assert module not in done.stdout


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_a_module_that_says_the_same_of_itself(verb: str) -> None:
    module = import_module(f"edge.cli.{verb}")
    assert cli.VERBS[verb] == module.HELP


def test_every_module_of_the_package_is_a_verb_or_known() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    known = {"__init__", "main", "memory", "version", "hitsimport", "hitslocal", "hitsreport"}
    known |= {"backupfile", "local", "reading", "terminal", "topview"}
    assert modules - known == set(cli.VERBS)


def failing(error: BaseException) -> Callable[..., int]:
    def dispatch(_words: list[str]) -> int:
        raise error

    return dispatch


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("data_dir: no"), 2, "edge: data_dir: no\n"),
        (StoreError("disk full"), 1, "edge: disk full\n"),
        (EdgeError("GET http://u:hunter2@h/?k=secret failed"), 1, "edge: GET http://h/?k=… failed\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_a_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    monkeypatch.setattr(cli, "_dispatch", failing(error))
    assert cli.main([]) == code
    assert capsys.readouterr().err == said


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_dispatch", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main([])


def test_a_reader_that_goes_away_is_not_a_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "edge", "check"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_ctrl_c_is_130(tmp_path: Path) -> None:
    """`edge check` waits for a FIFO that nobody writes; the signal must end it without a traceback."""
    fifo = tmp_path / "edge.toml"
    os.mkfifo(fifo)
    process = subprocess.Popen([sys.executable, "-m", "edge", "check", "--config", str(fifo)], stderr=subprocess.PIPE)
    with fifo.open("w"):  # returns once the process has opened its end
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"")
