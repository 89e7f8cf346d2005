"""Decoders that outlive responses and damage."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import Any

import av

from edge.errors import CodecError
from edge.host.allocator import trim
from edge.media.headers import picture_size
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
_OWN = frozenset({"h264", "hevc", "aac"})
_BARE = frozenset({"mpegts", "flv", "live_flv", "hls", "rtsp", "rtp", "h264", "hevc", "aac"})
_LOOP_FILTER = {"all": "default", "references": "noref", "none": "all"}
_SKIP = {"all": "DEFAULT", "references": "NONREF", "anchors": "NONREF"}
RENEW_EVERY = TICKS  # of sound
RENEW_PICTURES_EVERY = 60 * TICKS


def most_pixels(width: int, height: int) -> int:
    """The bound for a stream of `width` x `height` (0: not known). A damaged SPS may claim any size, and what a decoder
    once took for its reference frames is hardly given back (16 MB seen): four times the size, and full HD, will do. A
    stream that really grows beyond gets another decoder with the next response."""
    return min(MAX_PIXELS, max(4 * width * height, FULL_HD)) if width and height else MAX_PIXELS


class Decoder:
    """A decoder that goes on across responses while the codec stays the same. `own`: it can be opened anew. `damaged`
    counts packets that it refused and frames that it patched up. CodecError: the stream is none for it."""

    def __init__(self, stream: Any) -> None:
        self.damaged = 0
        self.decoded = 0
        self.context: Any = None
        self._open(stream)

    def _open(self, stream: Any) -> None:
        context = stream.codec_context
        if context is None or context.name not in DECODERS:
            name = "an unknown codec" if context is None else context.name
            raise CodecError(
                f"expected a codec that edge decodes (H.264, HEVC, MPEG-2, VP8/9, AV1, AAC, …), got {name}"
            )
        self._name, self._extradata = context.name, context.extradata
        self.own = context.name in _OWN and stream.container.format.name in _BARE
        self.context = None  # freed before the next takes its memory
        if self.own:
            self._create()
        else:
            self._prepare(context)

    def _create(self) -> None:
        """A context of our own: that of a stream lives, with its memory, as long as the stream's container."""
        context: Any = av.CodecContext.create(self._name, "r")
        context.extradata = self._extradata
        self._prepare(context)

    def _prepare(self, context: Any) -> None:
        if context.is_open:  # by a track that was here before
            context.flush_buffers()
        else:
            context.thread_count = 1
            context.options = self._options()
            try:
                context.open(strict=False)
            except (av.FFmpegError, ValueError) as error:
                raise CodecError(f"expected a {self._name} stream that a decoder takes: {error}") from None
        self.context = context

    def _options(self) -> dict[str, str]:
        return {}

    def _goes_on(self, context: Any) -> bool:
        """Whether the decoder at work is one for the stream of `context` as well."""
        same = context is not None and context.name == self._name
        return same and (not context.extradata or not self._extradata or context.extradata == self._extradata)

    def follow(self, stream: Any) -> list[Any]:
        """Takes over the stream of a new response. Another codec, or the same with other global parameters, needs a new
        decoder: the frames that the old one still held come back."""
        if self._goes_on(stream.codec_context):
            return []
        last = self.drain()
        self._open(stream)
        return last

    def decode(self, packet: Any, pts: int, dts: int) -> list[Any]:
        """The frames that come out when `packet` goes in, their pts in ticks of the output timeline."""
        packet.pts, packet.dts, packet.time_base = pts, dts, TICK
        try:
            frames: list[Any] = self.context.decode(packet)
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            return []
        self.decoded += len(frames)
        self.damaged += sum(1 for f in frames if f.is_corrupt)
        return frames

    def drain(self) -> list[Any]:
        """The frames that it held back for their order. What comes next must be a keyframe."""
        try:
            frames: list[Any] = self.context.decode(None)
        except (av.FFmpegError, ValueError):
            frames = []
        self.context.flush_buffers()
        return frames


