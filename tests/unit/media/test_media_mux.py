"""Muxers: what a newcomer gets first, which chunks are keyframes, what a container refuses. PyAV is the judge."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from fractions import Fraction
from typing import Any

import av
import mediacheck
import pytest
from mediacheck import CONTAINERS, Session

from edge.errors import CodecError
from edge.media import mp4
from edge.media.encode import AudioEncoder, Encoded, VideoEncoder
from edge.media.geometry import Geometry
from edge.media.mux import Muxer
from edge.media.overlap import AUDIO, TICKS, VIDEO
from edge.media.settings import VideoSettings
from edge.units import BitRate

SIZE = (176, 144)
FRAME = TICKS // 25


def pictures(count: int, start: int = 10 * TICKS, every: int = FRAME, **settings: Any) -> tuple[Any, list[Encoded]]:
    """The encoder and `count` encoded frames of noise."""
    encoder = VideoEncoder(VideoSettings(**settings), Geometry(*SIZE, Fraction(1), SIZE))
    out = []
    for n in range(count):
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for i, plane in enumerate(frame.planes):
            plane.update(bytes((n * 7 + i * 31 + j * j) % 255 for j in range(64)) * (plane.buffer_size // 64))
        out += encoder.encode(frame, start + n * every)
    return encoder, out


@pytest.fixture(scope="module")
def encoded() -> Any:
    encoder, packets = pictures(150)
    yield encoder.template, packets
    encoder.close()


def test_keyframes_come_at_the_first_frame_after_each_multiple_of_two_seconds(encoded) -> None:
    _, packets = encoded
    keys = [p.dts for p in packets if p.key]
    assert keys == [10 * TICKS, 12 * TICKS, 14 * TICKS]
    assert all(p.pts == p.dts for p in packets)
    assert len(packets) == 150  # no delay


def test_keyframes_keep_to_the_clock_at_an_odd_rate() -> None:
    """At 7 frames/s no multiple of two seconds is hit: the first frame after it is the keyframe, and nothing drifts."""
    encoder, packets = pictures(70, every=TICKS // 7)
    encoder.close()
    keys = [p.dts for p in packets if p.key]
    assert [k // (2 * TICKS) for k in keys] == [5, 6, 7, 8, 9]
    assert all(k % (2 * TICKS) < TICKS // 7 for k in keys)


def test_parameter_sets_stand_before_every_keyframe(encoded) -> None:
    for p in encoded[1]:
        kinds = {u[0] & 31 for u in bytes(p.packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]}
        assert ({7, 8, 5} <= kinds) == p.key


@pytest.mark.parametrize("container", CONTAINERS)
def test_chunks_that_are_keys_are_where_a_newcomer_can_start(encoded, container: str) -> None:
    template, packets = encoded
    muxer = Muxer(container, {VIDEO: template})
    chunks = [c for p in packets for c in muxer.mux(p)] + muxer.close()
    keys = [i for i, c in enumerate(chunks) if c.key]
    assert len(keys) == 3
    whole = mediacheck.demuxed(muxer.init + b"".join(c.data for c in chunks))
    assert [p.key for p in whole] == [p.key for p in packets]
    for i, left in zip(keys, (150, 100, 50), strict=True):
        late = mediacheck.check_plays(muxer.init + b"".join(c.data for c in chunks[i:]))
        assert late[0].key
        assert len(late) == left
        assert late[0].dts == pytest.approx(20 - left / 25 - 4, abs=0.002)


def test_fragments_without_keyframe_are_no_keys(encoded) -> None:
    """Three keyframes, fragments of a quarter of a second: most fragments begin with another picture."""
    template, packets = encoded
    muxer = Muxer("mp4", {VIDEO: template})
    chunks = [c for p in packets for c in muxer.mux(p)] + muxer.close()
    with av.open(io.BytesIO(muxer.init + b"".join(c.data for c in chunks))) as container:
        starts = {p.pos: p.is_keyframe for p in container.demux() if p.size}
    at, found = len(muxer.init), []
    for c in chunks:
        inside = [key for pos, key in sorted(starts.items()) if at <= pos < at + len(c.data)]
        found.append((c.key, bool(inside and inside[0])))
        at += len(c.data)
    assert len(found) > 15
    assert all(key == truth for key, truth in found)


@pytest.mark.parametrize("fragment", [b"", b"\0\0\0\1moof", b"\0\0\0\x10moof\0\0\0\x08trafmdat", b"\xff" * 100])
def test_a_broken_fragment_is_no_key_and_no_error(fragment: bytes) -> None:
    assert mp4.keyframe(fragment, 1) is False


def test_fragments_cut_anywhere_raise_nothing(encoded) -> None:
    template, packets = encoded
    muxer = Muxer("mp4", {VIDEO: template})
    fragment = next(c for p in packets for c in muxer.mux(p) if c.key).data
    muxer.close()
    assert mp4.keyframe(fragment, 1)
    assert not mp4.keyframe(fragment, 2)
    assert {mp4.keyframe(fragment[:n], 1) for n in range(400)} == {True, False}


def trun(*, first: int | None = None, each: int | None = None, default: int | None = None) -> bytes:
    """A fragment of one sample with its flags in one of the three places (ISO/IEC 14496-12, 8.8.7 and 8.8.8)."""

    def box(kind: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    head = 0x20 | 0x8 if default is not None else 0
    tfhd = head.to_bytes(4, "big") + (1).to_bytes(4, "big")
    if default is not None:
        tfhd += (3600).to_bytes(4, "big") + default.to_bytes(4, "big")
    flags = 1 | (4 if first is not None else 0) | (0x100 | 0x400 if each is not None else 0)
    body = flags.to_bytes(4, "big") + (1).to_bytes(4, "big") + (99).to_bytes(4, "big")
    body += b"" if first is None else first.to_bytes(4, "big")
    body += b"" if each is None else (3600).to_bytes(4, "big") + each.to_bytes(4, "big")
    return box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", box(b"tfhd", tfhd) + box(b"trun", body)))


SYNC, NON_SYNC = 0x02000000, 0x01010000


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        ({"first": SYNC, "default": NON_SYNC}, True),
        ({"first": NON_SYNC, "default": SYNC}, False),
        ({"each": SYNC, "default": NON_SYNC}, True),
        ({"each": NON_SYNC}, False),
        ({"default": SYNC}, True),
        ({"default": NON_SYNC}, False),
        ({}, False),
    ],
)
def test_sample_flags_in_each_place(flags: dict[str, int], key: bool) -> None:
    assert mp4.keyframe(trun(**flags), 1) is key


def sound(count: int) -> tuple[Any, list[Encoded]]:
    encoder, out = AudioEncoder(48000, 2, 64_000), []
    for n in range(count):
        frame = av.AudioFrame("fltp", "stereo", 1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48000
        out += encoder.encode(frame, 480_000 + n * 1024)
    return encoder, out


@pytest.mark.parametrize("container", ["flv", "mp4"])
def test_sound_alone_starts_anywhere(container: str) -> None:
    encoder, packets = sound(200)
    muxer = Muxer(container, {AUDIO: encoder.template})
    chunks = [c for p in packets for c in muxer.mux(p)] + muxer.close()
    encoder.close()
    assert all(c.key for c in chunks)
    late = mediacheck.demuxed(muxer.init + b"".join(c.data for c in chunks[len(chunks) // 2 :]))
    assert 90 <= len(late) <= 120
    assert late[0].dts > 11.5


def test_flv_begins_with_dimensions_and_both_sequence_headers() -> None:
    init = Session("flv", video={"width": 352, "height": 240}).play("small").close().inits("flv")[0].data
    assert init[:5] == b"FLV\1\5"
    tags, at = [], 13
    while at < len(init):
        size = int.from_bytes(init[at + 1 : at + 4], "big")
        tags.append((init[at], init[at + 11 : at + 11 + size]))
        at += 11 + size + 4
    assert at == len(init)
    assert [kind for kind, _ in tags] == [18, 9, 8]
    metadata, avc, aac = (body for _, body in tags)
    assert b"\x05width\x00" + _double(352) in metadata
    assert b"\x06height\x00" + _double(240) in metadata
    assert avc[:2] == b"\x17\x00"
    assert aac[:2] == b"\xaf\x00"
    assert len(aac) >= 4  # with its config


def _double(value: float) -> bytes:

    return struct.pack(">d", value)


def test_a_transport_stream_needs_no_init_and_mp4_has_its_moov(encoded) -> None:
    assert Muxer("ts", {VIDEO: encoded[0]}).init == b""
    init = Muxer("mp4", {VIDEO: encoded[0]}).init
    assert [kind for kind, _, _ in mp4.boxes(init, 0, len(init))] == [b"ftyp", b"moov"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_packet_back_in_time_is_refused_and_the_container_goes_on(encoded, container: str) -> None:
    template, packets = encoded
    muxer = Muxer(container, {VIDEO: template})
    out = [c for p in packets[:20] for c in muxer.mux(p)]
    with pytest.raises(CodecError, match="refuses a packet"):
        muxer.mux(packets[5])
    out += [c for p in packets[20:60] for c in muxer.mux(p)] + muxer.close()
    got = mediacheck.demuxed(muxer.init + b"".join(c.data for c in out))
    mediacheck.check_rising(got)
    assert len(got) == 60


def test_a_codec_that_the_container_cannot_carry_is_named() -> None:
    container = av.open(io.BytesIO(), "w", format="null")
    stream = container.add_stream("pcm_s24le", rate=48000)
    container.start_encoding()
    with pytest.raises(CodecError, match="flv cannot carry pcm_s24le"):
        Muxer("flv", {AUDIO: stream})
    container.close()


@pytest.mark.parametrize("rate", ["1k", "50M"])
def test_an_encoder_at_the_ends_of_its_range(rate: str) -> None:
    encoder, packets = pictures(10, bitrate=BitRate(1_000 if rate == "1k" else 50_000_000))
    encoder.close()
    assert len(packets) == 10


def test_an_impossible_size_is_a_codec_error() -> None:
    with pytest.raises(CodecError, match="x264 refuses"):
        VideoEncoder(VideoSettings(), Geometry(65536, 16, Fraction(1), (65536, 16)))


def test_an_impossible_rate_is_a_codec_error() -> None:
    with pytest.raises(CodecError, match="AAC refuses"):
        AudioEncoder(12345, 2, 64_000)


WILD = """
import random, sys
from fractions import Fraction
import av
from edge.media.encode import AudioEncoder, VideoEncoder
from edge.media.geometry import Geometry
from edge.media.mux import Muxer
from edge.media.settings import VideoSettings

rng = random.Random(int(sys.argv[1]))
video = VideoEncoder(VideoSettings(fps=15), Geometry(64, 48, Fraction(1), (64, 48)))
audio = AudioEncoder(48000, 1, 64000)
muxer, at, sample = Muxer("mp4", {0: video.template, 1: audio.template}), 900_000, 480_000
for _ in range(300):
    video.duration = rng.choice([6000, 45_000, 90_000])
    for encoded in video.encode(av.VideoFrame(64, 48, "yuv420p"), at):
        muxer.mux(encoded)
    at += rng.choice([1, 2, 180, 6000, 6000, 6000, 60_000])
    while sample * 90_000 // 48_000 < at:
        frame = av.AudioFrame("fltp", "mono", 1024)
        frame.planes[0].update(bytes(4096))
        frame.sample_rate = 48_000
        for encoded in audio.encode(frame, sample):
            muxer.mux(encoded)
        sample += 1024
muxer.close()
"""


@pytest.mark.parametrize("seed", range(3))
def test_pictures_that_come_sooner_than_was_said_do_not_end_the_process(seed: int) -> None:
    """libavformat asserts that they do not, in fragments that sound has ended."""
    done = subprocess.run(
        [sys.executable, "-c", WILD, str(seed)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
