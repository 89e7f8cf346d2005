"""From a response's bytes to the bytes of every container, all in the process; PyAV's demuxers and decoders judge."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import media
import mediacheck
import msgspec
import pytest
from faultsource import marker
from mediacheck import CONTAINERS, Session, check_plays, decoded, demuxed

from edge.errors import CodecError, SourceError
from edge.media import kinds
from edge.media.pipeline import Pipeline
from edge.media.settings import AudioSettings, VideoSettings
from edge.media.timeline import START
from edge.media.unshown import Unshown

ENDED = SourceError("ended", "the source ended its response")


def numbers(data: bytes) -> list[int | None]:
    """The numbers drawn into the pictures."""
    return [marker.read(frame) for frame in decoded(data)]


# -- one response


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("audio", ["aac", "copy", "none"])
def test_a_sample_becomes_a_sound_container(container: str, audio: str) -> None:
    out = Session(container, audio={"codec": audio}).play("small").close()
    packets = check_plays(out.output(container))
    video = [p for p in packets if p.kind == "video"]
    assert video[0].key
    assert video[0].pts == pytest.approx(START / 90_000 + 0.08, abs=0.002)  # two B frames in the source
    assert numbers(out.output(container)) == list(range(126))  # the decoder keeps two for what may come
    sound = sum(p.kind == "audio" for p in packets)
    assert 235 <= sound <= 240 if audio != "none" else sound == 0
    assert out.chunks(container)[0].key
    assert (out.discontinuities, out.unavailable) == (0, [])


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("fit", "sar", "inside"),
    [
        ("anamorphic", Fraction(40, 33), (0, 240)),
        ("stretch", Fraction(1), (0, 240)),
        ("crop", Fraction(1), (0, 240)),
        ("pad", Fraction(1), (21, 219)),
    ],
)
def test_fits(container: str, fit: str, sar: Fraction, inside: tuple[int, int]) -> None:
    out = Session(container, video={"width": 352, "height": 240, "fit": fit}).play("small").close()
    data = out.output(container)
    with av.open(io.BytesIO(data)) as opened:
        stream = opened.streams.video[0]
        frame = list(opened.decode(stream))[63]  # whose number has white cells in the middle
        assert (frame.width, frame.height) == (352, 240)
        assert (stream.codec_context.sample_aspect_ratio or 1) == sar  # the SPS's
        assert (stream.sample_aspect_ratio or 1) == sar
    rows = bright_rows(frame)
    assert (rows[0], rows[-1] + 1) == pytest.approx(inside, abs=2)
    assert (out.formats[-1].width, out.formats[-1].height) == (352, 240)
    assert Fraction(*out.formats[-1].sar) == sar


def test_the_sources_size_is_known_also_where_the_probe_saw_no_keyframe() -> None:
    session = Session("ts")
    assert session.pipeline.picture is None
    session.play(media.sample("source").read_bytes()[188 * 50 :])
    assert session.pipeline.picture == (960, 540)


def bright_rows(frame: Any) -> list[int]:
    luma, size = memoryview(frame.planes[0]), frame.planes[0].line_size
    return [y for y in range(frame.height) if max(luma[y * size : y * size + frame.width]) > 60]


def test_mp4_tells_the_pixels_shape_in_its_own_box() -> None:
    out = Session("mp4", video={"width": 352, "height": 240}).play("small").close()
    init = out.inits("mp4")[0].data
    at = init.index(b"pasp")
    assert (int.from_bytes(init[at + 4 : at + 8], "big"), int.from_bytes(init[at + 8 : at + 12], "big")) == (40, 33)


@pytest.mark.parametrize(
    ("width", "height", "size"), [(160, None, (160, 90)), (None, 144, (256, 144)), (None, None, (320, 180))]
)
def test_a_side_left_out_keeps_the_aspect(width: int | None, height: int | None, size: tuple[int, int]) -> None:
    out = Session("ts", video={"width": width, "height": height}).play("small").close()
    frame = decoded(out.output("ts"))[0]
    assert (frame.width, frame.height) == size


@pytest.mark.parametrize("fps", [1, 5, 12.5, 15, 25, 60])
def test_the_frame_rate_is_bounded(fps: float) -> None:
    out = Session("ts", video={"fps": fps}, audio={"codec": "none"}).play("small").close()
    times = [p.pts for p in check_plays(out.output("ts"))]
    assert len(times) == pytest.approx(5.04 * min(fps, 25), abs=1.5)
    assert len({int((t + 1e-6) * fps) for t in times}) == len(times)
    shown = numbers(out.output("ts"))
    assert None not in shown
    assert all(a < b for a, b in pairwise(shown))


def test_frames_that_are_not_decoded_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would have seen them and nothing refers to them: the output is the same to the bit."""
    lean = Session("ts", video={"fps": 15}).play("other_rate")
    assert lean.pipeline.stats().video["dropped_undecoded"] > 30
    monkeypatch.setattr(Unshown, "unshown", lambda *_: False)
    full = Session("ts", video={"fps": 15}).play("other_rate")
    assert full.pipeline.stats().video.get("dropped_undecoded", 0) == 0
    assert lean.close().output("ts") == full.close().output("ts")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fps", [25, 15])
