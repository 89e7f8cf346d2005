"""Every rung on real streams: what comes out plays, is unspoilt, and goes on over every change."""

from __future__ import annotations

import hashlib
import io
import random
from itertools import pairwise

import av
import media
import msgspec
import pytest
from faultsource import marker
from mediacheck import Bytes, Recorder, check_plays, check_rising, decoded, demuxed, made

from edge.errors import SourceError
from edge.media import kinds
from edge.media.events import Discontinuity, Format, Init
from edge.media.ladder import WORKS
from edge.media.pipeline import GATHER, Pipeline
from edge.media.settings import RUNGS, AudioSettings, LadderSettings, VideoSettings
from edge.media.slices import UNKNOWN
from edge.media.source import open_url
from edge.media.thinning import Thinning
from edge.media.timeline import Placed
from edge.media.videoladder import VideoLadder

LONG = media.Spec(seconds=25.6, fps=50, gop=96)  # B pictures that are references, but not of P pictures
X264 = "preset=veryfast sc_threshold=0 bf=2 profile=high x264-params="
USED = msgspec.structs.replace(LONG, fps=25, gop=48, options=X264 + "ref=4:b-pyramid=normal")
OPEN = msgspec.structs.replace(LONG, fps=25, gop=48, options=X264 + "open-gop=1:ref=1")
PLAIN = msgspec.structs.replace(LONG, fps=25, gop=48, options="preset=veryfast sc_threshold=0 bf=0")
ENDED = SourceError("ended", "the source ended its response")


class Laddered:
    """A pipeline with every rung allowed, and what it emitted."""

    def __init__(self, *containers, highest="full", audio="aac", video=None, **audio_settings):
        self.out = Recorder()
        settings = LadderSettings(highest, "audio-copy", allow_copy=True)
        self.pipeline = Pipeline(
            VideoSettings(**({"width": 160, "height": 90, "fps": 15} | (video or {}))),
            AudioSettings(codec=audio, **audio_settings), self.out, ladder_settings=settings,
        )  # fmt: skip
        self.pipeline.want(containers or ("ts",))
        self.pipeline._wait = lambda seconds: None
        self.pipeline._rest = lambda: None

    def play(self, path_or_bytes, error=None):
        data = path_or_bytes if isinstance(path_or_bytes, bytes) else path_or_bytes.read_bytes()
        self.pipeline.play_bytes(Bytes(data, error), b"")
        return self

    def walk(self, path, plan):
        """One response; `plan`: rungs by the second of output at which they are asked for."""
        due, place = sorted(plan.items()), self.pipeline._place

        def placing(placed, now):
            while due and placed.dts >= (10 + due[0][0]) * 90_000:
                self.pipeline.take(due.pop(0)[1])
            place(placed, now)

        self.pipeline._place = placing
        self.play(path)
        self.pipeline._place = place
        return self

    def close(self):
        self.pipeline.close()
        return self.out


def video_of(data):
    return [p for p in demuxed(data) if p.kind == "video"]


# -- one rung from the beginning

RATES = {
    "full": 15, "loop-noref": 15, "loop-none": 15, "skip-nonref": 15, "skip-b": 15, "fps-10": 10, "fps-7.5": 7.5,
    "gop-half": 6.3, "gop-quarter": 5.2, "copy": 50, "key": 4.4, "audio": 4.1, "audio-copy": 4.1,
}  # fmt: skip


@pytest.mark.parametrize("container", ["ts", "flv", "mp4"])
@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_plays(rung, container):
    session = Laddered(container)
    session.pipeline.take(rung)
    session.play(made(LONG))
    assert session.pipeline.rung == rung
    data = session.close().runs(container)[-1]
    packets = check_plays(data)
    shown = [p.pts for p in packets if p.kind == "video"]
    span = max(shown) - min(shown)
    assert (len(shown) - 1) / span == pytest.approx(RATES[rung], rel=0.1)
    if rung != "copy":
        assert max(b - a for a, b in pairwise(shown)) <= (0.34 if container != "mp4" else 0.48)
        keys = [p.pts for p in packets if p.kind == "video" and p.key]
        assert all(1.5 < b - a < 2.5 for a, b in pairwise(keys))
        if container != "mp4":  # where a fragment that sound has ended begins when the picture before was said to end
            assert {int(k / 2 + 0.01) for k in keys} == set(range(int(keys[0] / 2), int(keys[-1] / 2 + 0.01) + 1))
    sound = [p.pts for p in packets if p.kind == "audio"]
    assert max(b - a for a, b in pairwise(sound)) < 0.1
    numbers = [marker.read(frame) for frame in decoded(data)]
    assert None not in numbers
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", ["mpeg2", "hevc", "interlaced", "vp9_webm", "flv", "mp4", "small", "video_only"])
def test_other_streams_survive_every_rung(name):
    """Down and up again, one rung each half second of media."""
    session = Laddered("ts", "mp4")
    order = [*RUNGS, *reversed(RUNGS)]
    data = media.sample(name)
    for rung in order:
        session.pipeline.take(rung)
        if name.startswith("mp4"):
            session.pipeline.play_url(str(data), kinds.FILE, {})
        else:
            session.play(data)
    out = session.close()
    for run in out.runs("mp4"):
        check_rising(demuxed(run))
    assert session.pipeline.stats().damaged == 0
    assert sum(len(decoded(run)) for run in out.runs("ts")) > 100