class VideoDecoder(Decoder):
    """`loop_filter`: what it deblocks, a word of `Work`; `bound`: pixels that it takes. An H.264 decoder whose stream
    was probed in the middle of a GOP is opened by the first SPS, which tells the size.

    FFmpeg's H.264 decoder keeps for its life the pictures that damage once made it hold (1.1 MB each at 960x540) and
    every PPS of another number that damage told it of (0.2 MB each, up to 256): so it is to be renewed after damage."""

    def __init__(self, stream: Any, loop_filter: str = "all") -> None:
        self.loop_filter = loop_filter
        self._skip = "all"
        self._since: int | None = None  # ticks of its first packet
        self._damaged_before = 0
        super().__init__(stream)

    def _open(self, stream: Any) -> None:
        context = stream.codec_context
        self._depth = getattr(context, "reorder_depth", 0)
        self._set_size(getattr(context, "width", 0), getattr(context, "height", 0))
        super()._open(stream)

    def _set_size(self, width: int, height: int) -> None:
        self._sized = bool(width and height)
        self.bound = most_pixels(width, height)
        if width * height > self.bound:
            raise CodecError(f"expected a stream within {self.bound} pixels, got {width}x{height}")

    def _create(self) -> None:
        if self._name == "h264" and not self._sized:
            return
        super()._create()
        self.context.reorder_depth = self._depth
        self._since, self._damaged_before = None, self.damaged

    def _prepare(self, context: Any) -> None:
        super()._prepare(context)
        self.skip(self._skip)

    def _options(self) -> dict[str, str]:
        options = {"max_pixels": str(self.bound)}
        if self.own:
            options["skip_loop_filter"] = _LOOP_FILTER[self.loop_filter]
        return options

    def _goes_on(self, context: Any) -> bool:
        return super()._goes_on(context) and context.width * context.height <= self.bound

    def skip(self, decode: str) -> None:
        """Which pictures are decoded from the next packet on, a word of `Work`; H.264 packets are left out before."""
        self._skip = decode
        if self._name != "h264":
            self.context.skip_frame = _SKIP[decode]

    def worn(self, dts: int) -> bool:
        """Whether it is to be opened anew at the keyframe of `dts` ticks."""
        old = self._since is not None and dts - self._since >= RENEW_PICTURES_EVERY
        return old and self.own and self.damaged > self._damaged_before

    def reopen(self, loop_filter: str, *, anew: bool = False) -> list[Any]:
        """For the keyframe that comes next: another loop filter, or all `anew`. The frames that were still held come
        back."""
        if not self.own or (loop_filter == self.loop_filter and not anew):
            return []
        self.loop_filter = loop_filter
        if self.context is None:
            return []
        last = self.drain()
        self._depth, sar = self.context.reorder_depth, self.context.sample_aspect_ratio
        self.context = None  # freed before the next takes its memory
        if anew:
            trim()  # else what comes to lie in the holes keeps the next pictures out of them: 1.5 MB after ten
        self._create()
        if sar:
            self.context.sample_aspect_ratio = sar  # of the frames that come back; the next SPS tells its own
        return last

    def decode(self, packet: Any, pts: int, dts: int, *, fresh: bool = False) -> list[Any]:
        """`fresh`: nothing before it may be referred to; the frames still held come first."""
        if self.context is None:
            self._learn_size(packet)
        if self.context is None:
            self.damaged += 1  # no picture decodes before an SPS
            return []
        self._since = dts if self._since is None else self._since
        held = self.drain() if fresh and self.decoded else []
        return held + super().decode(packet, pts, dts)

    def _learn_size(self, packet: Any) -> None:
        width, height = picture_size(bytes(packet))
        if width and height:
            self._set_size(width, height)
            self._create()

    def drain(self) -> list[Any]:
        if self.context is None:
            return []
        depth = getattr(self.context, "reorder_depth", 0)
        frames = super().drain()
        if depth and self.own:
            self.context.reorder_depth = depth  # which a flush forgets where the stream does not tell it
        return frames


class AudioDecoder(Decoder):
    """FFmpeg's AAC decoder takes 0.5 to 1 MB for each kind of channel element that it is told of, by damage too, and
    keeps them for its life (20 MB in an hour of 0.1 % damage): so it is renewed after damage. An AAC frame overlaps
    with the one before (ISO/IEC 14496-3, 4.6.11), which the new decoder gets first; no sound is lost by that."""

    def __init__(self, stream: Any) -> None:
        self._spoilt = False
        self._renewed = 0  # ticks
        self._before: Any = None  # the last packet, if it was whole
        super().__init__(stream)

    def decode(self, packet: Any, pts: int, dts: int) -> list[Any]:
        if not self.own:
            return super().decode(packet, pts, dts)
        if self._spoilt and self._before is not None and not 0 <= dts - self._renewed < RENEW_EVERY:
            self._renew(dts)
        damaged = self.damaged
        frames = super().decode(packet, pts, dts)
        whole = self.damaged == damaged and not packet.is_corrupt
        self._before = packet if whole else None
        self._spoilt |= not whole
        return frames

    def _renew(self, dts: int) -> None:
        self._spoilt, self._renewed = False, dts
        self.context = None  # freed before the next takes its memory
        self._create()
        with contextlib.suppress(av.FFmpegError, ValueError):
            self.context.decode(self._before)
