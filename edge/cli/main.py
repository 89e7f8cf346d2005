"""`edge VERB …`. A verb's module is imported when it is called, so that no verb pays for another's imports.

A verb is a module of this package with `HELP`, `EXAMPLES`, `add_arguments(parser)` and `run(args) -> int`, the exit
code; and perhaps `plain(words) -> args | None`, which spares it argparse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge.errors import ConfigError, EdgeError
from edge.host.allocator import begin_again

if TYPE_CHECKING:
    import argparse

    from edge.cli.parsing import Parser

VERBS: Mapping[str, str] = {
    "run": "serve the channels of a configuration, or a demo channel without one",
    "check": "say what a configuration means, or everything that is wrong with it",
    "probe": "say what a source holds and what edge would do with it",
    "bench": "measure what this host can carry, and say it in words",
    "token": "make, list and revoke access tokens",
    "bundle": "make a release for another host: edge and its wheels, verified, compiled, in one file",
    "top": "watch a running worker in the terminal",
    "backup": "copy what a worker keeps into one file, also while it runs",
    "restore": "put a backup back, while no worker runs",
    "hits": "report, export, import, purge and forget the hits of sites",
}
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line. 0: done, 1: failed, 2: wrong configuration or usage, 130: interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None and words[:1] == ["run"]:
        begin_again()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except ConfigError as error:
        return _say(error, USAGE)
    except EdgeError as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of our output has gone (`edge check | head`); nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _dispatch(words: list[str]) -> int:
    if words and words[0] in VERBS:
        return _run(words[0], words[1:])
    if "--version" in words[:1]:
        from edge.cli.version import version  # noqa: PLC0415 - imports av

        print(version())
        return OK
    from edge.cli.parsing import nearest  # noqa: PLC0415 - see plain()

    parser = _parser()
    if words and not words[0].startswith("-"):
        parser.error(f'expected a verb, got "{words[0]}"{nearest(words[0], VERBS)}')
    parser.parse_args(words)  # --help and unknown options end here
    parser.print_help(sys.stderr)
    return USAGE


def _parser() -> Parser:
    import argparse  # noqa: PLC0415 - see plain()

    from edge.cli.parsing import Parser  # noqa: PLC0415

    verbs = "\n".join(f"  {name:8} {text}" for name, text in VERBS.items())
    parser = Parser(
        prog="edge",
        description="A steady live channel from a source that keeps failing; visits counted without personal data.",
        usage="edge VERB [options]   (edge VERB --help says more)",
        epilog=f"verbs:\n{verbs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="name the versions of edge, PyAV, FFmpeg and Python")
    return parser


def _run(verb: str, words: list[str]) -> int:
    module = import_module(f"edge.cli.{verb}")
    args = module.plain(words) if hasattr(module, "plain") else None
    code: int = module.run(args or _parsed(verb, module, words))
    return code


def _parsed(verb: str, module: Any, words: list[str]) -> argparse.Namespace:
    from edge.cli.parsing import parser_of  # noqa: PLC0415 - see plain()

    return parser_of(verb, module).parse_args(words)


def _say(error: EdgeError, code: int) -> int:
    """One clear line instead of a traceback; a configuration's mistakes have one each, as `file:key: …`."""
    from edge.config.mistake import Mistakes  # noqa: PLC0415 - imports msgspec
    from edge.log import redact  # noqa: PLC0415

    prefix = "" if isinstance(error, Mistakes) else "edge: "
    for line in str(error).splitlines():
        print(f"{prefix}{redact(line)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
