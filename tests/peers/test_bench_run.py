"""`edge bench` as a user runs it: a real run, its files, its page in Chromium, and what it does when it is hindered."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from browsing import chromium as browser
from programs import peer

from edge.bench.compare import load
from edge.bench.model import Report

pytestmark = [pytest.mark.timeout(600)]
Done: TypeAlias = subprocess.CompletedProcess[str]
# Seconds for a run. The first are enough for every step on a host that has nothing else to do; how many a busy one
# needs, nobody knows, and a run ends by the clock.
BUDGETS = (20, 60, 180)
SHORT = (8, 30, 120)  # where the sample and the first rung are enough
PATIENCE = 120.0


def bench(*words: str, **options: object) -> Done:
    command = [sys.executable, "-m", "edge", "bench", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, **options)


def bench_until(good: Callable[[Done], object], budgets: tuple[int, ...], *words: str, **options: object) -> Done:
    """The first run with which there was time for what is asked; the last one, if there never was."""
    for seconds in budgets:
        done = bench("--seconds", str(seconds), *words, **options)
        if good(done):
            break
    return done


def own_children(folder: Path) -> set[str]:
    """Command lines of the processes of a run whose TMPDIR is `folder`: after it there must be none."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if f"{folder}/edge-measures-" in line:
                    found.add(line)
    return found


def temporary(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder)}


def whole(report: Report) -> bool:
    """Everything was measured that the tests look at; rungs in the middle may be guessed."""
    there = (report.together, report.fanout, report.rungs and report.rungs[0].measured and report.rungs[-1].measured)
    return report.complete and all(there)


@pytest.fixture(scope="module", name="ran")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    folder = tmp_path_factory.mktemp("bench")
    words = ["--quick", "--line", "10M", "--json", str(folder / "run.json"), "--html", str(folder / "run.html")]
    good = lambda done: done.returncode or whole(load(str(folder / "run.json")))  # noqa: E731
    return bench_until(good, BUDGETS, *words, env=temporary(folder)), folder


def test_it_ends_with_a_verdict_and_a_snippet(ran: tuple) -> None:
    done, _ = ran
    assert (done.returncode, done.stderr) == (0, "")
    assert "Verdict\n  This host holds 352x240 at 15 frames/s from 960x540 at 50 with" in done.stdout
    assert done.stdout.rstrip().endswith("channels = 1")
    assert "\x1b" not in done.stdout


