"""What a user can set about the media of a channel."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.units import BitRate

Side = Annotated[int, msgspec.Meta(ge=16, le=4096, multiple_of=2)]


class VideoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[channel.video]`. One of `width` and `height` may be left out (aspect kept); both: the source's size."""

    codec: Literal["h264", "copy", "none"] = "h264"
    width: Side | None = None
    height: Side | None = None
    fit: Literal["anamorphic", "pad", "crop", "stretch"] = "anamorphic"
    fps: Annotated[float, msgspec.Meta(gt=0, le=120)] = 25.0
    bitrate: BitRate = BitRate(500_000)
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "ultrafast"


class AudioSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[channel.audio]`. `auto` copies AAC that is within `bitrate` and `channels`, else encodes AAC."""

    codec: Literal["auto", "aac", "copy", "none"] = "auto"
    bitrate: BitRate | None = None
    channels: Literal[1, 2] | None = None
