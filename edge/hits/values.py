"""Short values of a hit: numbers, a country, a language, a screen, timings. Pure; what makes no sense is nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import isfinite

_BUCKETS = (480, 768, 1024, 1280, 1600, 1920, 2560)  # screens, by width
_SCREENS = ("0-479", "480-767", "768-1023", "1024-1279", "1280-1599", "1600-1919", "1920-2559", "2560+")
_COMMON = frozenset(("ar", "cs", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh"))
_AFTER_TAG = frozenset(("", "-", ",", ";", "_"))
_LARGEST = 1e8  # of a value or a revenue; telephone and card numbers are larger
_SLOWEST = 600_000  # milliseconds of a page's timing
TIMINGS = frozenset(("pf_net", "pf_srv", "gt_ms", "pf_tfr", "pf_dm1", "pf_dm2", "pf_onl"))
_NO_TIMINGS = (None,) * 6
_NOWHERE = ("XX", "T1")  # what proxies say of an unknown country, and of Tor


def timings(fields: Mapping[str, str]) -> tuple[int, ...]:
    """Of older trackers gt_ms, the time that the server took."""
    get = fields.get
    raw = (get("pf_net"), get("pf_srv") or get("gt_ms"), get("pf_tfr"), get("pf_dm1"), get("pf_dm2"), get("pf_onl"))
    if raw == _NO_TIMINGS:
        return ()
    known = tuple([_milliseconds(text) for text in raw])
    return known if max(known) >= 0 else ()


def _milliseconds(text: str | None) -> int:
    if not text:
        return -1
    value = int(text) if len(text) <= 6 and text.isdecimal() else number(text, -1.0)
    return int(value) if 0 <= value <= _SLOWEST else -1


def number(text: str, otherwise: float = 0.0) -> float:
    """Finite and bounded, else `otherwise`."""
    try:
        value = float(text) if text and len(text) <= 30 and "_" not in text else otherwise
    except ValueError:
        return otherwise
    return value if isfinite(value) and abs(value) < _LARGEST else otherwise


def country(said: str) -> str:
    code = said.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code not in _NOWHERE else ""


def language(languages: str) -> str:
    """The primary subtag of the first language: two or three letters (ISO 639)."""
    tag = languages[:2]
    if tag in _COMMON and languages[2:3] in _AFTER_TAG:
        return tag
    tag = languages[:40].partition(",")[0].partition(";")[0].partition("-")[0].partition("_")[0].strip().lower()
    return tag if 2 <= len(tag) <= 3 and tag.isascii() and tag.isalpha() else ""


def screen(resolution: str) -> str:
    width = resolution.partition("x")[0]
    if not 0 < len(width) <= 5 or not (width.isascii() and width.isdecimal()) or width.startswith("0"):
        return ""
    return _SCREENS[bisect_right(_BUCKETS, int(width))]
