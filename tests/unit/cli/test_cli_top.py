"""`edge top`: its screen as text, and the program on a terminal of its own, beside a worker that is started again."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import msgspec
import pytest
from running import channel, running

from edge.cli.main import main
from edge.cli.reading import remote
from edge.cli.top import coloured
from edge.cli.topview import screen
from edge.errors import ConfigError, EdgeError
from edge.observe.snapshot import Build
from edge.observe.status import (
    ChannelStatus,
    HitsStatus,
    LoopStatus,
    MemoryStatus,
    NetworkStatus,
    ProcessorStatus,
    SiteStatus,
    Status,
)

SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'
DEMO = channel("demo", "demo:") + SITE
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def status(channels: int = 2, sites: int = 2, **changes: object) -> Status:
    viewers, sent = {"ts": 3, "flv": 1, "mp4": 2, "hls": 120}, {"ts": 10**9}
    made = Status(
        Build("1.2.3", "3.11"), "ready", 100_000.0, 90_000.0,
        tuple(
            ChannelStatus(
                f"channel-{n}", True, "live", 10_000.0, None, 352, 240, "gop-quarter", "quota", 0.25, None, 5.0, 1.0,
                42, viewers, sent,
            )
            for n in range(channels)
        ),
        LoopStatus(240, 0.001, 0.012, 0.3),
        MemoryStatus(96 << 20, 70 << 20, 80 << 20, 20 << 20, {"rings": 9 << 20}, "idle"),
        ProcessorStatus(0.25, 0.24, 5.0, 1.0), NetworkStatus(130, {"2xx": 4000}, 0, 45 << 30),
        HitsStatus(
            tuple(SiteStatus(n, f"site-{n}.example", 123_456, 7_890, 456) for n in range(sites)),
            True, 3, 2, 1, 0, 9, 1 << 22,
        ),
        1 << 34, 1 << 33,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def shown(lines: list[str]) -> str:
    return CODES.sub("", "\n".join(lines))


@pytest.mark.parametrize("size", [(80, 24), (40, 8), (200, 60), (1, 1)])
@pytest.mark.parametrize("counts", [(0, 0), (1, 1), (100, 50)])
def test_a_screen_fits_its_terminal(size, counts):
    now = status(*counts)
    lines = screen(now, None, "/var/lib/edge/edge.sock", *size, colour=True, note="no edge answers")
    assert len(lines) <= size[1]
    assert max(map(len, shown(lines).split("\n"))) <= size[0]
    assert all(line.count("\x1b[0m") == len(CODES.findall(line)) / 2 for line in lines)  # no colour runs on


def test_eighty_columns_hold_what_matters():
    before = status(time=99_998.0, uptime=89_998.0)
    sites = tuple(msgspec.structs.replace(site, hits=site.hits + 7) for site in before.hits.sites)
    now = status(hits=msgspec.structs.replace(before.hits, sites=sites))
    text = shown(screen(now, before, "edge.sock", 80, 24, colour=False))
    for words in (
        "1.2.3", "ready", "up 1d 01h", "80.0 MiB of 96.0 MiB", "letting go: idle", "0.24 of 0.25 cores", "p99 12 ms",
        "channel-1 live      1d 01h gop-quarter  250 ms     126", "42 quota", "the database refuses hits",
        "1 site-1.example", "3.5     123463", "≥ 456",
    ):  # fmt: skip
        assert words in text, words
    assert "ts 3, flv 1, mp4 2, hls 120" not in text
    assert "ts 3, flv 1, mp4 2, hls 120" in shown(screen(now, before, "edge.sock", 120, 24, colour=False))


def test_what_does_not_fit_is_counted():
    text = shown(screen(status(100, 50), None, "x", 80, 24, colour=False))
    channels, sites = text.count("channel-"), text.count(".example")
    assert f"… and {100 - channels} more" in text
    assert f"… and {50 - sites} more" in text
    assert min(channels, sites) >= 1


def test_a_name_cannot_move_the_cursor():
    bad = msgspec.structs.replace(status(1), channels=(ChannelStatus("\x1b[2Jx", True, "live", 0.0),))
    assert "\x1b[2J" not in "".join(screen(bad, None, "x", 80, 24, colour=True))


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours(monkeypatch, environment, wanted):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert coloured() is wanted


# -- the program


class Screen:
    """`edge top` on a pseudo-terminal."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.resize(24, 80)
        command = [sys.executable, "-m", "edge", "top", "--interval", "0.2", *words]
        env = {**os.environ, "TERM": "xterm", **environment}
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env, start_new_session=True
        )
        self.said = b""

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, good, what: str) -> str:
        """Reads until the last whole screen is `good`."""
        end = time.monotonic() + 120
        while True:
            screens = self.said.decode(errors="replace").split("\x1b[H")
            if len(screens) > 2 and good(screens[-2]):
                return screens[-2]
            assert time.monotonic() < end, f"waited in vain for {what}: {self.said[-3000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.said += os.read(self.master, 65536)

    def key(self, data: bytes) -> None:
        os.write(self.master, data)

    def ended(self) -> int:
        """The exit code; the terminal is as it was before."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < end, "it did not end"
            if select.select([self.master], [], [], 0.1)[0]:
                self.said += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.said += os.read(self.master, 65536)
        assert termios.tcgetattr(self.slave) == self.before
        assert self.said.count(b"\x1b[?1049h") == self.said.count(b"\x1b[?1049l") == self.said.count(b"\x1b[?25h")
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture(name="open_top")
def opens_top():
    opened = []

    def open_top(*words: str, **environment: str) -> Screen:
        opened.append(Screen(*words, **environment))
        return opened[-1]

    yield open_top
    for each in opened:
        each.close()


@pytest.fixture(scope="module", name="worker")
def a_worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("top")
    with running(folder, DEMO) as worker:
        worker.folder = folder
        worker.until_live("demo")
        yield worker


@pytest.mark.parametrize(("leave", "code"), [(b"q", 0), (b"\x03", 0), (signal.SIGTERM, 0)])
def test_it_shows_the_worker_and_leaves_the_terminal_as_it_was(worker, open_top, leave, code):
    top = open_top("--config", str(worker.folder / "edge.toml"))
    text = CODES.sub("", top.until(lambda text: "demo" in text and "live" in text, "the channel"))
    assert "www.example.org" in text
    if isinstance(leave, bytes) and leave != b"\x03":
        top.key(leave)
    else:  # the terminal is not the controlling one of this session, so Ctrl-C is sent as what it means
        top.process.send_signal(signal.SIGINT if leave == b"\x03" else leave)
    assert top.ended() == code


def test_it_follows_the_size_of_the_terminal_and_honours_no_color(worker, open_top):
    top = open_top("--data-dir", str(worker.folder / "data"), NO_COLOR="1")
    top.until(lambda text: "demo" in text and "BY OUTPUT" not in text, "80 columns")
    top.resize(10, 140)
    top.process.send_signal(signal.SIGWINCH)
    wide = top.until(lambda text: "BY OUTPUT" in text, "140 columns")
    assert wide.count("\r\n") <= 12  # the terminal makes \r\r\n of it, which counts once
    assert not re.search(r"\x1b\[[0-9;]*m", wide)
    top.key(b"q")
    assert top.ended() == 0


def test_it_says_when_the_worker_is_away_and_when_it_was_started_anew(tmp_path, open_top):
    with running(tmp_path, SITE):
        top = open_top("--data-dir", str(tmp_path / "data"))
        top.until(lambda text: "www.example.org" in text, "the site")
    top.until(lambda text: "no edge answers" in text and "www.example.org" in text, "that it is away")
    with running(tmp_path, SITE):
        top.until(lambda text: "started anew" in text, "that it is back")
        top.key(b"q")
        assert top.ended() == 0


def test_scripts_get_the_whole_state(worker, capsys, tmp_path):
    config = ["--config", str(worker.folder / "edge.toml")]
    assert main(["top", "--once", "--json", *config]) == 0
    here = json.loads(capsys.readouterr().out)
    assert (here["channels"][0]["name"], here["channels"][0]["state"], here["state"]) == ("demo", "live", "ready")
    assert here["hits"]["sites"][0]["name"] == "www.example.org"
    assert main(["top", "--once", "--interval", "0.3", *config]) == 0
    text = capsys.readouterr().out
    assert "demo" in text
    assert "\x1b" not in text
    main(["token", "new", "--scope", "admin", *config])
    (tmp_path / "token").write_text(capsys.readouterr().out)
    far = remote(worker.url, (tmp_path / "token").read_text().strip())
    worker.until(lambda: answers(far), "the token to be known")
    assert main(["top", "--once", "--json", "--url", worker.url, "--token-file", str(tmp_path / "token")]) == 0
    there = json.loads(capsys.readouterr().out)
    assert set(there) == set(here)


def answers(reader) -> bool:
    try:
        reader.read()
    except EdgeError:
        return False
    return True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--once", "--data-dir", "nowhere"], 1, "no edge answers"),
        (["--once", "--url", "http://127.0.0.1:1"], 2, "--token-file"),
        (["--once", "--url", "ftp://x", "--token-file", "token"], 2, "--url"),
        (["--once", "--url", "http://u:p@x", "--token-file", "token"], 2, "without user"),
        (["--once", "--data-dir", "x", "--token-file", "token"], 2, "--url"),
        (["--once", "--interval", "0"], 2, "--interval"),
        (["--once", "--interval", "nan"], 2, "--interval"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("edge_x\n")
    assert main(["top", *words]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_token_without_the_scope_and_a_pipe_are_told_what_to_do(worker, capsys):
    with pytest.raises(ConfigError, match="scope admin"):
        remote(worker.url, "edge_wrong").read()
    assert main(["top", "--config", str(worker.folder / "edge.toml")]) == 2
    assert "--once" in capsys.readouterr().err
