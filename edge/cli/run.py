"""`edge run`: the worker."""

from __future__ import annotations

import argparse
import gc
import os
import sys

HELP = "serve the channels of a configuration, or a demo channel without one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="the TOML file; without it, a demo channel on 127.0.0.1:8080")


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT. 0: ended as asked."""
    import uvloop  # noqa: PLC0415 - only this verb pays for it

    from edge.app import App  # noqa: PLC0415
    from edge.config.load import load  # noqa: PLC0415

    app = App(load(args.config))
    # What is loaded by now stays for ever: the collector need not look at it again. Containers are closed explicitly.
    gc.freeze()
    code = uvloop.run(app.run())
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that hangs in a library must not keep the process: everything of ours is closed by now.
    os._exit(code)