# -- nothing spoilt


def digest(picture):
    """Of its luma, without what lies beyond the end of each line."""
    luma, size = memoryview(picture.planes[0]), picture.planes[0].line_size
    return hashlib.blake2b(b"".join(luma[y * size : y * size + picture.width] for y in range(picture.height))).digest()


class Watched:
    """A VideoLadder, and the pictures its decoder brought, by their time."""

    def __init__(self):
        self.track = VideoLadder(
            VideoSettings(width=64, height=48, fps=15), lambda _: None, lambda *_: None, lambda _: 0
        )
        self.pictures: dict[int, bytes] = {}
        inner, show = self.track._track, self.track._track._frame

        def frame(picture):
            self.pictures[picture.pts] = digest(picture)
            show(picture)

        inner._frame = frame

    def play(self, path, change=lambda n: None, rounds=1):
        for turn in range(rounds):
            source = open_url(str(path), kinds.FILE)
            self.track.follow(source.video.av)
            begin = None
            for n, (mark, packet) in enumerate((m, p) for m, p in source.packets() if m.stream == 0):
                if begin is None:
                    begin = mark.dts - turn * 60 * 90_000
                change(n)
                fresh = n == 0 and turn > 0
                self.track.push(Placed(packet, 0, mark.dts - begin, mark.pts - begin, fresh))
            source.close()
        return self


@pytest.fixture(scope="module")
def everything():
    """What a decoder makes of whole streams: every picture, nothing left out."""
    kept = {}

    def pictures(path):
        if path not in kept:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(Thinning, "decide", lambda *_, **__: "decode")
                kept[path] = Watched().play(path, rounds=2).pictures
        return kept[path]

    return pictures


