"""Imports a library without the modules that it names at its top and that edge never lets it use.

A module costs memory for as long as the process lives: a host of 128 MB feels each megabyte.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

importing = threading.RLock()  # who needs the real ones later must not come by while others stand in for them


class _StandIn(ModuleType):
    """Has every name: a class of its own, so that one can be derived from several; 0 where the name is a constant's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # a package: what is imported from it is another stand-in

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return 0 if name.isupper() else type(name, (), {})


@contextmanager
def standins(*names: str) -> Iterator[None]:
    """While it lasts, those of `names` that are not loaded seem to be. What a library imports of them in this time it
    must never use. Only for one thread: others that import the same hold `importing`."""
    with importing:
        placed = {name: _StandIn(name) for name in names if name not in sys.modules}
        for name, module in placed.items():
            package, _, own = name.rpartition(".")
            if package in placed:
                setattr(placed[package], own, module)
        sys.modules.update(placed)
        try:
            yield
        finally:
            for name, module in placed.items():
                if sys.modules.get(name) is module:
                    del sys.modules[name]
