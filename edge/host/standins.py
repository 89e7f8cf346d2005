"""Imports a library without the modules that it names at its top and that edge never lets it use.

A module costs memory for as long as the process lives: a host of 128 MB feels each megabyte.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

importing = threading.RLock()  # who needs the real ones later must not come by while others stand in for them


class _StandIn(ModuleType):
    """Has every name: a class of its own, so that one can be derived from several; 0 where the name is a constant's.
    When the imports are `over`, whoever still holds it gets the real module's names, which is loaded then."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # a package: what is imported from it is another stand-in
        self.over = False

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.over:
            with importing:
                return getattr(import_module(self.__name__), name)
        return 0 if name.isupper() else type(name, (), {})


@contextmanager
def standins(*names: str) -> Iterator[None]:
    """While it lasts, those of `names` that are not loaded seem to be. What a library takes out of them in this time,
    classes to derive from above all, it must never use; modules that it only names are loaded when it does. For one
    thread: others that import the same hold `importing`."""
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
                module.over = True
                if sys.modules.get(name) is module:
                    del sys.modules[name]
