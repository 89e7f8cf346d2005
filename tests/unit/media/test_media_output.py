"""Which containers are muxed when, from which packet on, and what is kept for a newcomer; codec names."""

from __future__ import annotations

import os
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import mediacheck
import pytest

from edge.media import output as module
from edge.media.codecname import rfc6381
from edge.media.encode import SAMPLES, AudioEncoder, Encoded, VideoEncoder
from edge.media.geometry import Geometry
from edge.media.output import GOP_BYTES, GOP_PACKETS, PATIENCE, Output
from edge.media.overlap import AUDIO, TICKS, VIDEO
from edge.media.passing import parameter_sets
from edge.media.settings import VideoSettings

SIZE = (64, 48)


class Bench:
    """An output with real encoders before it."""

    def __init__(self, *wanted: str) -> None:
        self.seen = mediacheck.Recorder()
        self.output = Output(self.seen)
        self.output.want(wanted)
        self.video = VideoEncoder(VideoSettings(), Geometry(*SIZE, Fraction(1), SIZE))
        self.audio = AudioEncoder(48000, 1, 64_000)
        self.pictures = self.samples = 0

    def templates(self, *streams: int) -> Bench:
        for stream in streams:
            template = (self.video if stream == VIDEO else self.audio).template
            self.output.template(stream, template, compatible=False)
        return self

    def show(self, count: int) -> Bench:
        for _ in range(count):
            frame = av.VideoFrame(*SIZE, "yuv420p")
            for encoded in self.video.encode(frame, 10 * TICKS + self.pictures * 3600):
                self.output.add(encoded)
            self.pictures += 1
        return self

    def sound(self, count: int) -> Bench:
        for _ in range(count):
            frame = av.AudioFrame("fltp", "mono", SAMPLES)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate = 48000
            for encoded in self.audio.encode(frame, 480_000 + self.samples * SAMPLES):
                self.output.add(encoded)
            self.samples += 1
        return self

    def close(self) -> mediacheck.Recorder:
        self.output.close()
        self.video.close()
        self.audio.close()
        return self.seen


def kinds(data: bytes) -> set[str]:
    return {p.kind for p in mediacheck.demuxed(data)}


def test_it_waits_for_every_stream_that_was_declared() -> None:
    bench = Bench("flv")
    bench.output.expect([VIDEO, AUDIO])
    bench.templates(VIDEO).show(10)
    assert not bench.output.started
    bench.templates(AUDIO).sound(20)
    assert bench.output.started
    packets = mediacheck.check_plays(bench.close().output("flv"))
    assert {p.kind for p in packets} == {"video", "audio"}
    assert sum(p.kind == "video" for p in packets) == 10  # those from before as well