@pytest.mark.parametrize("audio", ["aac", "copy"])
def test_picture_and_sound_stay_in_step(container: str, fps: int, audio: str) -> None:
    """A flash and a beep at once: within a frame of the output and a frame of AAC."""
    source = mediacheck.flashing().read_bytes()
    assert max(map(abs, mediacheck.apart(source))) < 0.005
    out = Session(container, video={"fps": fps}, audio={"codec": audio}).play(source).close()
    apart = mediacheck.apart(out.output(container))
    assert len(apart) == 5
    assert max(map(abs, apart)) < 1 / fps + 1024 / 48000


@pytest.mark.parametrize("container", CONTAINERS)
def test_picture_and_sound_stay_in_step_when_all_is_copied(container: str) -> None:
    """Reordered pictures (B frames) too: each container stores their delay in another way."""
    out = Session(container, video={"codec": "copy"}).play(mediacheck.flashing().read_bytes()).close()
    assert max(map(abs, mediacheck.apart(out.output(container)))) < 0.005


@pytest.mark.parametrize("audio", ["aac", "copy"])
@pytest.mark.parametrize("late", [0.5, 1.2, 2.0])
def test_sound_that_is_sent_later_than_its_pictures_is_heard_in_step(audio: str, late: float) -> None:
    """Broadcasts do it. At 1.2 s the sound begins after the probing: its rate and channels are not known before."""
    source = mediacheck.skewed(mediacheck.flashing().read_bytes(), late)
    session = Session(audio={"codec": audio}).play(source)
    assert session.pipeline.stats().audio.get("silence", 0) == 0
    out = session.close()
    for container in CONTAINERS:
        apart = mediacheck.apart(out.output(container))
        assert len(apart) == 5
        assert max(map(abs, apart)) < 0.005


# -- what is gathered


