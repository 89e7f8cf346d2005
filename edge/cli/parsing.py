"""How the words of a verb are read. Its help has examples; what is wrong with the words is one line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """argparse's own would print its usage, of several lines, before each error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help says more\n")


def parser_of(verb: str, module: Any) -> Parser:
    """Of a module of a verb, see `edge.cli.main`."""
    made = Parser(
        prog=f"edge {verb}",
        description=f"{module.HELP[0].upper()}{module.HELP[1:]}.",
        epilog="\n  ".join(("examples:", *module.EXAMPLES)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(made)
    return made


def nearest(word: str, known: Iterable[str]) -> str:
    """What was perhaps meant by `word`, as the end of a sentence; "" if nobody knows."""
    near = get_close_matches(word, tuple(known), n=1)
    return f', did you mean "{near[0]}"?' if near else ""
