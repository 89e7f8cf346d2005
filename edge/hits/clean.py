"""Text that may be kept: printable, bounded, with `*` where something stood that may tell who somebody is.

Pure, and linear in the length of the text: no expression here repeats a repetition.
What looks like a name (`/authors/alice`) cannot be told from any other word: `path_rules` are for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "*"
MOST = 200  # characters of a text that is kept
_RAW = 512  # characters of a text that are looked at
_SEGMENT = 128  # characters; a longer part of a path is no name
_ROUNDS = 4  # of percent-decoding one inside the other, besides `%2525…`, which is one
_LONG_NUMBER = 7  # digits; the shortest telephone numbers have as many
_JOINERS = " -–.()+/_"  # what stands between the groups of a telephone or card number, at most three of them
_NESTED = re.compile(r"%(?:25)+(?=[0-9A-Fa-f][0-9A-Fa-f])")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f][0-9A-Fa-f])+")
_SUSPECT = re.compile(r"[@:\d]|[a-z][A-Z]|[A-Za-z]{16}|[(\[&]")
_AT = re.compile(r"@|&#(?:64|x40);|&commat;|[(\[]at[)\]]", re.IGNORECASE)  # as pages write it so that nobody finds it
_DIGITS = re.compile(r"\d+")
_DATE = re.compile(
    r"(?:19|20)\d\d([-._/])(?:0?[1-9]|1[0-2])\1(?:[12]\d|3[01]|0?[1-9])(?!\d)"  # 2026-05-31
    r"|(?:[12]\d|3[01]|0?[1-9])([-./])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d(?!\d)"  # 31.5.2026
    r"|(?:19|20)\d\d[-–_/](?:19|20)\d\d(?!\d)"  # 2025-2026
)
_IPV4 = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_HEX_COLONS = re.compile(r"[0-9A-Fa-f:.\[\]]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_PIECE = re.compile(r"[A-Za-z0-9]{8,}")
_CHANGE = re.compile(r"\d(?=[A-Za-z])|[A-Za-z](?=\d)|[a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z])")
_UPPER = re.compile(r"[A-Z]")
_WORD_AND_NUMBER = re.compile(r"[A-Z]?[a-z]+\d{1,4}|\d{1,4}[A-Z]?[a-z]+")  # "conference2026"
_PLAIN = {0xFF01 + n: 0x21 + n for n in range(94)} | {0xFE6B: "@", 0x2010: "-", 0x2011: "-", 0x2212: "-"}


def clean(text: str, most: int = MOST) -> str:
    """A title, a word of an event, a campaign: what is kept of it, on one line. `*` stands for whole words."""
    if len(text) > _RAW:
        text = text[:_RAW].rpartition(" ")[0].rstrip("0123456789" + _JOINERS)
    text = " ".join(unescape(text).split())
    if _SUSPECT.search(text):
        text = _mask_words(mask_numbers(_mask_words(text)))
    return text if len(text) <= most else text[: most + 1].rpartition(" ")[0].rstrip() or MASK


def segment(text: str) -> str:
    """A part of a path or of a host, or a parameter's value, already unescaped: as it is, or `*` for all of it.

    Of a number only itself becomes `*`: `/news/floods-10482219.html` stays a page of its own kind.
    """
    if len(text) > _SEGMENT:
        return MASK
    if not _SUSPECT.search(text):
        return text
    if telling(text):
        return MASK
    text = mask_numbers(text)
    return MASK if telling(text) else text


def unescape(text: str) -> str:
    """`text` printable and without any percent-escape, however often it was escaped; `*` for what has no end."""
    text = printable(text)
    if "%" not in text:
        return text
    for _ in range(_ROUNDS):
        decoded = printable(_ESCAPES.sub(_decode, _NESTED.sub("%", text)))
        if decoded == text:
            return text
        text = decoded
    return text if _ESCAPES.search(text) is None else MASK


def _decode(match: re.Match[str]) -> str:
    octets = bytes.fromhex(match[0].replace("%", ""))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")  # old pages; whatever it was, it is text


def printable(text: str) -> str:
    """Without controls, marks of direction and other invisible characters; full-width forms as the plain ones."""
    if not text.isprintable():
        text = "".join([c if c.isprintable() else " " if c.isspace() else "" for c in text])
    return text if text.isascii() else text.translate(_PLAIN)


def _mask_words(text: str) -> str:
    return " ".join([MASK if telling(word) else word for word in text.split(" ")])


def telling(word: str) -> bool:
    """Whether it looks like an e-mail address, an account, an IPv6 or hardware address, an identifier or a token."""
    if _AT.search(word) or len(word) > _SEGMENT:
        return True
    if ":" in word and (word.count(":") > 2 or "::" in word) and _HEX_COLONS.fullmatch(word):
        return True
    if len(word) < 8:
        return False
    return _UUID.search(word) is not None or _restless(word) or any(map(_random, _PIECE.findall(word)))


def _restless(word: str) -> bool:
    """Whether letters, digits and cases alternate as they do in no language, though there are marks in between."""
    changes = len(_CHANGE.findall(word))
    return changes >= 5 and changes * (5 if _DIGITS.search(word) else 4) >= len(word)


def _random(piece: str) -> bool:
    """Whether letters and digits without a mark between them look drawn by lot. A long number is not for this test."""
    size = len(piece)
    if piece.isdigit():
        return False
    if size >= 32:
        return True
    if piece.isalpha():
        upper = len(_UPPER.findall(piece)) if size >= 16 else 0
        return upper * 3 >= size and ((size - upper) * 4 >= size or (upper == size and size >= 20)) if upper else False
    changes = len(_CHANGE.findall(piece))
    return (changes >= 3 and changes * 5 >= size) or (size >= 16 and not _WORD_AND_NUMBER.fullmatch(piece))


def mask_numbers(text: str) -> str:
    """Telephone, card and account numbers, IPv4 addresses: digits, in groups or not. Dates and years stay."""
    groups = [match.span() for match in _DIGITS.finditer(text)]
    if sum(end - start for start, end in groups) < _LONG_NUMBER and len(groups) < 4:
        return text
    parts: list[str] = []
    at = 0
    for start, end in _joined(text, groups):
        if _long(text[start:end]):
            parts += (text[at:start], MASK)
            at = end
    return "".join((*parts, text[at:]))


def _joined(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Groups of digits with little between them, as one."""
    first, last = groups[0]
    for start, end in groups[1:]:
        if start - last > 3 or text[last:start].strip(_JOINERS):
            yield first, last
            first = start
        last = end
    yield first, last


def _long(number: str) -> bool:
    date = _DATE.match(number)
    rest = number[date.end() :] if date else number
    return sum(map(str.isdigit, rest)) >= _LONG_NUMBER or _IPV4.fullmatch(number) is not None
