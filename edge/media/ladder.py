"""The quality ladder: what a channel's work may leave out, rung by rung, and which rungs suit a stream. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from edge.media.settings import RUNGS, LadderSettings, VideoSettings

SHARE = 0.05  # of a stream's pictures: leaving out fewer saves nothing
PATIENT = 10.0  # seconds without a keyframe: rungs that wait for one are not for such a stream


class Work(msgspec.Struct, frozen=True):
    """One rung. `relative`: what it costs compared with `full`; a guess, measured on the judged stream (960x540 at 50
    frames/s to 352x240 at 15), that the governor betters. `loop_filter`: the pictures that the decoder deblocks.
    `decode`: the pictures that are decoded; `anchors` (I and P) where no P refers to a B, else `references`. `gop`: the
    share of each GOP, from its keyframe on, of which that is done (0: the keyframe alone). `fps`: at most so many are
    shown (None: as set). `video`: `still` shows a keyframe every ten seconds. `audio`: as set, or passed on."""

    name: str
    relative: float
    loop_filter: Literal["all", "references", "none"] = "all"
    decode: Literal["all", "references", "anchors"] = "all"
    gop: float = 1.0
    fps: float | None = None
    video: Literal["encode", "copy", "still"] = "encode"
    audio: Literal["set", "copy"] = "set"

    @property
    def depth(self) -> tuple[float, int]:
        """The greater, the more pictures are left out."""
        return (2.0 if self.video == "still" else 1 - self.gop, ("all", "references", "anchors").index(self.decode))


FULL = Work("full", 1.0)
WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        FULL,
        Work("loop-noref", 0.96, "references"),
        Work("loop-none", 0.8, "none"),
        Work("skip-nonref", 0.75, "none", "references"),
        Work("skip-b", 0.62, "none", "anchors"),
        Work("fps-10", 0.58, "none", "anchors", fps=10.0),
        Work("fps-7.5", 0.53, "none", "anchors", fps=7.5),
        Work("gop-half", 0.39, "none", "anchors", gop=0.5, fps=7.5),
        Work("gop-quarter", 0.33, "none", "anchors", gop=0.25, fps=7.5),
        Work("copy", 0.17, "none", "anchors", gop=0.0, video="copy"),
        Work("key", 0.21, "none", "anchors", gop=0.0, fps=7.5),
        Work("audio", 0.19, "none", "anchors", gop=0.0, video="still"),
        Work("audio-copy", 0.1, "none", "anchors", gop=0.0, video="still", audio="copy"),
    )
}


class StreamFacts(msgspec.Struct, frozen=True):
    """What is known of the source now. `nonref`, `b`: shares of its pictures, None: unknown. `b_referred`: whether P
    pictures may refer to B pictures. `key_interval`: the longest lately, in seconds. `shrinks`: its picture is at least
    halved, in width and height. `deblocks`: its decoder's loop filter can be switched off. `copyable`,
    `audio_copyable`: its packets can go on into the same containers. `audio_copied`: they do, whatever the rung."""

    video: str | None = None
    nonref: float | None = None
    b: float | None = None
    b_referred: bool | None = None
    key_interval: float | None = None
    fps: float | None = None
    shrinks: bool = False
    deblocks: bool = False
    copyable: bool = False
    audio_copyable: bool = False
    audio_copied: bool = False


def ladder(settings: LadderSettings, video: VideoSettings, facts: StreamFacts) -> tuple[Work, ...]:
    """The rungs that are allowed by the settings and possible for the stream, best first; where no rung is
    both, the lowest possible one above. A channel that encodes no video has nothing to lower but its sound."""
    last = RUNGS.index(settings.lowest)
    first = min(last, RUNGS.index(settings.highest if settings.highest != "auto" else unseen(video, facts)))
    possible = [name for name in RUNGS[: last + 1] if _possible(WORKS[name], settings, video, facts)]
    allowed = [WORKS[name] for name in possible if RUNGS.index(name) >= first]
    return tuple(allowed) or (WORKS[possible[-1]],)  # `full` always is


def unseen(video: VideoSettings, facts: StreamFacts) -> str:
    """The lowest rung that nobody can tell from `full`. Where the picture is at least halved, the decoder's loop filter
    is scaled away (at 352x240 from 960x540 SSIM 0.996, at the least 0.988); where there are two reference pictures for
    each that is shown, the others are not missed (a picture is shown at most one step of the source early or late)."""
    settings = LadderSettings("full", "loop-none")
    if not facts.shrinks or not _possible(WORKS["loop-none"], settings, video, facts):
        return "full"
    dense = facts.fps and facts.nonref is not None and facts.fps * (1 - facts.nonref) >= 2 * video.fps
    return "skip-nonref" if dense and _possible(WORKS["skip-nonref"], settings, video, facts) else "loop-none"


def _possible(work: Work, settings: LadderSettings, video: VideoSettings, facts: StreamFacts) -> bool:
    if work is FULL:
        return True
    if work.audio == "copy" and (facts.audio_copied or not facts.audio_copyable):
        return False
    if video.codec != "h264" or facts.video is None:
        return work.audio == "copy"
    keys = facts.key_interval is None or facts.key_interval <= PATIENT
    if work.video == "copy":
        return settings.allow_copy and facts.copyable and keys
    if work.gop < 1:
        return keys
    return _skips(work, video, facts, keys=keys)


def _skips(work: Work, video: VideoSettings, facts: StreamFacts, *, keys: bool) -> bool:
    if work.fps is not None:
        return work.fps < min(video.fps, facts.fps or video.fps)
    if work.name == "skip-b":
        return facts.b_referred is False and (facts.b or 0) >= SHARE
    if work.decode == "references":
        return facts.nonref is None or facts.nonref >= SHARE
    return keys and facts.deblocks and (work.loop_filter == "none" or facts.nonref is None or facts.nonref >= SHARE)


def nearest(works: Sequence[Work], name: str) -> Work:
    """The rung `name`, or where it is not possible now the best one below it, or else the lowest."""
    at = RUNGS.index(name)
    return next((work for work in works if RUNGS.index(work.name) >= at), works[-1])
