"""Transport stream packets: alignment, what joins two responses, what a muxer wrote. Truth comes from a demuxer."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise

import av
import media
import mediacheck
import pytest
from mediacheck import Chain

from edge.media import ts
from edge.media.encode import VideoEncoder
from edge.media.geometry import Geometry
from edge.media.mux import Muxer
from edge.media.overlap import VIDEO
from edge.media.settings import VideoSettings

TAIL = 131_072
HEAD = 12_032


@cache
def short() -> bytes:
    """2.56 s, 53 KB: quick to demux hundreds of times."""
    return mediacheck.made(
        media.Spec(seconds=2.56, width=160, height=96, bit_rate=60_000, gop=12, audio_bit_rate=32_000)
    ).read_bytes()


@cache
def uncut() -> list[tuple[int, ...]]:
    chain = Chain()
    chain.play(short())
    return sorted(chain.got)


def starts(pid: int) -> list[int]:
    """Offsets at which PES packets of `pid` begin."""
    data = short()
    packets = range(0, len(data), ts.PACKET)
    return [i for i in packets if ts._starts(p := data[i : i + 188]) and ts._pid(p) == pid and ts._is_pes(p)]


# -- alignment


@pytest.mark.parametrize("offset", [0, 1, 7, 100, 187])
def test_aligned_finds_the_first_packet(offset: int) -> None:
    junk = bytes(range(256))[1:] * 2
    data = junk[:offset].replace(b"G", b"g") + short()[: 20 * 188]
    assert ts.aligned(data) == offset
    assert ts.looks_like_ts(data)


@pytest.mark.parametrize(
    "data", [b"", b"G", b"\x47" * 563, bytes(5000), b"<!doctype html>" * 300, b"FLV\1\5" + bytes(2000)]
)
def test_what_is_no_transport_stream(data: bytes) -> None:
    assert not ts.looks_like_ts(data)


def test_a_single_sync_byte_by_chance_is_no_alignment() -> None:
    data = bytearray(5 * 188)
    data[33] = data[33 + 188] = 0x47
    assert ts.aligned(bytes(data)) == -1


# -- carry


def joined(cut: int, resume: int | None = None, tail: int = TAIL) -> list[tuple[int, ...]]:
    """What two responses give: the first ends at byte `cut`, the next begins at `resume` (the same byte)."""
    data, chain = short(), Chain()
    chain.play(data[:cut], cut=True)
    chain.play(data[cut if resume is None else resume :], before=data[max(0, cut - tail) : cut])
    return sorted(chain.got)


@pytest.mark.parametrize("of", [0x100, 0x101], ids=["video", "audio"])
def test_a_cut_at_every_byte_around_the_beginning_of_a_frame_loses_nothing(of: int) -> None:
    middle = starts(of)[len(starts(of)) // 2]
    wrong = [cut for cut in range(middle - 95, middle + 95) if joined(cut) != uncut()]
    assert wrong == []


def test_a_cut_anywhere_loses_nothing() -> None:
    wrong = [cut for cut in range(1000, len(short()) - 1000, 101) if joined(cut) != uncut()]
    assert wrong == []


def test_many_cuts_in_a_row_lose_nothing() -> None:
    data, chain, before = short(), Chain(), b""
    edges = [0, 9001, 17_777, 26_320, 27_700, 35_001, 44_443, len(data)]
    for begin, end in pairwise(edges):
        chain.play(data[begin:end], before=before, cut=end < len(data))
        before = data[max(0, end - TAIL) : end]
    assert sorted(chain.got) == uncut()


def test_a_lost_rest_of_a_frame_never_gives_a_truncated_packet() -> None:
    """The next response begins with the next frame, or later: what was cut is given up, not patched together."""
    known = {packet[:3] for packet in uncut()}
    frames = starts(0x100)
    for n in range(8, 48, 3):
        for cut in (frames[n] + 190, (frames[n] + frames[n + 1]) // 2, frames[n + 1] - 100):
            for resume in frames[n + 1 : n + 3]:
                assert {packet[:3] for packet in joined(cut, resume)} <= known


def test_a_replay_needs_no_carrying_and_loses_nothing() -> None:
    data, frames = short(), starts(0x100)
    for n, back in [(20, 5), (30, 20), (40, 39)]:
        cut, resume = frames[n] + 200, frames[n - back]
        assert ts.carry(data[:cut][-TAIL:], data[resume:][:HEAD]) == b""
        assert joined(cut, resume) == uncut()


def test_a_replay_from_the_middle_of_a_frame_loses_nothing() -> None:
    """If it holds at least the last frame: a demuxer can use nothing of one without its beginning."""
    frames = starts(0x100)
    for back in range(188 * 10, 188 * 40, 188 * 3):
        assert joined(frames[40], frames[40] - back) == uncut()


@pytest.mark.parametrize("tail", [b"", b"G", b"x" * 1000, bytes(188 * 3)])
def test_nothing_is_carried_from_what_is_no_stream(tail: bytes) -> None:
    assert ts.carry(tail, short()[:HEAD]) == b""
    assert ts.carry(short()[:HEAD], tail) == b""


def test_nothing_is_carried_when_the_frame_began_before_the_tail() -> None:
    """A keyframe larger than what is kept: its beginning is gone, and so is the frame."""
    frames = starts(0x100)
    cut = frames[30] + 188 * 3
    audio = [a for a in starts(0x101) if a < cut]
    tail = short()[max(frames[30], audio[-1]) + 188 : cut]
    assert ts.carry(tail, short()[cut : cut + HEAD]) == b""


def test_another_stream_is_not_joined() -> None:
    data = short()
    other = media.sample("small").read_bytes()
    cut = starts(0x100)[30] + 400
    rest = -cut % 188
    lengths = [len(ts.carry(data[:cut], other[i * 188 - rest :][:HEAD])) for i in range(100, 140)]
    assert lengths.count(0) >= 30  # counters of 4 bits agree by chance now and then


# -- what the muxer wrote


@pytest.mark.parametrize("name", ["small", "video_only"])
def test_inspect_tells_keyframes_and_times_as_a_demuxer_does(name: str) -> None:
    session = mediacheck.Session("ts", video={"fps": 12}).play(name)
    out = session.close()
    video = [p for p in mediacheck.demuxed(out.output("ts")) if p.kind == "video"]
    found = [ts.inspect(c.data, has_video=True) for c in out.chunks("ts")]
    pictures = [
        (key, time)
        for (key, time), c in zip(found, out.chunks("ts"), strict=True)
        if any(ts._pid(c.data[i : i + 188]) == 0x100 for i in range(0, len(c.data), 188))
    ]
    assert [key for key, _ in pictures] == [p.key for p in video]
    assert [time for _, time in pictures] == [round(p.dts * 90_000) for p in video]


def test_without_video_a_newcomer_starts_at_the_tables() -> None:
    out = mediacheck.Session("ts").play("audio_only").close()
    keys = [c for c in out.chunks("ts") if c.key]
    assert 5 <= len(keys) < len(out.chunks("ts"))
    for c in keys:
        rest = b"".join(o.data for o in out.chunks("ts")[out.chunks("ts").index(c) :])
        assert mediacheck.demuxed(rest)


def test_chunk_times_go_on_over_the_33_bit_wrap() -> None:
    """A channel that has been on for 26 hours and a half."""
    encoder = VideoEncoder(VideoSettings(), Geometry(64, 64, Fraction(1), (64, 64)))
    muxer = Muxer("ts", {VIDEO: encoder.template})
    chunks = []
    for n in range(20):
        frame = av.VideoFrame(64, 64, "yuv420p")
        for encoded in encoder.encode(frame, (1 << 33) - 10 * 3600 + n * 3600):
            chunks += muxer.mux(encoded)
    chunks += muxer.close()
    encoder.close()
    steps = [b.time - a.time for a, b in pairwise(chunks)]
    assert len(steps) == 19
    assert steps == pytest.approx([0.04] * 19)