class Gathering(mediacheck.Bytes):
    """Notes its reads beside the pipeline's events and flushes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, step=4096)
        self.calls: list[str] = []
        self.pipeline = Pipeline(
            VideoSettings(width=320, height=180),
            AudioSettings(),
            lambda event: self.calls.append(type(event).__name__),
            flush=lambda: self.calls.append("flush"),
        )
        self.pipeline.want(["ts"])

    def read(self, n: int) -> bytes:
        self.calls.append("read")
        return super().read(n)


def test_nothing_is_left_behind_when_the_thread_waits_for_bytes() -> None:
    gathering = Gathering(media.sample("small").read_bytes())
    gathering.pipeline.play_bytes(gathering, b"")
    calls = gathering.calls
    assert {before for before, call in pairwise(calls) if call == "read"} == {"flush"}
    assert calls.count("Media") > calls.count("flush") > 10
    assert calls[-1] == "flush"


@pytest.mark.parametrize("paced", [True, False])
def test_nothing_is_left_behind_when_libavformat_waits_or_the_clock(paced: bool) -> None:
    gathering = Gathering(b"")
    if not paced:
        gathering.pipeline._wait = lambda seconds: None
    gathering.pipeline.play_url(str(mediacheck.made(media.Spec(seconds=1.0))), kinds.FILE, {})
    gathering.pipeline.close()
    calls = gathering.calls
    assert calls.count("Media") > 20
    assert calls.count("flush") > 60  # for each packet of the source
    assert calls[-2:] == ["flush", "Media"]  # closing is no wait: who closes has no thread any more


# -- copy


def units(packet: bytes) -> list[bytes]:
    """NAL units of an Annex B packet, without access unit delimiters and parameter sets, which containers move."""
    parts = packet.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [u.rstrip(b"\0") for u in parts if u and u[0] & 31 not in (7, 8, 9)]


def sized_units(packet: bytes) -> list[bytes]:
    """The same of a packet with 4-byte lengths."""
    out, at = [], 0
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        out.append(packet[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return [u for u in out if u[0] & 31 not in (7, 8, 9)]


@pytest.mark.parametrize("container", CONTAINERS)
def test_copied_pictures_are_the_sources_byte_for_byte(container: str) -> None:
    out = Session(container, video={"codec": "copy"}).play("small").close()
    packets = check_plays(out.output(container))
    given = [units(p.data) for p in demuxed(media.sample("small")) if p.kind == "video"]
    got = [(units if container == "ts" else sized_units)(p.data) for p in packets if p.kind == "video"]
    assert got == given
    assert out.formats[-1].copied


@pytest.mark.parametrize("container", CONTAINERS)
def test_copied_sound_is_the_sources_byte_for_byte(container: str) -> None:
    out = Session(container, audio={"codec": "auto"}).play("small").close()
    given = [p.data for p in demuxed(media.sample("small")) if p.kind == "audio"]
    got = [p.data for p in demuxed(out.output(container)) if p.kind == "audio"]
    assert len(got) >= 235  # from the first picture on
    assert [g[7:] if container == "ts" else g for g in got] == [g[7:] for g in given[-len(got) :]]
    assert len(decoded(out.output(container), "audio")) == len(got)


def test_copy_from_a_container_with_lengths_serves_all_three() -> None:
    out = Session(video={"codec": "copy"}).play("flv").close()
    for container in CONTAINERS:
        check_plays(out.output(container))
        assert numbers(out.output(container)) == list(range(128))


def test_a_posters_picture_is_shown_in_square_pixels() -> None:
    for video in ({"width": 352, "height": 240}, {"codec": "copy"}):
        out = Session("ts", video=video).play("small").close()
        (poster,) = out.posters
        with av.open(io.BytesIO(poster.jpeg)) as opened:
            frame = next(opened.decode(video=0))
        assert frame.width / frame.height == pytest.approx(16 / 9, abs=0.01)
        assert marker.read(frame) == 0


# -- viewers who come and go


def paced(session: Session, name: str, at: dict[int, Any]) -> None:
    """Plays a sample; when so many bytes were read, the call is made (between two packets)."""

    class Watched(mediacheck.Bytes):
        read_bytes = 0

        def read(self, n: int) -> bytes:
            data = super().read(n)
            self.read_bytes += len(data)
            for due in [k for k in at if k <= self.read_bytes]:
                at.pop(due)()
            return data

    session.pipeline.play_bytes(Watched(media.sample(name).read_bytes(), step=1880), b"")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("video", ["h264", "copy"])
def test_a_container_wanted_later_begins_at_a_keyframe_with_its_init(container: str, video: str) -> None:
    session = Session("ts", video={"codec": video})
    size = media.sample("small").stat().st_size
    paced(session, "small", {size // 2: lambda: session.pipeline.want(["ts", container])})
    out = session.close()
    packets = check_plays(out.output(container))
    assert packets[0].key
    if container != "ts":
        first = next(p.dts for p in packets if p.kind == "video")
        assert 10.0 < first < 12.6  # from the last keyframe on, not the next
        assert out.chunks(container)[0].key


def test_a_container_nobody_wants_is_not_muxed() -> None:
    session = Session("flv")
    size = media.sample("small").stat().st_size
    paced(
        session,
        "small",
        {size // 3: lambda: session.pipeline.want([]), 2 * size // 3: lambda: session.pipeline.want(["mp4"])},
    )
    out = session.close()
    assert [e.container for e in out.of(mediacheck.Init)] == ["flv", "mp4"]
    last = demuxed(out.output("flv"))[-1].dts
    first = demuxed(out.output("mp4"))[0].dts
    assert last < 12.5
    assert first > 11.5
    assert out.chunks("ts") == []


def test_without_viewers_nothing_is_muxed_and_the_channel_lives() -> None:
    session = Session("ts")
    session.pipeline.want([])
    session.play("small")
    assert session.pipeline.last_frame is not None
    out = session.close()
    assert out.of(mediacheck.Media) == out.of(mediacheck.Init) == []
    assert len(out.posters) == 1


# -- changes under way


def changed(
    first: str, second: str, *, video: dict[str, Any] | None = None, audio: dict[str, Any] | None = None
) -> Any:
    session = Session(video=video, audio=audio)
    session.play(first, error=ENDED).play(later(second), error=ENDED)
    return session.close()


def later(name: str, start: float = 50_000.0) -> Any:
    """A sample on a clock of its own, of which no packet equals one of another sample: nobody takes it for a replay."""
    spec = media.SPECS[name]
    return mediacheck.made(
        msgspec.structs.replace(
            spec, start=start, tone=spec.tone + 550, bit_rate=spec.bit_rate * 5 // 4, height=spec.height + 4
        )
    )


CHANGES = [
    ("small", "other_size"),
    ("small", "other_rate"),
    ("small", "slow_rate"),
    ("other_size", "small"),
    ("small", "mpeg2"),
    ("mpeg2", "hevc"),
    ("hevc", "small"),
    ("small", "interlaced"),
    ("small", "vp9_webm"),
    ("vp8_webm", "flv"),
    ("small", "mono_22k"),
    ("mono_22k", "ac3_51"),
    ("ac3_51", "small"),
    ("small", "video_only"),
    ("video_only", "small"),
    ("small", "audio_only"),
    ("audio_only", "small"),
    ("small", "mp3"),
    ("flv", "small"),
]


@pytest.mark.parametrize("audio", ["aac", "auto"])
@pytest.mark.parametrize(("first", "second"), CHANGES)
def test_a_source_that_changes_goes_on(first: str, second: str, audio: str) -> None:
    out = changed(first, second, audio={"codec": audio})
    assert out.discontinuities in (1, 2)  # the new clock, and the new size
    for container in CONTAINERS:
        times: dict[str, list[float]] = {"video": [], "audio": []}
        for run in out.runs(container):
            packets = demuxed(run)
            mediacheck.check_rising(packets)
            for kind, seen in times.items():
                mine = [p.dts for p in packets if p.kind == kind]
                assert not seen or not mine or mine[0] > seen[-1]
                seen.extend(mine)
        whole = sorted(times["video"] + times["audio"])
        assert whole[-1] - whole[0] > 9
        assert max(b - a for a, b in pairwise(whole)) < 1.0


@pytest.mark.parametrize(("first", "second"), [c for c in CHANGES if "audio_only" not in c])
def test_every_picture_decodes_after_a_change(first: str, second: str) -> None:
    out = changed(first, second, audio={"codec": "aac"})
    for container in CONTAINERS:
        shown = [n for run in out.runs(container) for n in numbers(run)]
        assert len(shown) > 180
        assert shown.count(None) <= 4  # none but those that the change of codec has cut short
        assert 0 in shown[100:] or 1 in shown[100:]


def test_a_new_size_reaches_viewers_under_way() -> None:
    out = changed("small", "other_size", video={"width": 240, "height": None})
    for container in CONTAINERS:
        sizes = {(f.width, f.height) for run in out.runs(container) for f in decoded(run)}
        assert sizes == {(240, 136), (240, 182)}
        assert len(out.runs(container)) == 1
    assert [(f.width, f.height) for f in out.formats if f.width][-1] == (240, 182)


@pytest.mark.parametrize("container", ["flv", "mp4"])
def test_who_comes_after_a_new_size_gets_its_parameters_first(container: str) -> None:
    out = changed("small", "other_size", video={"width": 240, "height": None})
    init = out.inits(container)[-1]
    assert not init.reset
    chunks = out.chunks(container)
    late = [i for i, c in enumerate(chunks) if c.key][-1]
    frames = decoded(init.data + b"".join(c.data for c in chunks[late:]))
    assert {(f.width, f.height) for f in frames} == {(240, 182)}


@pytest.mark.parametrize("container", CONTAINERS)
def test_copied_video_of_a_new_size_starts_its_container_anew(container: str) -> None:
    out = changed("small", "other_size", video={"codec": "copy"})
    runs = out.runs(container)
    assert len(runs) == 2
    assert {(f.width, f.height) for f in decoded(runs[0])} == {(320, 180)}
    assert {(f.width, f.height) for f in decoded(runs[1])} == {(480, 364)}


def test_copied_video_of_a_codec_that_flv_cannot_carry_is_said() -> None:
    out = Session(video={"codec": "copy"}).play("mpeg2").close()
    assert {u.container for u in out.unavailable} >= {"flv"}
    assert "mpeg2video" in out.unavailable[0].reason
    check_plays(out.output("ts"))


@pytest.mark.parametrize("cut", [0, 40, 90, 140])  # packets of 188 bytes
def test_no_picture_is_late_where_a_stream_without_b_pictures_follows(cut: int) -> None:
    """Up to three were, of those that the old stream had reordered."""
    plain = msgspec.structs.replace(
        media.SPECS["small"], start=50_000.0, tone=990, height=184, options="preset=veryfast bf=0 sc_threshold=0"
    )
    first = media.sample("small").read_bytes()
    session = Session("ts").play(first[: len(first) - 188 * cut], error=ENDED)
    session.play(mediacheck.made(plain), error=ENDED)
    assert session.pipeline.stats().video.get("dropped_late", 0) == 0
    check_plays(session.close().output("ts"))


def test_sound_that_disappears_is_replaced_by_silence_and_comes_back() -> None:
    session = Session("ts", audio={"codec": "aac"})
    session.play("small", error=ENDED).play(later("video_only"), error=ENDED)
    session.play(later("other_rate", 70_000.0), error=ENDED)
    packets = check_plays(session.close().output("ts"))
    sound = [p.dts for p in packets if p.kind == "audio"]
    assert max(b - a for a, b in pairwise(sound)) < 0.05
    assert sound[-1] - sound[0] > 14


def test_pictures_that_disappear_stand_still_and_come_back() -> None:
    session = Session("ts", audio={"codec": "aac"})
    session.play("small", error=ENDED).play(later("audio_only"), error=ENDED)
    session.play(later("other_rate", 70_000.0), error=ENDED)
    out = session.close()
    packets = check_plays(out.output("ts"))
    pictures = [p.pts for p in packets if p.kind == "video"]
    assert max(b - a for a, b in pairwise(pictures)) < 1.0
    assert pictures[-1] - pictures[0] > 14
    keys = [p.pts for p in packets if p.kind == "video" and p.key]
    assert max(b - a for a, b in pairwise(keys)) < 2.6


# -- inputs


@pytest.mark.parametrize(
    "name",
    ["mpeg2", "hevc", "vp8_webm", "vp9_webm", "flv", "mp3", "ac3_51", "eac3", "mono_22k", "wrap", "slow_rate"],
)
def test_inputs_are_decoded_whole(name: str) -> None:
    spec = media.SPECS[name]
    out = Session(audio={"codec": "aac"}).play(name).close()
    for container in CONTAINERS:
        check_plays(out.output(container))
    shown = numbers(out.output("ts"))
    want = min(spec.fps, 25) * spec.seconds
    assert want - 6 <= len(shown) <= want
    assert None not in shown
    sound = [p for p in demuxed(out.output("ts")) if p.kind == "audio"]
    assert len(sound) * 1024 / min(spec.rate, 48000) == pytest.approx(spec.seconds, abs=0.3)


def test_av1_in_mp4_by_path() -> None:
    session = Session("ts", audio={"codec": "aac"}).play_file(media.sample("av1_mp4"))
    shown = numbers(session.close().output("ts"))
    assert len(shown) > 100
    assert None not in shown


SOUNDS = {"libopus": (".webm", "libvpx"), "flac": (".mkv", "libx264"), "mp2": (".ts", "libx264")}


@pytest.mark.parametrize("codec", SOUNDS)
def test_other_sounds(codec: str) -> None:
    suffix, video = SOUNDS[codec]
    options = "bf=0" if video == "libx264" else "deadline=realtime cpu-used=8"
    spec = media.Spec(suffix=suffix, video=video, audio=codec, start=0.0, seconds=2.56, options=options)
    out = Session("ts", audio={"codec": "auto"}).play(mediacheck.made(spec)).close()
    packets = check_plays(out.output("ts"))
    assert sum(p.kind == "audio" for p in packets) > 100


def test_latm(shared_media) -> None:
    """Ten frames of near silence: too few TS packets for a demuxer to know them."""
    out = Session("flv", video={"codec": "none"}).play(shared_media / "ax-sample_latm.ts").close()
    packets = check_plays(out.output("flv"))
    assert {p.kind for p in packets} == {"audio"}


def test_interlaced_pictures_are_deinterlaced() -> None:
    """Rows of two moments alternate (combing): neighbouring rows then differ more than every second one."""
    raw = decoded(media.sample("interlaced").read_bytes())
    out = Session("ts", video={"width": 720, "height": 576, "bitrate": 4_000_000}).play("interlaced").close()
    frames = decoded(out.output("ts"))
    assert len(frames) > 110
    assert combing(raw[60]) > 2 * combing(frames[59])


def combing(frame: Any) -> float:
    luma, size = memoryview(frame.planes[0]), frame.planes[0].line_size
    near = far = 1
    for y in range(200, 500):
        row, after, second = (luma[(y + i) * size :][: frame.width].tolist() for i in range(3))
        near += sum(abs(a - b) for a, b in zip(row, after, strict=True))
        far += sum(abs(a - b) for a, b in zip(row, second, strict=True))
    return near / far


def test_a_turned_picture_is_shown_upright(tmp_path) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(media.sample("mp4"))) as one, av.open(str(path), "w") as output:
        track = output.add_stream_from_template(one.streams.video[0])
        track.set_display_rotation(90) if hasattr(track, "set_display_rotation") else pytest.skip("PyAV cannot turn")
        for packet in one.demux(video=0):
            if packet.size:
                packet.stream = track
                output.mux(packet)
    session = Session("ts", video={"width": None, "height": None}).play_file(path)
    frame = decoded(session.close().output("ts"))[0]
    assert (frame.width, frame.height) == (180, 320)


def test_settings_that_leave_nothing_are_an_error() -> None:
    session = Session("ts", video={"codec": "none"})
    with pytest.raises(CodecError, match="leave nothing"):
        session.play("video_only")


def test_stats_add_up() -> None:
    session = Session("ts", video={"fps": 15}, audio={"codec": "aac"}).play("small")
    stats = session.pipeline.stats()
    session.close()
    assert stats.video["decoded"] == stats.video["encoded"] + stats.video["dropped_rate"]
    assert stats.video["decoded"] + stats.video["dropped_undecoded"] == 126
    assert (stats.damaged, stats.refused) == (0, 0)
    assert stats.output_seconds == pytest.approx(5.12, abs=0.1)
