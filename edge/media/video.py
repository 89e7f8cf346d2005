"""Encoded video: packets placed on the timeline in, thinned out, decoded, scaled, encoded packets out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from edge.errors import CodecError
from edge.media.decode import VideoDecoder
from edge.media.encode import Encoded, VideoEncoder
from edge.media.ladder import Work
from edge.media.overlap import TICKS
from edge.media.poster import jpeg
from edge.media.scale import Scaler
from edge.media.settings import VideoSettings
from edge.media.slices import UNKNOWN
from edge.media.thinning import Thinning
from edge.media.timeline import Placed
from edge.media.unshown import Unshown

REPEAT = TICKS // 5  # how often the last picture is shown again while there is no new one: keyframes stay on time
MOST_REPEATS = 50
# Likewise while pictures are left out, on multiples: one of them is each keyframe's place. Chromium shows a picture
# of HLS only when it has five more: twice a second, that took 2.5 s of the 3 to 5 s that it has in hand.
STANDING = TICKS // 4
POSTER_EVERY = 10 * TICKS


class FrameRate:
    """At most `fps` frames a second: the first in each slot of 1/fps s. Pure."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._slot = -1

    def take(self, pts: int) -> bool:
        slot = int(pts * self._fps) // TICKS
        if slot == self._slot:
            return False
        self._slot = slot
        return True


