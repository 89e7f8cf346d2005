"""`edge token`: makes, lists and revokes tokens."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from edge.access.scopes import SCOPES
from edge.access.tokens import Tokens
from edge.cli.local import PLACES, data_dir_of
from edge.errors import StoreError

HELP = "make, list and revoke access tokens"
EXAMPLES = (
    'edge token new --scope stats --note "office dashboard"',
    "edge token list --config edge.toml",
    "edge token revoke 1a2b3c4d",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    new = verbs.add_parser("new", help="make a token; its secret is printed once, on standard output")
    new.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given several times")
    new.add_argument("--note", default="", help="whose it is")
    revoke = verbs.add_parser("revoke", help="end a token; a running edge knows within 2 seconds")
    revoke.add_argument("id", help="as `edge token list` shows it")
    for verb in (new, revoke, verbs.add_parser("list", help="show the tokens, without their secrets")):
        place = verb.add_mutually_exclusive_group()
        config = f"whose data_dir holds the tokens; default: {' or '.join(PLACES)}"
        place.add_argument("--config", metavar="FILE", help=config)
        place.add_argument("--data-dir", metavar="DIR", help="the data_dir itself; without a configuration ./edge-data")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when the file refuses or holds no such token, 2 when the configuration is wrong."""
    directory = Path(args.data_dir or data_dir_of(args.config))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}") from None
    return _do(args, Tokens(str(directory / "tokens.json")))


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
    if not tokens.revoke(args.id):
        raise StoreError(f'there is no token "{args.id}": see edge token list')
    return 0
