"""What a user can set about the media of a channel."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec

from edge.units import BitRate

# Best first; `edge.media.ladder` says what each leaves out.
RungName = Literal[
    "full", "loop-noref", "loop-none", "skip-nonref", "skip-b", "fps-10", "fps-7.5", "gop-half", "gop-quarter",
    "copy", "key", "audio", "audio-copy",
]  # fmt: skip
Highest = Literal[
    "auto", "full", "loop-noref", "loop-none", "skip-nonref", "skip-b", "fps-10", "fps-7.5", "gop-half", "gop-quarter",
    "copy", "key", "audio", "audio-copy",
]  # fmt: skip
RUNGS: tuple[str, ...] = get_args(RungName)

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


class LadderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[channel.ladder]`: the rungs that the governor may use, from `highest` to `lowest`. `auto`: the lowest that
    nobody can tell from `full` at the size and rate of the rendition. `allow_copy`: the source may be passed on as it
    is, at its own size and rate, where the line can bear it."""

    highest: Highest = "auto"
    lowest: RungName = "audio-copy"
    allow_copy: bool = False
