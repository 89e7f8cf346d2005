"""What a token may do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

Scope: TypeAlias = Literal["view", "publish", "stats", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


def granted(scopes: Iterable[str]) -> frozenset[str]:
    """What `scopes` allow: `admin` includes the others."""
    held = frozenset(scopes)
    return frozenset(SCOPES) if "admin" in held else held & frozenset(SCOPES)
