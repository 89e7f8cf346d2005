"""Between the store and an answer: whether a request's hits are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from edge.errors import OverloadError, StoreError

Refusing: TypeAlias = StoreError | OverloadError


class Kept:
    """Settled once, on the loop: by None after the commit, or by why there is none. One listener, told at once.

    A future would tell it a turn of the loop later, for 8 µs of processor time a hit.
    """

    __slots__ = ("_error", "_settled", "_tell")

    def __init__(self) -> None:
        self._settled = False
        self._error: Refusing | None = None
        self._tell: Callable[[Refusing | None], None] | None = None

    def settle(self, error: Refusing | None = None) -> None:
        """What `Store.submit` is given as `done`. Only the first time counts."""
        if self._settled:
            return
        self._settled, self._error = True, error
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(error)

    def then(self, tell: Callable[[Refusing | None], None]) -> None:
        if self._settled:
            tell(self._error)
        else:
            self._tell = tell
