"""BLAKE2b without hashlib, which brings libcrypto: 3.3 MB resident for a function that Python has of its own."""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:  # the module is private, a later CPython may have it elsewhere
    from hashlib import blake2b

__all__ = ("blake2b",)
