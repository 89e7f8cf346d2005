"""`edge token`: makes, lists and revokes tokens."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from edge.access.scopes import SCOPES
from edge.access.tokens import Tokens
from edge.errors import EdgeError

HELP = "make, list and revoke access tokens"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    new = verbs.add_parser("new", help="make a token; its secret is printed once, on standard output")
    new.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given several times")
    new.add_argument("--note", default="", help="whose it is")
    revoke = verbs.add_parser("revoke", help="end a token; a running edge knows within 2 seconds")
    revoke.add_argument("id", help="as `edge token list` shows it")
    for verb in (new, revoke, verbs.add_parser("list", help="show the tokens, without their secrets")):
        place = verb.add_mutually_exclusive_group()
        place.add_argument("--config", type=Path, metavar="F", help="the configuration whose data_dir holds the tokens")
        place.add_argument("--data-dir", type=Path, metavar="D", default=Path("edge-data"), help="default: ./edge-data")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when the file refuses or holds no such token, 2 when the configuration is wrong."""
    try:
        directory = _directory(args)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _do(args, Tokens(str(directory / "tokens.json")))
    except OSError as error:
        print(f"edge token: {error.filename}: {error.strerror}", file=sys.stderr)
    except EdgeError as error:
        print(f"edge token: {error}", file=sys.stderr)
        return 2 if error.owner == "configuration" else 1
    return 1


def _directory(args: argparse.Namespace) -> Path:
    if args.config is None:
        return Path(args.data_dir)
    from edge.config.load import load  # noqa: PLC0415 - only when a configuration is named

    return Path(load(str(args.config)).data_dir)


def _do(args: argparse.Namespace, tokens: Tokens) -> int:
    if args.verb == "new":
        return _new(args, tokens)
    return _list(tokens) if args.verb == "list" else _revoke(args, tokens)


def _new(args: argparse.Namespace, tokens: Tokens) -> int:
    print(tokens.new(args.scope, args.note))
    print("This secret is shown only now. Send it as: Authorization: Bearer <secret>", file=sys.stderr)
    return 0


def _list(tokens: Tokens) -> int:
    for token in tokens.list():
        day = time.strftime("%Y-%m-%d", time.gmtime(token.created))
        print(f"{token.id}  {day}  {','.join(token.scopes)}  {token.note}".rstrip())
    return 0


def _revoke(args: argparse.Namespace, tokens: Tokens) -> int:
    if tokens.revoke(args.id):
        return 0
    print(f'edge token: there is no token "{args.id}": see edge token list', file=sys.stderr)
    return 1
