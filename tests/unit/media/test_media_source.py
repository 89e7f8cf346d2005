"""Opening what a response brings, good or rubbish, and holding back what a cut may have truncated."""

from __future__ import annotations

import contextlib
import random
import time
from itertools import pairwise

import av
import badmedia
import media
import mediacheck
import pytest
from mediacheck import Bytes

from edge.errors import CodecError, SourceError
from edge.media import kinds, source
from edge.media.decode import MAX_PIXELS
from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark
from edge.media.source import HoldBack, open_pipe, open_url

HTML = b"<!doctype html><html><title>503</title>" + b"<p>We will be back soon</p>" * 400


def rubbish(name: str) -> bytes:
    sample = media.sample("small").read_bytes()
    return {
        "empty": b"",
        "one byte": b"G",
        "html": HTML,
        "short html": b"<html>no</html>",
        "random": random.Random(1).randbytes(300_000),
        "zeros": bytes(300_000),
        "sync bytes only": b"G" * 1000,
        "null packets": (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 2000,
        "psi only": badmedia.psi_only(media.sample("small")),
        "data only": badmedia.data_only(),
        "flv header only": b"FLV\1\5\0\0\0\x09\0\0\0\0",
        "flv of noise": b"FLV\1\5\0\0\0\x09\0\0\0\0" + random.Random(2).randbytes(100_000),
        "truncated mp4": media.sample("mp4").read_bytes()[:5000],
        "mp4 head": media.sample("mp4").read_bytes()[:40],
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF" + random.Random(3).randbytes(5000),
        "noise with sync bytes": b"".join(b"\x47" + random.Random(n).randbytes(187) for n in range(1500)),
        "shell": b"#!/bin/sh\nexit 0\n" * 1000,
        "json": b'{"error": "not found"}',
        "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>' * 50,
        "concat script": b"ffconcat version 1.0\nfile /etc/passwd\n" * 50,
        "sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
        "subtitles": b"WEBVTT\n\n00:00.000 --> 00:10.000\nhello\n" * 100,
        "cut sample": sample[:564],
    }[name]


NAMES = [
    "empty", "one byte", "html", "short html", "random", "zeros", "sync bytes only", "null packets", "psi only",
    "data only", "flv header only", "flv of noise", "truncated mp4", "mp4 head", "jpeg", "noise with sync bytes",
    "shell", "json", "dash", "concat script", "sdp", "subtitles", "cut sample",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rubbish_is_named_and_not_played(name: str) -> None:
    with pytest.raises((SourceError, CodecError)) as caught:
        mediacheck.Session("ts").play(rubbish(name))
    assert len(str(caught.value)) < 300
    assert getattr(caught.value, "reason", "codec") in ("not_media", "no_streams", "no_frames", "codec")


@pytest.mark.parametrize("name", NAMES)
def test_rubbish_that_was_cut_plays_nothing(name: str) -> None:
    """The cut is told by whoever fetched it; what is said here is at most that it is no media."""
    session = mediacheck.Session("ts")
    with contextlib.suppress(SourceError, CodecError):
        session.play(rubbish(name), error=SourceError("reset", "the connection was reset"))
    assert session.close().events == []


def test_an_html_page_is_quoted() -> None:
    with pytest.raises(SourceError, match="<!doctype html><html><title>503</title>"):
        open_pipe(Bytes(HTML))


def test_a_playlist_is_told_apart() -> None:
    with pytest.raises(SourceError) as caught:
        open_pipe(Bytes(media.sample("hls").read_bytes()))
    assert caught.value.reason == "playlist"


@pytest.mark.parametrize("name", ["small", "flv", "mpeg2", "hevc", "vp9_webm", "adts", "mp3", "ac3_51", "mono_22k"])
def test_whatever_the_size_of_reads_the_packets_are_the_same(name: str) -> None:
    data = media.sample(name).read_bytes()
    found = []
    for step in (1 << 20, 1316, 997):
        opened = open_pipe(Bytes(data, step=step))
        found.append([(m.stream, m.dts, m.pts, m.digest) for m, _ in opened.packets()])
        opened.close()
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 60


@pytest.mark.parametrize("name", ["small", "wrap", "flv", "mpeg2", "eac3", "vp8_webm"])
def test_marks_rise_and_pictures_are_not_due_before_they_are_decoded(name: str) -> None:
    opened = open_pipe(Bytes(media.sample(name).read_bytes()))
    marks = [m for m, _ in opened.packets()]
    opened.close()
    for stream in (VIDEO, AUDIO):
        dts = [m.dts for m in marks if m.stream == stream]
        assert len(dts) > 60
        assert all(a < b for a, b in pairwise(dts))
    assert all(0 <= m.pts - m.dts < TICKS for m in marks)
    assert all(m.duration > 0 for m in marks)
    assert all(m.key for m in marks if m.stream == AUDIO)
    assert next(m for m in marks if m.stream == VIDEO).key


def test_info_says_what_a_source_holds() -> None:
    opened = open_pipe(Bytes(media.sample("small").read_bytes()))
    info = opened.info()
    opened.close()
    assert (info.format, info.others) == ("mpegts", ())
    assert info.video == "h264 High 320x180 at 25 frames/s"
    assert info.audio == "aac LC 48000 Hz stereo"


class Slow:
    """A response that trickles: `data`, then one byte at a time."""

    error = None

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.reads = 0

    def read(self, n: int) -> bytes:
        self.reads += 1
        part, self._data = self._data[:n], self._data[n:]
        time.sleep(0 if part else 0.01)
        return part or b"G"


@pytest.mark.parametrize("head", [b"", b"\x47" + bytes(187), media.sample("small").read_bytes()[:60_000]])
def test_bytes_that_trickle_without_media_end_the_response(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then is no silence, so it needs a deadline of its own: while opening and after."""
    monkeypatch.setattr(source, "PACKETS_SILENT", 0.3)
    slow = Slow(head)
    with pytest.raises(SourceError) as caught:
        mediacheck.Session("ts").pipeline.play_bytes(slow, b"")
    assert caught.value.reason == "no_frames"
    assert slow.reads > 10


def test_programs_and_their_absence() -> None:
    data = media.sample("small").read_bytes()
    opened = open_pipe(Bytes(data), program=1)
    assert opened.video
    assert opened.audio
    opened.close()
    with pytest.raises(SourceError, match="expected program 7 in the source, got programs 1") as caught:
        open_pipe(Bytes(data), program=7)
    assert caught.value.reason == "no_streams"


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two programs' worth of sound in one: English first, then French."""
    path = tmp_path_factory.mktemp("languages") / "two.ts"
    with av.open(str(media.sample("small"))) as one, av.open(str(path), "w") as output:
        audio = one.streams.audio[0]
        tracks = [output.add_stream_from_template(audio) for _ in range(2)]
        for track, language in zip(tracks, ("eng", "fra"), strict=True):
            track.metadata["language"] = language
        for packet in one.demux(audio):
            if packet.size:
                times = packet.pts, packet.dts, packet.time_base
                for track in tracks:
                    packet.stream, (packet.pts, packet.dts, packet.time_base) = track, times
                    output.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize(("language", "index"), [(None, 0), ("eng", 0), ("fra", 1), ("deu", 0)])
def test_the_language_asked_for_is_preferred(languages: bytes, language: str | None, index: int) -> None:
    opened = open_pipe(Bytes(languages), language=language)
    assert opened.audio
    assert opened.audio.av.index == index
    opened.close()


@pytest.mark.parametrize("macroblocks", [4096, 195], ids=["65536x65536", "just above"])
def test_a_picture_larger_than_the_bound_is_a_named_error(macroblocks: int) -> None:
    assert (16 * macroblocks) ** 2 > MAX_PIXELS
    session = mediacheck.Session("ts", audio={"codec": "none"})
    with pytest.raises(CodecError, match=r"do not decode|within 9437184 pixels"):
        session.play(badmedia.huge_picture(media.sample("small"), macroblocks))
    session.close()
    assert session.pipeline.last_frame is None


# -- hold-back


class Packet:
    def __init__(self, *, corrupt: bool = False) -> None:
        self.is_corrupt = corrupt


def mark(stream: int, dts: int) -> Mark:
    return Mark(stream, dts, dts, 3600, True, dts)


def test_the_newest_packet_of_each_stream_is_held_back() -> None:
    hold, packets = HoldBack(), [Packet() for _ in range(4)]
    assert hold.push(mark(VIDEO, 0), packets[0]) == []
    assert hold.push(mark(AUDIO, 0), packets[1]) == []
    assert hold.push(mark(VIDEO, 3600), packets[2]) == [(mark(VIDEO, 0), packets[0])]
    assert hold.push(mark(VIDEO, 7200), packets[3]) == [(mark(VIDEO, 3600), packets[2])]


@pytest.mark.parametrize(("whole", "sized", "kept"), [(True, False, 2), (False, False, 0), (False, True, 1)])
def test_what_is_given_out_at_the_end(whole: bool, sized: bool, kept: int) -> None:
    hold = HoldBack()
    hold.push(mark(VIDEO, 9000), Packet(corrupt=True))
    hold.push(mark(AUDIO, 1920), Packet())
    out = hold.end(whole=whole, sized=sized)
    assert [m.stream for m, _ in out] == [AUDIO, VIDEO][:kept]  # in order of time
    assert hold.push(mark(VIDEO, 9001), Packet()) == []
    assert hold.end(whole=False) == []


@pytest.mark.parametrize("cut", range(20_000, 20_300, 23))
def test_a_flv_cut_anywhere_gives_whole_packets_only(cut: int) -> None:
    data = media.sample("flv").read_bytes()
    whole, part = mediacheck.Chain(), mediacheck.Chain()
    whole.play(data)
    part.play(data[:cut], cut=True)
    assert len(part.got) > 20
    assert set(part.got) <= set(whole.got)
    assert sorted(part.got) == sorted(whole.got[: len(part.got)])


# -- files and the demo


def test_the_demo_is_pictures_and_a_tone() -> None:
    opened = open_url("demo:", kinds.DEMO)
    found: dict[int, int] = {}
    for m, _ in opened.packets():
        found[m.stream] = found.get(m.stream, 0) + 1
        if sum(found.values()) > 100:
            break
    opened.close()
    assert set(found) == {VIDEO, AUDIO}


def test_a_file_is_opened_by_its_path() -> None:
    opened = open_url(str(media.sample("mp4")), kinds.FILE)
    assert opened.whole
    assert len([1 for _ in opened.packets()]) > 200
    opened.close()
