"""`edge run`: the worker. It lives long in little memory, so this file and what it imports load late and little."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from edge.host.standins import standins

if TYPE_CHECKING:
    import argparse

HELP = "serve the channels of a configuration, or a demo channel without one"
EXAMPLES = (
    "edge run",
    "edge run --config edge.toml",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="the TOML file; without it, a demo channel on 127.0.0.1:8080")


def plain(words: list[str]) -> SimpleNamespace | None:
    """What argparse would make of `words` in the usual case; None: ask it, for 0.4 MB."""
    if not words:
        return SimpleNamespace(config=None)
    if len(words) == 2 and words[0] == "--config" and not words[1].startswith("-"):
        return SimpleNamespace(config=words[1])
    return None


def run(args: argparse.Namespace | SimpleNamespace) -> int:
    """Serves until SIGTERM or SIGINT. 0: ended as asked."""
    # For the first process of a container SIGTERM means nothing until somebody says what: from here on it ends the
    # start, which may take seconds on a cold disk, and from App.run on it stops the worker in good order.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    uvloop = _uvloop()
    from edge.app import App  # noqa: PLC0415 - imports asyncio
    from edge.config.load import load  # noqa: PLC0415

    app = App(load(args.config))
    # What is loaded by now stays for ever: the collector need not look at it again. Containers are closed explicitly.
    gc.freeze()
    # A thousand hits that wait for their commit are about as many objects; looked at every 700, a hit cost 2 µs more.
    gc.set_threshold(10_000)
    code = uvloop.run(app.run())
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that hangs in a library must not keep the process: everything of ours is closed by now.
    os._exit(code)


def _uvloop() -> Any:
    """uvloop and asyncio without what they name and do not use here, 2 MB: `ssl` (http.tls loads it for the first
    source that needs it); `ast` (inspect reads sources with it), `locale` (of subprocess, for text), `tokenize` (of
    linecache, for a traceback's lines) and `ipaddress` (of urllib, for literal addresses) are loaded when needed."""
    with standins("ssl", "ast", "locale", "tokenize", "ipaddress"):
        import urllib.parse  # noqa: F401, PLC0415

        import uvloop  # noqa: PLC0415 - only this verb pays for it
    return uvloop
