"""The quality ladder: what a channel's work may leave out, rung by rung, and which rungs suit a stream. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from edge.media.settings import RUNGS, LadderSettings, VideoSettings

NONREF_SHARE = 0.05  # of a stream's pictures: below this, leaving them out saves nothing
PATIENT = 10.0  # seconds: rungs that show keyframes only are not for streams that have fewer


class Work(msgspec.Struct, frozen=True):
    """One rung. `relative`: what it costs compared with `full`: a guess for the judged stream (960x540 at 50 frames/s
    to 352x240 at 15), bettered by what the governor measures. `loop_filter`: for which pictures the decoder deblocks
    `decode`: which pictures are decoded. `fps`: at most so many are shown (None: as set). `video`: `still` shows
    a keyframe every ten seconds. `audio`: as set, or passed on."""

    name: str
    relative: float
    loop_filter: Literal["all", "references", "none"] = "all"
    decode: Literal["all", "references", "keys"] = "all"
    fps: float | None = None
    video: Literal["encode", "copy", "still"] = "encode"
    audio: Literal["set", "copy"] = "set"


_FULL = Work("full", 1.0)
_NONREF = Work("skip-nonref", 0.7, "all", "references")
WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        _FULL,
        _NONREF,
        msgspec.structs.replace(_NONREF, name="fps-10", relative=0.6, fps=10.0),
        msgspec.structs.replace(_NONREF, name="fps-7.5", relative=0.55, fps=7.5),
        Work("key", 0.2, "none", "keys", 7.5),
    )
}


class StreamFacts(msgspec.Struct, frozen=True):
    """What is known of the source's video now. Shares are of pictures, None: unknown. `key_interval`: seconds, the
    longest seen lately, None: not known yet. `copyable`: its packets can go on into the same containers."""

    codec: str = ""
    nonref: float | None = None
    b: float | None = None
    b_referred: bool | None = None
    key_interval: float | None = None
    copyable: bool = False
    fps: float | None = None


def ladder(settings: LadderSettings, video: VideoSettings, facts: StreamFacts) -> tuple[Work, ...]:
    """The rungs that are allowed by the settings and possible for the stream, best first; at least one."""
    if video.codec != "h264":
        return (_FULL,)
    first, last = RUNGS.index(settings.highest), RUNGS.index(settings.lowest)
    allowed = [
        WORKS[name] for name in RUNGS[first : last + 1] if name in WORKS and _possible(WORKS[name], video, facts)
    ]
    return tuple(allowed) or (_FULL,)


def _possible(work: Work, video: VideoSettings, facts: StreamFacts) -> bool:
    if work.decode == "keys":
        return facts.key_interval is not None and facts.key_interval <= PATIENT
    if work.fps is not None:
        return work.fps < min(video.fps, facts.fps or video.fps)
    if work.decode == "references":
        return facts.nonref is None or facts.nonref >= NONREF_SHARE
    return True


def nearest(works: Sequence[Work], name: str) -> Work:
    """The rung `name`, or where it is not possible now the best one below it, or else the lowest."""
    at = RUNGS.index(name)
    return next((work for work in works if RUNGS.index(work.name) >= at), works[-1])
