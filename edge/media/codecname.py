"""What a codec is called in playlists and pages."""

from __future__ import annotations

import re
from typing import Any

_AVCC = re.compile(rb"\x01(...)", re.DOTALL)  # ISO/IEC 14496-15, 5.3.3.1
_SPS = re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67](...)", re.DOTALL)  # Annex B; any nal_ref_idc


def rfc6381(context: Any) -> str:
    """The `codecs` parameter (RFC 6381, 3.3) of a stream: `avc1.42c00c`, `mp4a.40.2`; the plain name of others."""
    data = bytes(context.extradata or b"")
    if context.name in ("libx264", "h264"):
        found = _AVCC.match(data) or _SPS.search(data)
        return f"avc1.{found[1].hex()}" if found else "avc1.42c01e"
    if context.name == "aac":
        return f"mp4a.40.{data[0] >> 3 if data else 2}"
    return str(context.name)
