"""Decoders that outlive responses and damage."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from edge.errors import CodecError
from edge.media.overlap import TICKS

TICK = Fraction(1, TICKS)
MAX_PIXELS = 4096 * 2304  # a decoder that is asked for more refuses: a bound on memory
FULL_HD = 1920 * 1088
DECODERS = frozenset({
    "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "h263", "vp8", "libvpx", "vp9", "libvpx-vp9", "av1",
    "vvc", "mjpeg", "wrapped_avframe", "libdav1d",
    "aac", "aac_latm", "aac_fixed", "mp1", "mp2", "mp2float", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus",
    "vorbis", "flac", "dca", "pcm_s16le", "pcm_s16be", "pcm_f32le", "pcm_alaw", "pcm_mulaw",
})  # fmt: skip
# Opened apart from the stream, so that they can be closed and opened again: where the container adds nothing to it (a
# display matrix of MP4 reaches a decoder through its stream only).
_OWN = frozenset({"h264", "hevc"})
_BARE = frozenset({"mpegts", "flv", "live_flv", "hls", "rtsp", "rtp", "h264", "hevc"})
_LOOP_FILTER = {"all": "default", "references": "noref", "none": "all"}
_SKIP = {"all": "DEFAULT", "references": "NONREF", "anchors": "NONREF"}


def most_pixels(width: int, height: int) -> int:
    """The bound for a stream probed as `width` x `height` (0: not known). A damaged SPS may claim any size, and what a
    decoder once took for its reference frames is hardly given back (16 MB seen): four times the probed size, and full
    HD, will do. A stream that really grows beyond is probed again when it has shown nothing for ten seconds."""
    return min(MAX_PIXELS, max(4 * width * height, FULL_HD)) if width and height else MAX_PIXELS


class Decoder:
    """A decoder that goes on across responses while the codec stays the same. `loop_filter`: what it deblocks, a word
    of `Work`; `own`: that can be changed. `damaged` counts packets that it refused and frames that it patched up."""

    def __init__(self, stream: Any, loop_filter: str = "all") -> None:
        self.damaged = 0
        self.decoded = 0
        self.loop_filter = loop_filter
        self._skip = "all"
        self._open(stream)

    def _open(self, stream: Any) -> None:
        context = stream.codec_context
        if context is None or context.name not in DECODERS:
            name = "an unknown codec" if context is None else context.name
            raise CodecError(
                f"expected a codec that edge decodes (H.264, HEVC, MPEG-2, VP8/9, AV1, AAC, …), got {name}"
            )
        width, height = getattr(context, "width", 0), getattr(context, "height", 0)
        self._bound = most_pixels(width, height)
        if width * height > self._bound:
            raise CodecError(f"expected a {context.name} stream within {self._bound} pixels, got {width}x{height}")
        self._name, self._extradata = context.name, context.extradata
        self.own = context.name in _OWN and stream.container.format.name in _BARE
        self._depth = context.reorder_depth if self.own else 0
        self.context: Any = None
        if self.own:
            self._create()
        else:
            self._prepare(context)

    def _create(self) -> None:
        """A context of our own: that of a stream lives, with its memory, as long as the stream's container."""
        context: Any = av.CodecContext.create(self._name, "r")
        context.extradata = self._extradata
        self._prepare(context)
        context.reorder_depth = self._depth

    def _prepare(self, context: Any) -> None:
        if context.is_open:  # by a track that was here before
            context.flush_buffers()
        else:
            self._configure(context)
        self.context = context
        self.skip(self._skip)

    def _configure(self, context: Any) -> None:
        context.thread_count = 1
        options = {"max_pixels": str(self._bound)}
        if self.own:
            options["skip_loop_filter"] = _LOOP_FILTER[self.loop_filter]
        context.options = options
        try:
            context.open(strict=False)
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"expected a {self._name} stream within {self._bound} pixels: {error}") from None

    @property
    def name(self) -> str:
        return str(self._name)

    def skip(self, decode: str) -> None:
        """Which pictures are decoded from the next packet on, a word of `Work`; H.264 packets are left out before."""
        self._skip = decode
        if self._name != "h264":
            self.context.skip_frame = _SKIP[decode]

    def reopen(self, loop_filter: str) -> list[Any]:
        """For the keyframe that comes next: another loop filter. The frames that were still held come back."""
        if loop_filter == self.loop_filter or not self.own:
            return []
        last = self.drain()
        self._depth = self.context.reorder_depth
        self.loop_filter = loop_filter
        self.context = None  # freed before the next takes its memory
        self._create()
        return last

    def follow(self, stream: Any) -> list[Any]:
        """Takes over the stream of a new response. Another codec, or the same with other global parameters, needs a new
        decoder: the frames that the old one still held come back."""
        context = stream.codec_context
        same = context is not None and context.name == self._name
        if same and (not context.extradata or not self._extradata or context.extradata == self._extradata):
            return []
        last = self.drain()
        self._open(stream)
        return last

    def decode(self, packet: Any, pts: int, dts: int, *, fresh: bool) -> list[Any]:
        """The frames that come out when `packet` goes in, their pts in ticks of the output timeline. `fresh`: nothing
        before it may be referred to; the frames still held come first."""
        frames = self.drain() if fresh and self.decoded else []
        packet.pts, packet.dts, packet.time_base = pts, dts, TICK
        try:
            frames += self.context.decode(packet)
        except (av.FFmpegError, ValueError):
            self.damaged += 1
        self.decoded += len(frames)
        self.damaged += sum(1 for f in frames if f.is_corrupt)
        return frames

    def drain(self) -> list[Any]:
        """The frames that it held back for their order. What comes next must be a keyframe."""
        try:
            frames: list[Any] = self.context.decode(None)
        except (av.FFmpegError, ValueError):
            frames = []
        depth = getattr(self.context, "reorder_depth", 0)
        self.context.flush_buffers()
        if depth and self.own:
            self.context.reorder_depth = depth  # which a flush forgets where the stream does not tell it
        return frames
