"""One container being muxed: encoded packets in, chunks of bytes out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import av

from edge.errors import CodecError
from edge.flow.ring import Chunk
from edge.media import mp4, ts
from edge.media.encode import Encoded
from edge.media.overlap import TICKS, VIDEO
from edge.media.timeline import near

CONTAINERS = ("ts", "flv", "mp4")
# One packet of interleaving: the default holds ten seconds of video back when audio is silent.
_COMMON = {"flush_packets": "1", "max_interleave_delta": "1"}
_FORMAT = {"ts": "mpegts", "flv": "flv", "mp4": "mp4"}
_OPTIONS = {
    # Tables come with every keyframe by themselves; by time they cost 6 %. max_delay gathers AAC frames into one PES.
    "ts": {**_COMMON, "pat_period": "3600", "sdt_period": "3600", "max_delay": "200000", "mpegts_copyts": "1"},
    "flv": {**_COMMON, "flvflags": "no_duration_filesize"},
    # frag_discont with avoid_negative_ts: else every track starts at zero. No edit list: written before there is any
    # picture, it would make them late by their reordering. 250 ms: Chromium stalls on single frames.
    "mp4": {
        **_COMMON, "movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer+frag_discont",
        "frag_duration": "250000", "avoid_negative_ts": "disabled", "use_editlist": "0",
    },
}  # fmt: skip
# Larger than most packets: one write is then one packet, or one fragment. Whole TS packets, should it be split.
_BUFFER = 188 * 1394
# What players of a container understand. libavformat writes more: enhanced FLV, private data in MPEG-TS.
_CARRIED = {
    "ts": {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "aac", "mp2", "mp3", "ac3", "eac3"},
    "flv": {"h264", "aac", "mp3"},
    "mp4": {"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "aac", "mp2", "mp3", "ac3", "eac3", "opus", "flac"},
}
_NAMES = {
    "libx264": "h264", "libdav1d": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8", "libopus": "opus",
    "mp3float": "mp3", "mp2float": "mp2", "aac_fixed": "aac",
}  # fmt: skip


class _Sink:
    """A file for PyAV that is not seekable and keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return parts


def _name(template: Any) -> str:
    """The codec's name, whichever library decodes or encodes it."""
    name = str(template.codec_context.name)
    return _NAMES.get(name, name)


APART = 0.0002  # seconds: two ticks of the coarsest clock that libavformat chooses for MP4 (10 kHz)


class _Last(NamedTuple):
    """Of the packet before, in seconds: its time as it was given and as it went in, the end of the one before it, and
    its own."""

    given: float
    dts: float
    least: float
    end: float


class Muxer:
    """`templates`: by stream (VIDEO, AUDIO), the encoder's or copy's stream. `init` is what a newcomer gets first: FLV
    header and sequence headers, MP4 ftyp and moov, nothing for TS. CodecError: the container cannot carry the codec."""

    def __init__(self, container: str, templates: Mapping[int, Any]) -> None:
        names = [_name(templates[kind]) for kind in sorted(templates)]
        if not set(names) <= _CARRIED[container]:
            raise CodecError(f"{container} cannot carry {' and '.join(names)}")
        self.container = container
        self._has_video = VIDEO in templates
        self._track = 1 if self._has_video else None
        self._time = 0
        self._ends: dict[int, _Last] = {}
        self._sink = _Sink()
        options = dict(_OPTIONS[container])
        if container == "ts" and not self._has_video:
            options["pat_period"] = options["sdt_period"] = "0.5"
        self._av = av.open(self._sink, "w", format=_FORMAT[container], options=options, buffer_size=_BUFFER)
        try:
            self._streams = {kind: self._av.add_stream_from_template(templates[kind]) for kind in sorted(templates)}
            self._av.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            self._av.close()
            raise CodecError(f"{container} cannot carry {' and '.join(names)}: {error}") from None
        self.init = b"".join(self._sink.take())

    def mux(self, encoded: Encoded) -> list[Chunk]:
        """What is written when `encoded` goes in; the muxer holds one packet (mp4: one fragment) back. A packet that
        libavformat refuses is lost, the container goes on: CodecError."""
        packet = encoded.packet
        if self.container != "ts":  # only MPEG-TS tells in its bytes
            self._time = max(self._time, encoded.at)
        packet.pts, packet.dts, packet.duration = encoded.pts, encoded.dts, encoded.duration
        packet.time_base = encoded.base
        if self.container == "mp4":
            self._keep_order(packet, encoded)
        packet.stream = self._streams[encoded.stream]
        try:
            self._av.mux_one(packet)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise CodecError(f"{self.container} refuses a packet: {error}") from None
        return [self._chunk(data) for data in self._sink.take()]

    def _keep_order(self, packet: Any, encoded: Encoded) -> None:
        """libavformat lets a fragment begin where the packet before it was said to end, and aborts the process when the
        next packet but one is due before that."""
        rate, last = encoded.base.denominator / encoded.base.numerator, self._ends.get(encoded.stream)
        given = at = packet.dts / rate
        if last is not None and last.given < at < (least := max(last.least, last.dts) + APART):
            packet.dts = math.ceil(least * rate)
            packet.pts = max(packet.pts, packet.dts)
            at = packet.dts / rate
        self._ends[encoded.stream] = _Last(given, at, at if last is None else last.end, at + encoded.duration / rate)

    def _chunk(self, data: bytes) -> Chunk:
        if self.container == "ts":
            key, time = ts.inspect(data, has_video=self._has_video)
            if time is not None:
                self._time = near(time, self._time)
            return Chunk(data, key, self._time / TICKS)
        if self.container == "flv":
            # FLV tag: type 9 is video; frame type 1 and AVCPacketType 1 is a keyframe (Adobe FLV 10.1, E.4.3.1)
            key = not self._has_video or (len(data) > 12 and data[0] == 9 and data[11] >> 4 == 1 and data[12] == 1)
            return Chunk(data, key, self._time / TICKS)
        return Chunk(data, mp4.keyframe(data, self._track), self._time / TICKS)

    def close(self) -> list[Chunk]:
        """What was held back. The muxer is gone."""
        try:
            self._av.close()
        except (av.FFmpegError, ValueError, OSError):
            return []
        return [self._chunk(data) for data in self._sink.take() if data]
