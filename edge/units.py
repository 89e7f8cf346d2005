"""Quantities as people write them: `"64MiB"`, `"256k"`, `"6s"`. Each type is its number, in base units.

Decimal prefixes (k, M, G) count in thousands, binary ones (Ki, Mi, Gi) in 1024s; a bare TOML number is base units.
"""

from __future__ import annotations

import re
from typing import Any

_PREFIX = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?|)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")


class Quantity:
    """What the number types share: the words for an error message, and reading one."""

    expected = ""

    @classmethod
    def read(cls, value: object) -> Any:
        """The quantity that `value` (a TOML value) means. ValueError says what was expected."""
        raise NotImplementedError


def _number(value: object, pattern: re.Pattern[str], units: dict[str, Any], suffix: str, expected: str) -> float:
    if isinstance(value, bool):
        raise ValueError(expected)
    if isinstance(value, int | float):
        number: float = value
    elif isinstance(value, str) and (match := pattern.fullmatch(value.strip().removesuffix(suffix).rstrip())):
        number = float(match[1]) * units[match[2]]
    else:
        raise ValueError(expected)
    if not 0 <= number < 2**63:
        raise ValueError(expected)
    return number


class BitRate(int, Quantity):
    """Bits per second: `"256k"`, `"10M"`, `256000`."""

    expected = 'a bit rate such as "256k" or "10M"'

    @classmethod
    def read(cls, value: object) -> BitRate:
        return cls(round(_number(value, _SIZE, _PREFIX, "b/s", cls.expected)))


class Bytes(int, Quantity):
    """Bytes: `"64MiB"`, `"500G"`."""

    expected = 'a size such as "64MiB" or "500G"'

    @classmethod
    def read(cls, value: object) -> Bytes:
        return cls(round(_number(value, _SIZE, _PREFIX, "B", cls.expected)))


class Seconds(float, Quantity):
    """Seconds: `"6s"`, `"250ms"`, `"2h"`."""

    expected = 'a duration such as "6s" or "2m"'

    @classmethod
    def read(cls, value: object) -> Seconds:
        return cls(_number(value, _DURATION, _SECONDS, "\0", cls.expected))


def dec_hook(kind: type, value: object) -> Any:
    """msgspec's hook for the types of this module."""
    if issubclass(kind, Quantity):
        return kind.read(value)
    raise NotImplementedError(kind)


def show_rate(bits: float) -> str:
    """`256000` as `256 kb/s`."""
    for size, name in ((1e9, "Gb/s"), (1e6, "Mb/s"), (1e3, "kb/s")):
        if bits >= size:
            return f"{bits / size:.4g} {name}"
    return f"{bits:.0f} b/s"


def show_bytes(count: float) -> str:
    """`1048576` as `1.0 MiB`."""
    for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.1f} {name}"
    return f"{count:.0f} B"
