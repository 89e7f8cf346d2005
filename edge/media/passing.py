"""Video that is passed on as it is: encoded packets of the source into the outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av

from edge.media.decode import MAX_PIXELS, TICK
from edge.media.encode import Copy, Encoded
from edge.media.overlap import TICKS, VIDEO
from edge.media.poster import jpeg
from edge.media.slices import annex_b, length_size, sets_of_record
from edge.media.timeline import Placed

POSTER_EVERY = 30 * TICKS
STEP = TICKS // 500  # between two packets at least: FLV counts milliseconds


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
            context = self._stream.codec_context
            self._follow_parameters(packet, context.extradata or parameter_sets(context.name, bytes(packet)))
        if self._copy is not None:
            self._pass(packet, placed.pts, placed.dts)

    def _pass(self, packet: Any, pts: int, dts: int) -> None:
        step = dts - self._last_dts
        if 0 < step < TICKS:
            self._duration = step
        self._last_dts, self.last_pts = dts, pts
        self.counts["encoded"] += 1
        key = bool(packet.is_keyframe)
        if key and dts >= self._next_poster:
            self._next_poster = dts + POSTER_EVERY
            self._poster(packet)
        self._emit(Encoded(VIDEO, packet, pts, dts, self._duration, TICK, key, dts))

    def _follow_parameters(self, packet: Any, extradata: bytes | None) -> None:
        context = self._stream.codec_context
        parameters = (context.name, extradata)
        if parameters == self._parameters:
            return
        if self._copy is not None:
            self._copy.close()
        size = (context.width, context.height)
        if not all(size) or self._parameters is not None:  # probed in the middle of a GOP, or changed since
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


class CopiedRun(VideoCopy):
    """H.264 passed on between runs of encoded video, in the same containers: Annex B with SPS and PPS before each
    keyframe, as our encoder writes it; begins with a keyframe, and times only rise. `after`: the pts given out last."""

    def __init__(
        self,
        emit: Callable[[Encoded], None],
        on_template: Callable[[Any, Any], None],
        on_poster: Callable[[bytes], None],
        after: int,
    ) -> None:
        super().__init__(emit, on_template, on_poster)
        self._after = self.last_pts = after
        self._leading: int | None = None
        self._length = 0
        self._sets = b""

    def follow(self, stream: Any) -> None:
        super().follow(stream)
        extradata = bytes(stream.codec_context.extradata or b"")
        self._length = length_size(extradata)
        self._sets = sets_of_record(extradata) if self._length else extradata

    def push(self, placed: Placed[Any]) -> None:
        packet, key = placed.item, bool(placed.item.is_keyframe)
        if placed.fresh:
            self._leading = None
        if key:
            packet = self._keyframe(packet)
            self._leading = placed.pts if self._leading is None else self._leading
        elif self._length:
            packet = _packet(annex_b(bytes(packet), self._length), key=False)
        if self._copy is None or self._leading is None or placed.pts < self._leading:
            return
        last = self.last_pts
        dts = max(placed.dts, self._after + STEP)
        self._pass(packet, max(placed.pts, dts), dts)
        self._after, self.last_pts = dts, max(last, self.last_pts)

    def _keyframe(self, packet: Any) -> Any:
        """With its parameter sets before it; the ones it brings are in force from now on."""
        data = annex_b(bytes(packet), self._length) if self._length else bytes(packet)
        found = parameter_sets("h264", data)
        if found is None:
            data = self._sets + data
        self._sets = found or self._sets
        if self._length or found is None:
            packet = _packet(data, key=True)
        self._follow_parameters(packet, self._sets or None)
        return packet


def _packet(data: bytes, *, key: bool) -> Any:
    packet: Any = av.Packet(data)
    packet.is_keyframe = key
    return packet


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
