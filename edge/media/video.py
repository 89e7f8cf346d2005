"""The video of a channel: packets placed on the timeline in, encoded packets out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av

from edge.errors import CodecError
from edge.media.decode import MAX_PIXELS, TICK, Decoder
from edge.media.encode import Copy, Encoded, VideoEncoder
from edge.media.ladder import WORKS, Work
from edge.media.overlap import TICKS, VIDEO
from edge.media.poster import jpeg
from edge.media.scale import Scaler
from edge.media.settings import VideoSettings
from edge.media.timeline import Placed
from edge.media.unshown import Unshown, reference_idc

REPEAT = TICKS // 5  # how often the last picture is shown again while there is no new one: keyframes stay on time
MOST_REPEATS = 50
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


class VideoTrack:
    """Decodes, thins out, scales and encodes. `emit(encoded)`; `on_template(template, geometry)` when an encoder opens;
    `on_poster(jpeg)`. `counts`: decoded, encoded, repeated, dropped_rate, dropped_late, dropped_undecoded (not shown at
    this rate, and nothing refers to them)."""

    def __init__(
        self,
        settings: VideoSettings,
        emit: Callable[[Encoded], None],
        on_template: Callable[[Any, Any], None],
        on_poster: Callable[[bytes], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._emit, self._on_template, self._on_poster = emit, on_template, on_poster
        self._decoder: Decoder | None = None
        self._work = WORKS["full"]
        self._next_work: Work | None = None  # once a keyframe comes
        self._fps = settings.fps
        self._rate = FrameRate(settings.fps)
        self._unshown = Unshown(settings.fps)
        self._repeat_every = max(REPEAT, round(TICKS / settings.fps))
        self._scaler = Scaler(settings)
        self._encoder: VideoEncoder | None = None
        self._stream_sar: Fraction | None = None
        self._last: Any = None  # the last scaled frame: one frame of the rendition's size
        self._last_pts = -1
        self._next_poster = 0

    @property
    def damaged(self) -> int:
        return self._decoder.damaged if self._decoder else 0

    def follow(self, stream: Any) -> None:
        """The stream of a new response. CodecError when it cannot be decoded."""
        self._stream_sar = stream.sample_aspect_ratio
        if self._decoder is None:
            self._decoder = Decoder(stream)
            self._decoder.skip(self._work.decode)
            return
        for frame in self._decoder.follow(stream):
            self._frame(frame)
        self._decoder.skip(self._work.decode)

    @property
    def work(self) -> Work:
        """In effect."""
        return self._work

    def take(self, work: Work) -> None:
        """Works so from the next packet on; from the next keyframe if pictures were left out that others refer to."""
        self._next_work = None
        if self._work.decode == "keys" != work.decode:
            self._next_work = work
        else:
            self._begin(work)

    def _begin(self, work: Work) -> None:
        self._work, self._next_work = work, None
        fps = min(work.fps or self._settings.fps, self._settings.fps)
        if fps != self._fps:
            self._fps = fps
            self._rate, self._unshown = FrameRate(fps), Unshown(fps)
        if self._decoder is not None:
            self._decoder.skip(work.decode)

    def push(self, placed: Placed[Any]) -> None:
        if self._decoder is None:
            raise CodecError("video came before its stream")
        if self._next_work is not None and placed.item.is_keyframe:
            self._begin(self._next_work)
        self._unshown.note(placed.dts)
        if self._needless(placed):
            self.counts["dropped_undecoded"] += 1
            return
        for frame in self._decoder.decode(placed.item, placed.pts, placed.dts, fresh=placed.fresh):
            self._frame(frame)

    def _needless(self, placed: Placed[Any]) -> bool:
        """Whether a packet need not be decoded. Not when interlaced: a field refers to the other."""
        return (
            self._decoder is not None
            and self._decoder.context.name == "h264"
            and not placed.fresh
            and not self._scaler.interlaced
            and self._unshown.unshown(placed.pts)
            and reference_idc(placed.item) == 0
        )

    def _frame(self, frame: Any) -> None:
        self.counts["decoded"] += 1
        pts = frame.pts
        if pts is None or pts <= self._last_pts:
            self.counts["dropped_late"] += 1
        elif not self._rate.take(pts):
            self.counts["dropped_rate"] += 1
        else:
            assert self._decoder is not None  # noqa: S101 - for the type checker
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
        if self._last is not None:
            for again in repeats(self._last_pts, pts, self._repeat_every):
                self._repeat(again)
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

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()


class VideoCopy:
    """Passes video on as it is. Same interface as VideoTrack; a poster takes a decoder for one keyframe."""

    def __init__(
        self,
        emit: Callable[[Encoded], None],
        on_template: Callable[[Any, Any], None],
        on_poster: Callable[[bytes], None],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.damaged = 0
        self.last_pts = -1
        self._emit, self._on_template, self._on_poster = emit, on_template, on_poster
        self._stream: Any = None
        self._copy: Copy | None = None
        self._parameters: tuple[str, bytes | None] | None = None
        self._changed = True
        self._last_dts = 0
        self._duration = TICKS // 25
        self._next_poster = 0

    def follow(self, stream: Any) -> None:
        self._stream = stream
        self._changed = True

    def push(self, placed: Placed[Any]) -> None:
        packet = placed.item
        if self._changed and packet.is_keyframe:
            self._changed = False
            self._follow_parameters(packet)
        if self._copy is None:
            return
        step = placed.dts - self._last_dts
        if 0 < step < TICKS:
            self._duration = step
        self._last_dts, self.last_pts = placed.dts, placed.pts
        self.counts["encoded"] += 1
        key = bool(packet.is_keyframe)
        if key and placed.dts >= self._next_poster:
            self._next_poster = placed.dts + 3 * POSTER_EVERY
            self._poster(packet)
        self._emit(Encoded(VIDEO, packet, placed.pts, placed.dts, self._duration, TICK, key, placed.dts))

    def _follow_parameters(self, packet: Any) -> None:
        context = self._stream.codec_context
        extradata = context.extradata or parameter_sets(context.name, bytes(packet))
        parameters = (context.name, extradata)
        if parameters == self._parameters:
            return
        if self._copy is not None:
            self._copy.close()
        size = (context.width, context.height)
        if not all(size):  # probed in the middle of a GOP: only the keyframe tells
            frame = still(self._stream, packet, extradata)
            size = (frame.width, frame.height) if frame is not None else size
        self._copy = Copy(self._stream, extradata, size=size)
        self._parameters = parameters
        self._on_template(self._copy.template, self._stream)

    def _poster(self, packet: Any) -> None:
        frame = still(self._stream, packet, self._parameters[1] if self._parameters else None)
        if frame is None:
            self.damaged += 1
        else:
            self._on_poster(jpeg(frame, self._stream.sample_aspect_ratio or Fraction(1)))

    def hold_until(self, pts: int) -> None:
        """A copied stream has no picture to repeat."""

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()


def still(stream: Any, keyframe: Any, extradata: bytes | None) -> Any:
    """The picture of one keyframe packet, by a decoder for it alone; None when it does not decode."""
    try:
        decoder: Any = av.CodecContext.create(stream.codec_context.name, "r")
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MAX_PIXELS)}
        if extradata:
            decoder.extradata = extradata
        frames = [*decoder.decode(keyframe), *decoder.decode(None)]
    except (av.FFmpegError, ValueError, OSError):
        return None
    return frames[0] if frames else None


_SETS = {"h264": lambda n: n & 31 in (7, 8), "hevc": lambda n: n >> 1 & 63 in (32, 33, 34)}


def parameter_sets(codec: str, keyframe: bytes) -> bytes | None:
    """The parameter sets (SPS, PPS, VPS) in an Annex B keyframe, as extradata; None when there are none."""
    if codec not in _SETS:
        return None
    units = keyframe.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    found = [u for u in units if u and _SETS[codec](u[0])]
    return b"".join(b"\0\0\0\1" + u for u in found) or None
