"""ADTS headers of AAC frames (ISO/IEC 13818-7, 6.2) and the config that stands for them. Pure."""

from __future__ import annotations

from edge.media.overlap import TICKS

HEADER = 7  # bytes, and 2 of CRC unless protection_absent
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def is_adts(data: bytes) -> bool:
    """syncword 0xFFF, layer 0 (ISO/IEC 13818-7, 6.2.1)"""
    return len(data) > HEADER and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def audio_config(adts: bytes) -> bytes:
    """The 2-byte AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) that an ADTS header stands for."""
    object_type, rate = (adts[2] >> 6) + 1, adts[2] >> 2 & 15
    channels = (adts[2] & 1) << 2 | adts[3] >> 6
    return bytes([object_type << 3 | rate >> 1, (rate & 1) << 7 | channels << 3])


def sound_of(adts: bytes) -> tuple[int, int] | None:
    """(rate, channel configuration); None when the header leaves it to the frame."""
    rate, channels = adts[2] >> 2 & 15, (adts[2] & 1) << 2 | adts[3] >> 6
    return (_RATES[rate], channels) if rate < len(_RATES) and channels else None


def ticks(data: bytes) -> int:
    """How long a frame lasts; 0 when it is no ADTS frame."""
    sound = sound_of(data) if is_adts(data) else None
    return 0 if sound is None else 1024 * TICKS // sound[0]