def test_it_does_not_wait_for_ever() -> None:
    bench = Bench("mp4")
    bench.output.expect([VIDEO, AUDIO])
    bench.templates(VIDEO).show(PATIENCE // 3600)
    assert not bench.output.started
    bench.show(1)
    assert bench.output.started
    assert kinds(bench.close().output("mp4")) == {"video"}


@pytest.mark.parametrize("container", mediacheck.CONTAINERS)
def test_a_stream_that_comes_late_begins_every_container_anew(container: str) -> None:
    bench = Bench(container).templates(VIDEO).show(60)
    bench.templates(AUDIO).show(100).sound(150)
    seen = bench.close()
    assert [i.reset for i in seen.inits(container)] == [False, True]
    before, after = seen.runs(container)
    assert kinds(before) == {"video"}
    assert kinds(after) == {"video", "audio"}


def test_what_is_kept_for_a_newcomer_is_one_gop() -> None:
    bench = Bench().templates(VIDEO).show(120)  # keyframes at 0, 50 and 100
    bench.output.want(["ts"])
    packets = mediacheck.check_plays(bench.close().output("ts"))
    assert packets[0].key
    assert len(packets) == 20


@pytest.mark.parametrize("bound", ["packets", "bytes"])
def test_a_gop_longer_than_the_bound_is_not_kept_and_the_next_keyframe_is_waited_for(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (GOP_PACKETS, GOP_BYTES) == (1200, 4 << 20)
    monkeypatch.setattr(module, "GOP_PACKETS" if bound == "packets" else "GOP_BYTES", 30)
    bench = Bench().templates(VIDEO).show(45)
    assert bench.output._gop is None
    bench.output.want(["flv"])
    assert bench.seen.chunks("flv") == []  # its init, and nothing that could not be decoded
    bench.show(30)
    assert bench.output._gop is None or len(bench.output._gop) <= 31
    chunks = bench.close().chunks("flv")
    first_key = next(i for i, c in enumerate(chunks) if c.key)
    data = bench.seen.inits("flv")[0].data + b"".join(c.data for c in chunks[first_key:])
    assert len(mediacheck.check_plays(data)) == 25


def test_a_container_that_cannot_carry_the_codecs_is_said_and_the_others_go_on() -> None:
    hidden = av.open(os.devnull, "w", format="null")
    stream = hidden.add_stream("mp2", rate=48000)
    stream.codec_context.layout = "mono"
    hidden.start_encoding()
    bench = Bench("flv", "ts").templates(VIDEO)
    bench.output.template(AUDIO, stream, compatible=False)
    bench.show(30)
    bench.output.want(["flv", "ts"])  # asked again: it is not tried again
    seen = bench.close()
    hidden.close()
    assert [u.container for u in seen.unavailable] == ["flv"]
    assert "mp2" in seen.unavailable[0].reason
    assert len(mediacheck.check_plays(seen.output("ts"))) == 30


def test_a_packet_that_a_container_refuses_is_counted_and_lost_alone() -> None:
    bench = Bench("ts").templates(VIDEO).show(30)
    frame = av.VideoFrame(*SIZE, "yuv420p")
    (late,) = bench.video.encode(frame, 30 * TICKS)
    bench.output.add(Encoded(VIDEO, late.packet, 10 * TICKS, 10 * TICKS, 3600, late.base, key=False, at=10 * TICKS))
    assert bench.output.refused_packets == 1
    bench.show(20)
    packets = mediacheck.demuxed(bench.close().output("ts"))
    mediacheck.check_rising(packets)
    assert len(packets) == 50


# -- names of codecs


def context(name: str, extradata: bytes | None) -> Any:
    return SimpleNamespace(name=name, extradata=extradata)


@pytest.mark.parametrize(
    ("name", "extradata", "expected"),
    [
        ("libx264", b"\0\0\0\1\x67\x42\xc0\x0c\xda", "avc1.42c00c"),
        ("h264", b"\0\0\1\x27\x64\x00\x1f\xac", "avc1.64001f"),  # another nal_ref_idc
        ("h264", b"\0\0\1\x09\xf0\0\0\0\1\x47\x4d\x40\x1e", "avc1.4d401e"),
        ("h264", b"\1\x64\x00\x28\xff\xe1\0\x19\x67", "avc1.640028"),  # as in MP4 and FLV
        ("h264", None, "avc1.42c01e"),
        ("h264", b"\0\0\1\x67", "avc1.42c01e"),
        ("aac", b"\x11\x90", "mp4a.40.2"),
        ("aac", b"\x2b\x11\x88\x00", "mp4a.40.5"),
        ("aac", None, "mp4a.40.2"),
        ("hevc", b"", "hevc"),
    ],
)
def test_codec_names(name: str, extradata: bytes | None, expected: str) -> None:
    assert rfc6381(context(name, extradata)) == expected


def test_the_name_is_that_of_the_parameter_sets_we_send() -> None:
    out = mediacheck.Session("mp4").play("small").close()
    init = out.inits("mp4")[0].data
    at = init.index(b"avcC") + 4
    assert out.formats[-1].codecs == (f"avc1.{init[at + 1 : at + 4].hex()}", "mp4a.40.2")


def unit(kind: int, body: bytes = b"\x11\x22") -> bytes:
    return bytes([kind]) + body


def test_parameter_sets_are_found_in_a_keyframe() -> None:
    sps, pps, idr = unit(0x67), unit(0x68), unit(0x65)
    keyframe = b"\0\0\0\1" + unit(0x09) + b"\0\0\1" + sps + b"\0\0\0\1" + pps + b"\0\0\1" + idr
    assert parameter_sets("h264", keyframe) == b"\0\0\0\1" + sps + b"\0\0\0\1" + pps
    assert parameter_sets("h264", b"\0\0\1" + idr) is None
    assert parameter_sets("h264", b"") is None
    assert parameter_sets("mpeg2video", keyframe) is None
    vps, sps, pps = unit(0x40), unit(0x42), unit(0x44)
    hevc = b"\0\0\0\1".join([b"", vps, sps, pps, unit(0x26)])
    assert parameter_sets("hevc", hevc) == b"\0\0\0\1".join([b"", vps, sps, pps])


@pytest.mark.parametrize("name", ["small", "hevc"])
def test_parameter_sets_are_the_encoders(name: str) -> None:
    key = next(p for p in mediacheck.demuxed(mediacheck.media.sample(name)) if p.kind == "video" and p.key)
    found = parameter_sets("hevc" if name == "hevc" else "h264", key.data)
    with av.open(str(mediacheck.media.sample(name))) as opened:
        extradata = bytes(opened.streams.video[0].codec_context.extradata)
    units = {u for u in found.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u}
    assert units <= {u for u in extradata.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if u}
    assert len(units) >= 2
