"""`edge top`: a running worker in the terminal."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time

from edge.cli.local import PLACES, data_dir_of
from edge.cli.reading import Gone, Reader, decode, local, remote
from edge.cli.terminal import Terminal
from edge.cli.topview import screen
from edge.errors import ConfigError
from edge.observe.status import Status

HELP = "watch a running worker in the terminal"
EXAMPLES = (
    "edge top",
    "edge top --url https://edge.example --token-file admin-token",
    "edge top --once --json",
)
TOLD = 10.0  # seconds that it is said that the worker was started anew
_LEAST, _MOST = 0.2, 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--config", metavar="FILE", help=f"whose data_dir has the socket; default: {' or '.join(PLACES)}"
    )
    place.add_argument("--data-dir", metavar="DIR", help="the data_dir itself; without a configuration ./edge-data")
    place.add_argument("--url", help="of a worker on another host; needs --token-file")
    parser.add_argument("--token-file", metavar="FILE", help="its first line is a token of scope admin")
    parser.add_argument("--interval", type=float, default=1.0, metavar="S", help="seconds (default: %(default)g)")
    parser.add_argument("--once", action="store_true", help="one look, for scripts; rates are over one interval")
    parser.add_argument("--json", action="store_true", help="the whole state as JSON, one object a line")


def run(args: argparse.Namespace) -> int:
    """0: left, or shown once. With --once an EdgeError says why nothing could be read."""
    if not _LEAST <= args.interval <= _MOST:
        raise ConfigError(f"--interval: expected {_LEAST:g} to {_MOST:g} seconds, got {args.interval:g}")
    reader = _reader(args)
    if args.json:
        return _lines(reader, args.interval, once=args.once)
    if args.once:
        return _once(reader, args.interval)
    reader.read()  # what is wrong from the start is said plainly
    with Terminal() as terminal:
        _watch(reader, args.interval, terminal)
    return 0


def _reader(args: argparse.Namespace) -> Reader:
    if args.url:
        if not args.token_file:
            raise ConfigError("--url: expected --token-file FILE with it, whose first line is a token of scope admin")
        return remote(args.url, _secret(args.token_file))
    if args.token_file:
        raise ConfigError("--token-file: expected --url with it; the local socket asks for no token")
    return local(args.data_dir or data_dir_of(args.config))


def _secret(file: str) -> str:
    from edge.config.load import secret  # noqa: PLC0415

    try:
        return secret(file)
    except ValueError as error:
        raise ConfigError(f"--token-file: expected a file whose first line is a token, got {file}: {error}") from None


# -- for scripts


def _lines(reader: Reader, interval: float, *, once: bool) -> int:
    while True:
        data = reader.raw()
        decode(data)
        print(data.decode(), flush=True)
        if once:
            return 0
        time.sleep(interval)


def _once(reader: Reader, interval: float) -> int:
    before = reader.read()
    time.sleep(interval)
    now = reader.read()
    size = shutil.get_terminal_size((80, 24))
    colour = sys.stdout.isatty() and coloured()
    print("\n".join(screen(now, before, reader.where, size.columns, 10_000, colour=colour)))
    return 0


def coloured() -> bool:
    """Whether colours are wanted on a terminal (no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


# -- on a terminal


class Watch:
    """The last two readings, and what is the matter."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.now: Status | None = None
        self.before: Status | None = None
        self._lost: float | None = None
        self._anew = float("-inf")
        self._why = ""

    def look(self, at: float) -> None:
        """At monotonic second `at`. What is no matter of time (a token that was revoked) is raised."""
        try:
            found = self.reader.read()
        except Gone as error:
            self._why = str(error)
            self._lost = at if self._lost is None else self._lost
            return
        if self.now is not None and found.uptime < self.now.uptime:
            self._anew = at
        self._lost = None
        self.before, self.now = self.now, found

    def note(self, at: float) -> str:
        if self._lost is not None:
            return f"{self._why}: trying again, for {at - self._lost:.0f} s now; what follows is old"
        return "edge was started anew" if at - self._anew < TOLD else ""


def _watch(reader: Reader, interval: float, terminal: Terminal) -> None:
    """Until q."""
    watch, colour, due = Watch(reader), coloured(), 0.0
    while True:
        now = time.monotonic()
        if now >= due:
            watch.look(now)
            due = now + interval
        if watch.now is not None:
            width, height = terminal.size()
            note = watch.note(time.monotonic())
            terminal.show(screen(watch.now, watch.before, reader.where, width, height, colour=colour, note=note))
        if terminal.wait(max(0.0, due - time.monotonic())) in ("q", "Q"):
            return