STREAMS = {
    "pyramid": LONG, "pyramid that P uses": USED, "open GOPs": OPEN, "P only": PLAIN,
    "mpeg2": "mpeg2", "hevc": "hevc", "interlaced": "interlaced",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", STREAMS)
def test_a_walk_over_the_rungs_shows_no_picture_that_a_full_decode_does_not(name, seed, everything):
    """To the bit; with the loop filter on, for without it every picture differs."""
    spec, rng = STREAMS[name], random.Random(seed)
    path = media.sample(spec) if isinstance(spec, str) else made(spec)
    works = [msgspec.structs.replace(work, loop_filter="all") for work in WORKS.values() if work.video != "copy"]
    watched = Watched()

    def change(_):
        if rng.random() < 0.05:
            watched.track.take(rng.choice(works))

    watched.play(path, change, rounds=2)
    full = everything(path)
    assert len(watched.pictures) > 10
    assert {pts for pts, digest in watched.pictures.items() if full.get(pts) != digest} == set()


def test_without_the_rule_a_walk_would_show_spoilt_pictures(everything, monkeypatch):
    """The test above can fail."""
    monkeypatch.setattr(Thinning, "know", lambda self, *, b_referred: setattr(self, "_b_referred", False))
    watched, path = Watched(), made(USED)
    watched.track.take(msgspec.structs.replace(WORKS["skip-b"], loop_filter="all"))
    watched.play(path)
    full = everything(path)
    assert any(full.get(pts) != digest for pts, digest in watched.pictures.items())


def test_another_loop_filter_loses_no_picture():
    """The decoder is changed at a keyframe."""
    path, asked = made(LONG), []

    def change(n):
        if n % 150 == 75:
            asked.append(("none", "references", "all")[n // 150 % 3])
            watched.track.take(next(w for w in WORKS.values() if w.loop_filter == asked[-1] and w.decode == "all"))

    watched, plain = Watched(), Watched()
    for each in (watched, plain):
        each.track._track.thinning._other = lambda *_, **__: True  # nothing is left out
    watched.play(path, change)
    plain.play(path)
    assert len(asked) > 3
    assert set(watched.pictures) == set(plain.pictures)
    same = sum(watched.pictures[pts] == digest for pts, digest in plain.pictures.items())
    assert 0.2 < same / len(plain.pictures) < 0.9


def test_the_old_decoder_is_gone_when_the_new_one_is_there():
    watched = Watched()
    watched.play(made(LONG))
    decoder = watched.track._track._decoder
    before = decoder.context
    count = sum(1 for _ in decoder.reopen("none"))
    assert count <= 3
    assert decoder.context is not before
    assert decoder.context.reorder_depth == before.reorder_depth


# -- which rungs are offered


def offered(path, **settings):
    session = Laddered(**settings).play(path)
    session.close()
    return [work.name for work in session.pipeline.works()]


def test_what_streams_offer():
    assert offered(made(LONG)) == list(RUNGS)
    assert "skip-b" not in offered(made(USED))
    assert not {"skip-nonref", "skip-b", "loop-noref"} & set(offered(made(PLAIN)))
    assert "skip-b" in offered(made(OPEN))
    assert offered(media.sample("audio_only")) == ["full", "audio-copy"]
    assert offered(media.sample("small"), video={"codec": "none"}) == ["full", "audio-copy"]
    assert offered(media.sample("small"), video={"codec": "copy"}) == ["full", "audio-copy"]
    assert offered(media.sample("small"), video={"codec": "copy"}, audio="copy") == ["full"]
    assert "copy" not in offered(media.sample("hevc"))


def test_a_stream_without_keyframes_for_long_offers_no_rung_that_waits_for_one():
    spec = msgspec.structs.replace(PLAIN, gop=320)
    works = offered(made(spec))
    assert works == ["full", "fps-10", "fps-7.5"]


def test_auto_begins_with_what_nobody_sees():
    session = Laddered(highest="auto").play(made(LONG))
    session.close()
    assert session.pipeline.works()[0].name == "skip-nonref"
    assert session.pipeline.rung == "skip-nonref"
    same_size = Laddered(highest="auto", video={"width": 320, "height": 180}).play(made(LONG))
    same_size.close()
    assert (same_size.pipeline.works()[0].name, same_size.pipeline.rung) == ("full", "full")


def test_a_rung_that_is_not_possible_is_the_next_below():
    session = Laddered()
    session.pipeline.take("skip-b")
    session.play(made(USED)).close()
    assert session.pipeline.rung == "fps-10"


def test_a_rung_that_becomes_possible_is_taken():
    session = Laddered()
    session.pipeline.take("copy")
    session.play(media.sample("hevc"))
    assert session.pipeline.rung == "key"
    session.play(made(PLAIN)).close()
    assert session.pipeline.rung == "copy"


# -- passing on


@pytest.mark.parametrize("source", ["ts", "flv"])
@pytest.mark.parametrize("container", ["ts", "flv", "mp4"])
def test_passing_on_and_back_without_a_restart(container, source):
    spec = msgspec.structs.replace(LONG, suffix=f".{source}", start=0.0)
    session = Laddered(container)
    session.walk(made(spec), {5: "copy", 10: "skip-b", 15: "copy", 20: "full"})
    out = session.close()
    data = out.output(container)  # one run
    packets = video_of(data)
    check_rising(demuxed(data))
    frames = decoded(data)
    assert len(frames) == len(packets)
    assert not any(frame.is_corrupt for frame in frames)
    sizes = [size for size, _ in pairwise([*((f.width, f.height) for f in frames), None])]
    assert [a for a, b in pairwise([*sizes, None]) if a != b] == [(160, 90), (320, 180)] * 2 + [(160, 90)]
    numbers = [marker.read(frame) for frame in frames]
    assert None not in numbers
    assert numbers == sorted(numbers)
    assert [(f.width, f.copied) for f in out.of(Format) if f.width][:1] == [(160, False)]
    told = [key for key, _ in pairwise([*[(f.width, f.copied) for f in out.of(Format)], None])]
    assert (320, True) in told
    assert out.counts()["Discontinuity"] >= 4
    inits = out.inits(container)
    assert sum(i.reset for i in inits) == 0
    if container != "ts":
        assert len({i.data for i in inits}) >= 2


def test_the_discontinuity_stands_before_the_keyframe_of_the_new_run():
    session = Laddered("ts").walk(made(LONG), {10: "copy"})
    events = session.close().events
    where = [n for n, e in enumerate(events) if isinstance(e, Discontinuity)]
    told = [n for n, e in enumerate(events) if isinstance(e, Format) and e.copied]
    assert any(0 <= t - w <= 2 for w in where for t in told)


def test_newcomers_while_it_is_passed_on_get_its_parameters():
    session = Laddered("ts")
    session.pipeline.take("copy")
    take = session.pipeline.take
    session.pipeline.take = lambda rung: session.pipeline.want(("ts", "mp4"))  # at ten seconds
    session.walk(made(LONG), {10: ""})
    session.pipeline.take = take
    data = session.close().output("mp4")
    frames = decoded(data)
    assert {(f.width, f.height) for f in frames} == {(320, 180)}
    assert None not in [marker.read(frame) for frame in frames]


def test_pictures_before_the_first_keyframe_in_order_of_display_are_not_passed_on():
    """They refer to what the viewer was shown in another shape."""
    session = Laddered("ts")
    session.walk(made(OPEN), {8: "copy", 16: "full"})
    data = session.close().output("ts")
    assert not any(frame.is_corrupt for frame in decoded(data))
    assert None not in [marker.read(frame) for frame in decoded(data)]


# -- sound passed on


def test_sound_that_is_the_same_goes_on_in_the_same_container():
    session = Laddered("ts", "mp4", "flv", bitrate=64_000)
    session.pipeline.take("audio")
    out = session.walk(made(LONG), {5: "audio-copy", 12: "audio", 20: "audio-copy"}).close()
    for container in ("ts", "mp4", "flv"):
        packets = demuxed(out.output(container))
        check_rising(packets)
        sound = [p.pts for p in packets if p.kind == "audio"]
        assert max(b - a for a, b in pairwise(sound)) < 0.15
        frames = decoded(out.output(container), "audio")
        assert not any(frame.is_corrupt for frame in frames)


def test_sound_that_differs_begins_its_containers_anew():
    session = Laddered("ts", "mp4", channels=1)
    runs = session.walk(made(LONG), {10: "audio-copy"}).close().runs("mp4")
    assert len(runs) == 2
    with av.open(io.BytesIO(runs[1])) as container:
        assert container.streams.audio[0].codec_context.layout.nb_channels == 2


def test_a_channel_of_sound_alone_passes_it_on():
    session = Laddered("ts", audio="aac")
    session.pipeline.take("audio-copy")
    session.play(media.sample("audio_only"))
    assert session.pipeline.rung == "audio-copy"
    packets = demuxed(session.close().output("ts"))
    check_rising(packets)
    assert {p.kind for p in packets} == {"audio"}


# -- all at once


@pytest.mark.parametrize("seed", range(6))
def test_a_random_walk_over_cuts_and_replays(seed):
    rng = random.Random(seed)
    data = made(rng.choice([LONG, USED, PLAIN, OPEN])).read_bytes()
    packets = len(data) // 188
    session = Laddered("ts", "flv", "mp4", audio=rng.choice(["aac", "copy"]))
    pipeline = session.pipeline
    pushed = pipeline._push
    rungs = [name for name in RUNGS if name != "audio-copy"]

    def push(*args):
        if rng.random() < 0.01:
            pipeline.take(rng.choice(rungs))
        pushed(*args)

    pipeline._push = push
    at = 0
    while at < packets:
        end = min(packets, at + rng.randint(200, packets // 2))
        session.play(data[:376] + data[max(0, at - 300) * 188 : end * 188], ENDED if end < packets else None)
        at = end
    out = session.close()
    for container in ("ts", "flv", "mp4"):
        run = out.output(container)
        seen = demuxed(run)
        check_rising(seen)
        assert max(b.dts - a.dts for a, b in pairwise(p for p in seen if p.kind == "video")) < 1.2
        numbers = [marker.read(frame) for frame in decoded(run)]
        assert numbers.count(None) <= 0.02 * len(numbers)
    assert not [i for i in out.of(Init) if i.reset]


def test_the_meter_tells_what_was_made_and_used():
    session = Laddered("ts").play(made(LONG))
    meter = session.pipeline.meter()
    assert meter.media == pytest.approx(25.5, abs=0.3)
    assert 0 < meter.processor <= meter.worked * 1.05 + 0.05
    assert meter.waited > 0
    assert meter.working_since is None
    session.close()


def test_an_allowance_holds_while_a_file_is_played_flat_out():
    session = Laddered("ts")
    del session.pipeline._wait
    session.pipeline.allow(0.5)
    session.play(media.sample("other_rate"))
    meter = session.pipeline.meter()
    assert meter.processor <= 0.5 * (meter.worked + meter.waited) + 0.2
    session.close()


def test_unknown_pictures_are_decoded():
    """A packet in which no slice is found, or another codec's."""
    thinning = Thinning()
    thinning.take(WORKS["skip-b"])
    assert thinning.decide(*UNKNOWN, 0, 0, key=True) == "decode"
    assert thinning.decide(*UNKNOWN, 3600, 3600, key=False) == "decode"


def test_low_rungs_read_the_source_less_often():
    """Once a response has brought something new, each wait for it is preceded by a rest."""
    rests = {}
    for rung in ("skip-nonref", "key"):
        session = Laddered("ts")
        del session.pipeline._rest
        rests[rung] = []
        session.pipeline._cancelled.wait = rests[rung].append
        session.pipeline.take(rung)
        session.play(media.sample("other_rate")).close()
    assert rests["skip-nonref"] == []
    assert set(rests["key"]) == {GATHER}
