"""The command line as a user meets it: a process, its output and its exit code."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from edge.cli import main as cli
from edge.cli.parsing import parser_of
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve"], 'edge: expected a verb, got "serve"; edge --help says more'),
        (["chekc"], 'edge: expected a verb, got "chekc", did you mean "check"?; edge --help says more'),
        (["--nonsense"], "edge: unrecognized arguments: --nonsense; edge --help says more"),
        (["check", "--nonsense"], "edge check: unrecognized arguments: --nonsense; edge check --help says more"),
        (["run", "edge.toml"], "edge run: unrecognized arguments: edge.toml; edge run --help says more"),
        (["probe"], "edge probe: the following arguments are required: URL; edge probe --help says more"),
        (["hits", "import"], "edge hits import: the following arguments are required: LOG; edge hits import --help …"),
        (["run", "--config", "/nonexistent"], "/nonexistent: expected a readable TOML file, got: No such file or dir…"),
        (["check", "--config", "/"], "/: expected a readable TOML file, got: Is a directory"),
        (["probe", "gopher://source.example/"], "edge: expected a source by …"),
        (["bench", "--memory", "lots"], "edge: --memory: expected …"),
        (["bench", "--cpu", "-5"], "edge: --cpu: expected …"),
        (["bench", "--sample", "large"], "edge: --sample: expected …"),
        (["hits", "report", "--top", "x"], "edge hits report: argument --top: invalid int value: 'x'; …"),
        (["top", "--url", "edge.example"], "edge: --url: expected …"),
        (["bundle", "--arch", "mips"], "edge: --arch: expected …"),
        (["token", "new"], "edge token new: the following arguments are required: --scope; edge token new --help …"),
    ],
)
def test_rubbish_is_one_line_that_says_what_was_expected(words: list[str], said: str) -> None:
    done = edge(*words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(said.removesuffix("…"))
    assert said.endswith("…") or line == said


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


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_help_of_a_verb_has_examples_that_it_takes(verb: str) -> None:
    module = import_module(f"edge.cli.{verb}")
    parser = parser_of(verb, module)
    shown = parser.format_help()
    assert module.EXAMPLES
    for example in module.EXAMPLES:
        assert f"\n  {example}\n" in shown
        words = shlex.split(example.split(" | ")[0])
        assert words[:2] == ["edge", verb]
        parser.parse_args(words[2:])


def test_every_module_of_the_package_is_a_verb_or_known() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    known = {"__init__", "main", "memory", "parsing", "version", "hitsimport", "hitslocal", "hitsreport"}
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