def test_the_snippet_is_a_configuration(ran: tuple, tmp_path: Path) -> None:
    done, _ = ran
    lines = done.stdout.partition("For the configuration\n")[2].splitlines()
    file = tmp_path / "edge.toml"
    file.write_text(f'data_dir = "{tmp_path}"\n' + "\n".join(line.removeprefix("  ") for line in lines))
    command = [sys.executable, "-m", "edge", "check", "--config", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "h264, 352x240 (anamorphic), at most 15 frames/s, 256 kb/s" in checked.stdout


def test_the_file_holds_what_was_measured(ran: tuple) -> None:
    _, folder = ran
    report = load(str(folder / "run.json"))
    assert (report.schema, report.complete) == (1, True)
    assert (report.stream.width, report.stream.height, report.stream.fps) == (960, 540, 50)
    best = report.rungs[0]
    assert best.measured
    assert 0.001 < best.cost.value < 5
    assert best.fps == pytest.approx(15, abs=1)
    assert 20 << 20 < best.anonymous < best.peak < 200 << 20
    assert len(report.rungs) >= 5
    assert report.rungs[-1].measured
    assert report.rungs[-1].cost.value < best.cost.value
    assert report.together.viewers == 3
    assert 0 < report.together.speed < 1.5  # below 1 where others keep the processor
    assert report.together.anonymous > 20 << 20
    assert report.fanout.viewers in (10, 100)
    assert 200_000 < report.fanout.rate < 600_000
    assert 0 < report.fanout.processor.value < 0.05
    assert report.host.versions["av"]
    assert report.host.kernel.startswith("Linux")
    assert {bound.name for bound in report.limits} >= {"cores", "memory", "cpu quota"}
    assert report.verdict.viewers <= report.verdict.viewer_bounds["line"]


def test_nothing_stays_behind(ran: tuple) -> None:
    _, folder = ran
    assert own_children(folder) == set()


def earlier(folder: Path, change: float, to: Path) -> str:
    """The file of the same run on a host where each rung costs `change` times as much; nothing else is known of it."""
    old = json.loads((folder / "run.json").read_text())
    for rung in old["rungs"]:
        rung["cost"] = {k: v and v * change for k, v in rung["cost"].items()}
        rung["anonymous"] = None
    old |= {"lags": [], "fanout": None, "together": None, "hits": None}
    to.write_text(json.dumps(old))
    return str(to)


def has_compared(done: Done) -> bool:
    return "processor a media second" in done.stdout


def test_a_comparison_tells_worse_by_its_exit_code(ran: tuple, tmp_path: Path) -> None:
    _, folder = ran
    done = bench_until(has_compared, SHORT, "--compare", earlier(folder, 0.01, tmp_path / "fast.json"))
    assert done.returncode == 3, done.stdout
    assert f"rung {load(str(folder / 'run.json')).rungs[0].name}: processor a media second" in done.stdout


@pytest.mark.peer
@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (360, "dark")])
def test_the_page_is_seen(ran: tuple, chromium: str, width: int, scheme: str) -> None:
    _, folder = ran
    complaints: list[str] = []
    with browser(chromium) as opened:
        tab = opened.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
        tab.goto((folder / "run.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width, "it scrolls sideways"
        shapes = tab.evaluate(
            "[...document.querySelectorAll('svg rect.bar, svg rect.guess')].map(r => [r.getBoundingClientRect().width,"
            " r.parentElement.getBoundingClientRect().width])"
        )
        assert len(shapes) >= 8
        assert all(0 < bar <= chart <= width for bar, chart in shapes)
        back, text = tab.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
        light = [sum(map(int, c.strip("rgb()").split(","))) for c in (back, text)]
        assert light == sorted(light, reverse=scheme == "light")
        assert len(tab.screenshot(full_page=True)) > 20_000
    assert complaints == []


def test_a_terminal_sees_colours_and_a_bar() -> None:
    """Under `script`, which gives it a terminal of its own."""
    program = peer("script")
    command = f"{sys.executable} -m edge bench --seconds 8"
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    done = subprocess.run(
        [program, "-qec", command, "/dev/null"],
        capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "\x1b[" in done.stdout
    assert "Verdict" in done.stdout
    assert " %" in done.stdout.partition("Verdict")[0]


def interrupted(number: signal.Signals, child: str, folder: Path, *words: str) -> None:
    """A long run gets the signal when it has a child whose command line matches `child`."""
    command = [sys.executable, "-m", "edge", "bench", "--seconds", "120", *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": temporary(folder)}
    with subprocess.Popen(command, **options) as process:
        end = time.monotonic() + PATIENCE
        while not any(re.search(child, line) for line in own_children(folder)):
            assert time.monotonic() < end, own_children(folder)
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        end = time.monotonic() + PATIENCE
    assert (process.returncode, err) == (130, "")
    assert "interrupted" in out
    while own_children(folder):  # one that was about to start when the signal came ends by itself
        assert time.monotonic() < end, own_children(folder)
        time.sleep(0.05)


def test_ctrl_c_tells_what_is_known_so_far(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    interrupted(signal.SIGINT, r'"rung":"\w', tmp_path, "--json", str(file))  # the second rung: the first has no name
    report = load(str(file))
    assert not report.complete
    assert report.rungs[0].measured


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_lost_connection_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    interrupted(number, "child make", tmp_path)


NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")


def as_nobody() -> tuple[list[str], dict[str, str]]:
    """A Python that runs as a user without rights, and its environment. The one of these tests may be root's alone."""
    if os.geteuid() != 0:
        return [sys.executable], {}
    drop = [peer("setpriv"), *NOBODY]
    here = Path(__file__).resolve().parents[2]
    beside = {"PYTHONPATH": f"{here}:{sysconfig.get_path('purelib')}"}
    for python in (sys.executable, "/usr/bin/python3"):
        test = [*drop, python, "-c", "import av, edge, subprocess, sys; subprocess.check_call([sys.executable, '-V'])"]
        done = subprocess.run(test, env=os.environ | beside, cwd="/", capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            return [*drop, python], beside
    pytest.skip("no Python that other users may run has av and can read the checkout")


def test_a_user_without_rights_in_a_folder_that_cannot_be_written() -> None:
    python, more = as_nobody()
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "PYTHONPATH")} | more
    for seconds in SHORT:
        done = subprocess.run(
            [*python, "-m", "edge", "bench", "--seconds", str(seconds), "--memory", "200MiB", "--cpu", "80%"],
            cwd="/", env=environment, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        if "This host holds" in done.stdout.replace("\n  ", " "):
            break
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    said = done.stdout.replace("\n  ", " ")
    assert "This host holds 352x240" in said
    assert "200.0 MiB, 80 % of a core: " in said
    if "not enforced" in said:
        assert "The verdict reckons with it all the same" in said


def test_a_cage_where_it_can_be_made(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    words = ["--memory", "128MiB", "--cpu", "50%", "--json", str(file)]
    done = bench_until(lambda done: done.returncode or load(str(file)).together, (14, 60, 180), *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "128.0 MiB, 50 % of a core" in done.stdout
    if "not enforced" not in done.stdout:
        assert "cgroup" in done.stdout or "systemd" in done.stdout
        assert "charged to the cage" in done.stdout
        report = load(str(file))
        assert report.verdict.capacity <= 0.425
        assert all(rung.share <= 0.6 for rung in report.rungs if rung.measured)
        assert report.together.charged < 128 << 20


def test_the_users_own_source_is_measured_and_its_path_stays_at_home(
    ran: tuple, source_sample: Path, tmp_path: Path
) -> None:
    """And compared with an earlier run."""
    film = tmp_path / "film.ts"
    shutil.copy(source_sample, film)
    file, old = tmp_path / "run.json", earlier(ran[1], 100.0, tmp_path / "slow.json")
    done = bench_until(has_compared, SHORT, "--source", str(film), "--json", str(file), "--compare", old)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Compared with the earlier run" in done.stdout
    assert "better" in done.stdout
    assert f'source = "{film}"' in done.stdout
    report = load(str(file))
    assert (report.stream.origin, report.stream.width) == (str(film), 960)
    assert report.stream.seconds == pytest.approx(13.44, abs=0.1)
    assert str(film) not in report.snippet


def test_a_source_that_is_not_there_is_one_line() -> None:
    done = bench("--seconds", "8", "--source", "/nowhere/film.ts")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "edge: the source: expected a media file at /nowhere/film.ts: No such file or directory\n"
