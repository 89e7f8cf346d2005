"""A JPEG of a decoded picture (0.6 ms at 352x240). The encoder is made for each and dropped: 0.7 MB less to keep."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from edge.media.geometry import LONGEST, even

_QSCALE = 5 * 118  # FF_QP2LAMBDA: JPEG quality of about 85
_USE_QSCALE = 2  # AV_CODEC_FLAG_QSCALE


def jpeg(frame: Any, sar: Fraction) -> bytes:
    """`frame` in square pixels."""
    width, height = min(LONGEST, even(frame.width * sar)), frame.height
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = {"huffman": "default"}
    encoder.flags |= _USE_QSCALE
    encoder.global_quality = _QSCALE
    picture = frame.reformat(width, height, "yuvj420p", threads=1)
    picture.pts, picture.time_base, picture.pict_type = 0, Fraction(1, 25), 0
    return b"".join(bytes(p) for p in encoder.encode(picture) + encoder.encode(None))
