"""Header fields that a user may add to what edge sends to a source."""

from __future__ import annotations

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110 5.6.2; the bound is ours
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Where to, and how the message and its answer are framed, is not the user's; a range would be of something live.
_OURS = frozenset(
    ("connection", "content-length", "expect", "host", "range", "te", "trailer", "transfer-encoding", "upgrade")
)


def trouble(name: str, value: str) -> str:
    """What was expected instead of this field, empty when it may be sent. Does not show the value: it may be secret."""
    if not _NAME.fullmatch(name):
        return "a header name (letters, digits, -)"
    if name.lower() in _OURS:
        return "a header that edge does not set itself"
    return "" if _VALUE.fullmatch(value) else "a value of Latin-1 characters without line breaks"
