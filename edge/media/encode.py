"""Encoders and the packets they make. Each lives in a hidden `null` container: its *stream* is the template from which
every muxer takes the codec's parameters (PyAV cannot give a muxer's stream extradata in another way)."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import av
import msgspec
from av.codec.context import Flags

from edge.errors import CodecError
from edge.media.geometry import Geometry
from edge.media.overlap import AUDIO, TICKS, VIDEO
from edge.media.settings import VideoSettings

TICK = Fraction(1, TICKS)
KEY_EVERY = 2 * TICKS  # a keyframe at the first frame at or after each multiple: HLS segments start there
SAMPLES = 1024  # of one AAC-LC frame and channel
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "7.1"}  # by channel configuration


class Encoded(msgspec.Struct, gc=False):
    """An encoded or copied packet with its own times in units of `base`, because muxing rewrites those of the packet.
    `at`: dts in ticks."""

    stream: int
    packet: Any
    pts: int
    dts: int
    duration: int
    base: Fraction
    key: bool
    at: int


def _hidden() -> Any:
    return av.open(os.devnull, "w", format="null")


class VideoEncoder:
    """x264 without delay, one thread. SPS and PPS stand before every keyframe besides the extradata (`repeat-headers`
    after `global_header`), so that a later change of size reaches viewers under way in every container."""

    def __init__(self, settings: VideoSettings, geometry: Geometry) -> None:
        self.geometry = geometry
        self.duration = round(TICKS / settings.fps)
        self._last_key = -KEY_EVERY
        self._container = _hidden()
        stream = self._container.add_stream("libx264", rate=round(settings.fps) or 1)
        stream.width, stream.height, stream.pix_fmt = geometry.width, geometry.height, "yuv420p"
        context = stream.codec_context
        context.time_base = TICK
        context.thread_count = 1
        context.bit_rate = int(settings.bitrate)
        context.sample_aspect_ratio = geometry.sar
        context.flags |= Flags.global_header
        stream.options = {
            "preset": settings.preset, "tune": "zerolatency", "g": "10000", "sc_threshold": "0", "forced-idr": "1",
            "maxrate": str(int(settings.bitrate)), "bufsize": str(int(settings.bitrate)),
            "x264-params": "repeat-headers=1",
        }  # fmt: skip
        try:
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            self._container.close()
            raise CodecError(f"x264 refuses {geometry.width}x{geometry.height}: {error}") from None
        self.template = stream

    def encode(self, frame: Any, pts: int) -> list[Encoded]:
        """The packets of `frame` (yuv420p, the geometry's size) at `pts` ticks; zero latency: its own one."""
        key = pts // KEY_EVERY > self._last_key // KEY_EVERY
        if key:
            self._last_key = pts
        frame.pts, frame.time_base, frame.pict_type = pts, TICK, 1 if key else 0
        return [
            Encoded(VIDEO, p, p.pts, p.dts, self.duration, TICK, bool(p.is_keyframe), p.dts)
            for p in self.template.encode(frame)
        ]

    def close(self) -> None:
        self._container.close()


# FFmpeg's default coder (twoloop) takes twice the time and hits less well: over eleven samples of speech, music and
# noise, 24 to 96 kb/s mono, the noise lies 2 to 6 dB further below the masking threshold with `fast`. In return sharp
# attacks (castanets) take up to twice the bit rate for their moment. TNS bought nothing that could be measured.
_AAC = {"aac_coder": "fast", "aac_tns": "0"}


class AudioEncoder:
    """AAC-LC of `rate`, mono or stereo, fed with frames of any format and layout, the same for all. (PyAV has a filter
    graph in every encoder, that converts and makes frames of `SAMPLES`.)"""

    def __init__(self, rate: int, channels: int, bitrate: int) -> None:
        self.rate = rate
        self.layout = "mono" if channels == 1 else "stereo"
        self._base = Fraction(1, rate)
        self._container = _hidden()
        stream = self._container.add_stream("aac", rate=rate)
        context = stream.codec_context
        context.layout, context.bit_rate, context.time_base = self.layout, bitrate, self._base
        context.flags |= Flags.global_header
        stream.options = dict(_AAC)
        try:
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            self._container.close()
            raise CodecError(f"AAC refuses {rate} Hz {self.layout} at {bitrate} b/s: {error}") from None
        self.template = stream

    def encode(self, frame: Any, sample: int) -> list[Encoded]:
        """The packets that come out when `frame`, whose first sample is number `sample` of the timeline, goes in. Less
        than a packet's worth waits for more."""
        frame.pts, frame.time_base = sample, self._base
        return [
            Encoded(AUDIO, p, p.pts, p.dts, SAMPLES, self._base, key=True, at=p.dts * TICKS // self.rate)
            for p in self.template.encode(frame)
        ]

    def close(self) -> None:
        self._container.close()


class Copy:
    """The template of a stream that is passed on as it is. `extradata`, `sound` (rate, channels) and `size` (width,
    height) replace what the source's stream lacks."""

    def __init__(
        self,
        stream: Any,
        extradata: bytes | None = None,
        sound: tuple[int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._container = _hidden()
        try:
            self.template = self._container.add_stream_from_template(stream)
            if extradata is not None:
                self.template.codec_context.extradata = extradata
            if sound is not None:
                self.template.codec_context.sample_rate = sound[0]
                self.template.codec_context.layout = LAYOUTS[sound[1]]
            if size is not None:
                self.template.codec_context.width, self.template.codec_context.height = size
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            self._container.close()
            raise CodecError(f"cannot copy {stream.codec_context.name}: {error}") from None

    def close(self) -> None:
        self._container.close()