def repeats(last: int, pts: int, every: int = REPEAT) -> list[int]:
    """When to show the last picture again between the frames at `last` and `pts` ticks, if they are far apart. Pure."""
    if pts - last <= 2 * every:
        return []
    return list(range(last + every, pts - every // 2, every))[:MOST_REPEATS]


def multiples(last: int, until: int, every: int) -> range:
    """The multiples of `every` after `last`, up to `until`; the last ones, if they are many. Pure."""
    first = max(last // every + 1, until // every - MOST_REPEATS)
    return range(first * every, until + 1, every)


class VideoTrack:
    """Decodes, thins out, scales and encodes. `emit(encoded)`; `on_template(template, geometry)` when an encoder opens;
    `on_poster(jpeg)`. `counts`: decoded, encoded, repeated, dropped_rate, dropped_late, dropped_undecoded (not shown at
    this rate, or left out by the work in hand)."""

    def __init__(
        self,
        settings: VideoSettings,
        emit: Callable[[Encoded], None],
        on_template: Callable[[Any, Any], None],
        on_poster: Callable[[bytes], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.thinning = Thinning()
        self._settings = settings
        self._emit, self._on_template, self._on_poster = emit, on_template, on_poster
        self._decoder: VideoDecoder | None = None
        self._damaged_before = 0
        self._set_rate(settings.fps)
        self._repeat_every = max(REPEAT, round(TICKS / settings.fps))
        self._scaler = Scaler(settings)
        self.size = (0, 0)  # of the source's pictures
        self._encoder: VideoEncoder | None = None
        self._stream_sar: Fraction | None = None
        self._last: Any = None  # the last scaled frame: one frame of the rendition's size
        self._last_pts = -1
        self._stands = False  # the last picture is shown while others are left out
        self._next_poster = 0

    @property
    def damaged(self) -> int:
        return self._damaged_before + (self._decoder.damaged if self._decoder else 0)

    @property
    def shrinks(self) -> bool:
        """Whether the picture is at least halved in width and height; asked after the first."""
        to = self._scaler.geometry.scale
        return 0 < 2 * to[0] <= self.size[0] and 0 < 2 * to[1] <= self.size[1]

    @property
    def deblocks(self) -> bool:
        """Whether the decoder's loop filter can be changed."""
        return self._decoder is not None and self._decoder.own

    def follow(self, stream: Any) -> None:
        """The stream of a new response. CodecError when it cannot be decoded."""
        self._stream_sar = stream.sample_aspect_ratio
        if self._decoder is None:
            self._decoder = VideoDecoder(stream, self.work.loop_filter)
            return
        for frame in self._decoder.follow(stream):
            self._frame(frame)

    @property
    def work(self) -> Work:
        """In effect."""
        return self.thinning.work

    def take(self, work: Work) -> None:
        """Works so as soon as the stream permits."""
        self.thinning.take(work)

    @property
    def _standing(self) -> int:
        return max(self._repeat_every, STANDING)

    def _set_rate(self, fps: float) -> None:
        self._fps = fps
        self._rate, self._unshown = FrameRate(fps), Unshown(fps)

    def _follow_work(self, *, key: bool, worn: bool) -> None:
        """What of the work in hand is not a matter of leaving packets out."""
        assert self._decoder is not None  # noqa: S101 - push() has looked
        work = self.work
        fps = min(work.fps or self._settings.fps, self._settings.fps)
        if fps != self._fps:
            self._set_rate(fps)
        self._decoder.skip(work.decode)
        if key:
            for frame in self._decoder.reopen(work.loop_filter, anew=worn):
                self._frame(frame)

    def push(self, placed: Placed[Any], picture: tuple[int, int] = UNKNOWN, *, key: bool | None = None) -> None:
        """`picture`: as `slices.look` tells; `key`: where the packet's own flag is wrong."""
        if self._decoder is None:
            raise CodecError("video came before its stream")
        key = bool(placed.item.is_keyframe) if key is None else key
        self._unshown.note(placed.dts)
        self.thinning.fields = self._scaler.interlaced
        unshown = not placed.fresh and not self._scaler.interlaced and self._unshown.unshown(placed.pts)
        worn = key and self._decoder.worn(placed.dts)
        verdict = self.thinning.decide(*picture, placed.pts, placed.dts, key=key, unshown=unshown, renewed=worn)
        self._follow_work(key=key, worn=worn)
        if verdict == "decode":
            for frame in self._decoder.decode(placed.item, placed.pts, placed.dts, fresh=placed.fresh):
                self._frame(frame)
        else:
            self._leave(placed.dts, last=verdict == "last")

    def _leave(self, dts: int, *, last: bool) -> None:
        assert self._decoder is not None  # noqa: S101 - push() has looked
        self.counts["dropped_undecoded"] += 1
        if last:
            self._drain()
        self._stands = self.thinning.broken
        if self._stands and self._last is not None:
            for again in multiples(self._last_pts, dts, self._standing):
                self._repeat(again)

    def _drain(self) -> None:
        """Shows what decoder and scaler hold back; a keyframe must follow."""
        assert self._decoder is not None  # noqa: S101 - callers have looked
        for frame in self._decoder.drain():
            self._frame(frame)
        for scaled in self._scaler.flush():
            self._scaled(scaled)

    def _frame(self, frame: Any) -> None:
        self.counts["decoded"] += 1
        pts = frame.pts
        if pts is None or pts <= self._last_pts:
            self.counts["dropped_late"] += 1
        elif not self._rate.take(pts):
            self.counts["dropped_rate"] += 1
        else:
            assert self._decoder is not None  # noqa: S101 - for the type checker
            self.size = (frame.width, frame.height)
            sar = self._decoder.context.sample_aspect_ratio or self._stream_sar
            for scaled in self._scaler.scale(frame, sar):
                self._scaled(scaled)

    def _scaled(self, frame: Any) -> None:
        pts = frame.pts
        if pts <= self._last_pts:
            self.counts["dropped_late"] += 1
            return
        geometry = self._scaler.geometry
        if self._encoder is None or self._encoder.geometry != geometry:
            if self._encoder is not None:
                self._encoder.close()
            self._last = None
            self._encoder = VideoEncoder(self._settings, geometry)
            self._on_template(self._encoder.template, geometry)
        if not self._stands:
            self.hold_until(pts)
        self._stands = False
        self._encode(frame, pts)
        self._last = frame

    def hold_until(self, pts: int) -> None:
        """Nothing new to show until `pts` ticks while sound goes on: shows the last picture again."""
        if self._last is not None:
            for again in repeats(self._last_pts, pts, self._repeat_every):
                self._repeat(again)

    def _repeat(self, pts: int) -> None:
        self.counts["repeated"] += 1
        self._encode(self._last, pts)

    def _encode(self, frame: Any, pts: int) -> None:
        assert self._encoder is not None  # noqa: S101 - for the type checker
        self._last_pts = pts
        self._encoder.duration = round(TICKS / self._fps)
        for encoded in self._encoder.encode(frame, pts):
            self.counts["encoded"] += 1
            self._emit(encoded)
            if encoded.key and pts >= self._next_poster:
                self._next_poster = pts + POSTER_EVERY
                self._on_poster(jpeg(frame, self._encoder.geometry.sar))

    @property
    def last_pts(self) -> int:
        """Ticks of the last picture given out; -1 before the first."""
        return self._last_pts

    def suspend(self) -> None:
        """Gives out what is held and frees decoder and encoder. `follow` opens them again."""
        if self._decoder is not None:
            self._drain()
            self._damaged_before += self._decoder.damaged
        self._decoder = self._last = None
        self._scaler = Scaler(self._settings)
        self.close()
        self._encoder = None
        self.thinning.restart()

    def resume(self, after: int) -> None:
        """Pictures up to `after` ticks have been shown otherwise."""
        self._last_pts = max(after, self._last_pts)

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
