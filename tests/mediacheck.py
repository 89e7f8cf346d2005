"""Plays bytes through a Pipeline in the process, and reads back what came out with a demuxer of its own."""

from __future__ import annotations

import hashlib
import io
import math
import tempfile
from array import array
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import media
import msgspec

from edge.errors import SourceError
from edge.media import kinds, ts
from edge.media.events import Discontinuity, Event, Format, Init, Media, Poster, Unavailable
from edge.media.pipeline import Pipeline
from edge.media.settings import AudioSettings, VideoSettings
from edge.media.source import HoldBack, open_pipe
from edge.media.timeline import Timeline

CONTAINERS = ("ts", "flv", "mp4")


class Bytes:
    """The body of a response that is all there; `error` is how it ended. `step`: at most so many bytes a read."""

    def __init__(self, data: bytes, error: Any = None, step: int = 1 << 20) -> None:
        self._file = io.BytesIO(data)
        self._step = step
        self.error = error

    def read(self, n: int) -> bytes:
        return self._file.read(min(n, self._step))


class Recorder:
    """Keeps what a pipeline emits."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]

    def counts(self) -> Counter[str]:
        return Counter(type(e).__name__ for e in self.events)

    def inits(self, container: str) -> list[Init]:
        return [e for e in self.of(Init) if e.container == container]

    def runs(self, container: str) -> list[bytes]:
        """What one viewer who was there from the beginning gets: anew at each Init that resets."""
        out: list[list[bytes]] = []
        for e in self.events:
            if isinstance(e, Init) and e.container == container:
                if e.reset or not out:
                    out.append([e.data])
            elif isinstance(e, Media) and e.container == container:
                out[-1] += [chunk.data for chunk in e.chunks]
        return [b"".join(parts) for parts in out]

    def chunks(self, container: str) -> list[Any]:
        return [chunk for e in self.of(Media) if e.container == container for chunk in e.chunks]

    def output(self, container: str) -> bytes:
        """As `runs`, of which there must be exactly one."""
        (run,) = self.runs(container)
        return run

    @property
    def formats(self) -> list[Format]:
        return self.of(Format)

    @property
    def discontinuities(self) -> int:
        return len(self.of(Discontinuity))

    @property
    def unavailable(self) -> list[Unavailable]:
        return self.of(Unavailable)

    @property
    def posters(self) -> list[Poster]:
        return self.of(Poster)


class Session:
    """A pipeline and what it emitted. `play` runs one response to its end."""

    def __init__(self, *containers: str, video: dict[str, Any] | None = None, audio: dict[str, Any] | None = None):
        self.out = Recorder()
        settings = {"width": 320, "height": 180} | (video or {})
        self.pipeline = Pipeline(VideoSettings(**settings), AudioSettings(**(audio or {})), self.out)
        self.pipeline.want(containers or CONTAINERS)
        self.pipeline._wait = lambda seconds: None  # as fast as it can be decoded

    def play(self, source: str | bytes | Path, before: bytes = b"", *, error: Any = None) -> Session:
        data = source if isinstance(source, bytes) else (media.sample(source) if isinstance(source, str) else source)
        body = data if isinstance(data, bytes) else data.read_bytes()
        self.pipeline.play_bytes(Bytes(body, error), before)
        return self

    def play_file(self, path: Path) -> Session:
        """A file by its path, once."""
        self.pipeline.play_url(str(path), kinds.FILE, {})
        return self

    def close(self) -> Recorder:
        self.pipeline.close()
        return self.out


class Seen(msgspec.Struct, frozen=True):
    """A packet as a player's demuxer sees it; seconds."""

    kind: str
    dts: float
    pts: float
    key: bool
    data: bytes


def demuxed(data: bytes | Path) -> list[Seen]:
    """The packets of a file, in its order."""
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        return [
            Seen(p.stream.type, float(p.dts * p.time_base), float(p.pts * p.time_base), p.is_keyframe, bytes(p))
            for p in container.demux()
            if p.size
        ]


def check_rising(packets: list[Seen]) -> None:
    """Decoding times strictly rise in each stream, and a picture is never due before it is decoded."""
    for kind in {p.kind for p in packets}:
        times = [p.dts for p in packets if p.kind == kind]
        assert all(a < b for a, b in pairwise(times)), f"{kind} does not rise"
    assert all(p.pts >= p.dts for p in packets)


def decoded(data: bytes, kind: str = "video") -> list[Any]:
    """Every frame; an error of the decoder is an error."""
    with av.open(io.BytesIO(data)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return list(container.decode(stream))


def check_plays(data: bytes) -> list[Seen]:
    """Packets rise, and as many pictures come out of a decoder as packets went in, none of them damaged."""
    packets = demuxed(data)
    check_rising(packets)
    for kind in {p.kind for p in packets}:
        frames = decoded(data, kind)
        assert not any(f.is_corrupt for f in frames)
        if kind == "video":
            assert len(frames) == sum(p.kind == "video" for p in packets)
    return packets


def made(spec: media.Spec) -> Path:
    """A sample that is not among those shared by all tests, kept as long as they are."""
    name = hashlib.blake2b(repr(spec).encode(), digest_size=8).hexdigest()
    path = media.cache_folder() / f"{name}{spec.suffix}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=media.cache_folder()) as work:
            media.make(Path(work) / path.name, spec)
            (Path(work) / path.name).rename(path)
    return path


class Chain:
    """Responses through source, hold-back and timeline, without decoding. `got`: (stream, dts and digest of the source,
    place on the timeline) of each packet."""

    def __init__(self) -> None:
        self.timeline: Timeline[Any] = Timeline()
        self.got: list[tuple[int, int, int, int]] = []
        self._hold = HoldBack()

    def play(self, data: bytes, before: bytes = b"", *, cut: bool = False) -> None:
        """One response; `cut`: it ended where it should not."""
        try:
            source = open_pipe(Bytes(data, SourceError("ended", "cut") if cut else None), before)
        except SourceError:
            return  # too little to tell what it is
        self.timeline.connect(0.0)
        for mark, packet in source.packets():
            self._take(self._hold.push(mark, packet))
        self._take(self._hold.end(whole=source.whole, sized=source.sized))
        self.timeline.end(clean=source.whole)
        source.close()

    def _take(self, packets: list[Any]) -> None:
        for mark, _ in packets:
            self.got += [(p.item.stream, p.item.dts, p.item.digest, p.dts) for p in self.timeline.push(mark, mark, 0.0)]


def flashing(
    suffix: str = ".ts", *, seconds: int = 6, fps: int = 25, audio: str = "aac", options: str = "bf=2"
) -> Path:
    """Black and silent; at every full second the picture is white for 0.2 s and a tone sounds for 0.2 s."""
    path = media.cache_folder() / f"flashing-{seconds}-{fps}-{audio}-{options}{suffix}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=media.cache_folder()) as work:
            _make_flashing(Path(work) / f"a{suffix}", seconds, fps, audio, options)
            (Path(work) / f"a{suffix}").rename(path)
    return path


def _make_flashing(path: Path, seconds: int, fps: int, audio: str, options: str) -> None:
    with av.open(str(path), "w", options={"output_ts_offset": "100", "max_delay": "200000"}) as output:
        video = output.add_stream("libx264", rate=fps, options={"preset": "veryfast", "g": str(fps), **_pairs(options)})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound = output.add_stream(audio, rate=48000, layout="stereo")
        packets = [p for n in range(seconds * fps) for p in video.encode(_flash(n, fps))] + video.encode(None)
        size = sound.codec_context.frame_size or 1024
        packets += [p for n in range(seconds * 48000 // size) for p in sound.encode(_beep(n, size))]
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            output.mux(packet)


def _pairs(options: str) -> dict[str, str]:
    return dict(o.split("=", 1) for o in options.split())


def _flash(n: int, fps: int) -> Any:
    frame = av.VideoFrame(320, 180, "yuv420p")
    bright = n % fps < fps // 5
    for plane, value in zip(frame.planes, (235 if bright else 16, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts, frame.time_base = n, Fraction(1, fps)
    return frame


def _beep(n: int, size: int) -> Any:
    frame = av.AudioFrame("fltp", "stereo", size)
    samples = range(n * size, (n + 1) * size)
    values = array("f", (0.5 * math.sin(i * 0.13) if i % 48000 < 9600 else 0.0 for i in samples))
    for plane in frame.planes:
        plane.update(values.tobytes().ljust(plane.buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = 48000, n * size, Fraction(1, 48000)
    return frame


def flashes(data: bytes) -> list[float]:
    """Seconds at which the picture turns white."""
    out, before = [], True
    for frame in decoded(data):
        bright = sum(memoryview(frame.planes[0])[frame.planes[0].line_size * 90 :][:100]) > 100 * 128
        if bright and not before:
            out.append(float(frame.pts * frame.time_base))
        before = bright
    return out


def beeps(data: bytes) -> list[float]:
    """Seconds at which a tone begins after silence."""
    out, quiet = [], 0
    for frame in decoded(data, "audio"):
        start, values = float(frame.pts * frame.time_base), memoryview(bytes(frame.planes[0])).cast("f")
        for i in range(frame.samples):
            if abs(values[i]) > 0.15:
                if quiet > frame.sample_rate // 4:
                    out.append(start + i / frame.sample_rate)
                quiet = 0
            else:
                quiet += 1
    return out


def apart(data: bytes) -> list[float]:
    """How much later than its flash each beep is, in seconds."""
    lights, sounds = flashes(data), beeps(data)
    nearest = [min(lights, key=lambda light: abs(light - sound)) for sound in sounds]
    return [sound - light for sound, light in zip(sounds, nearest, strict=True)]


def skewed(data: bytes, seconds: float) -> bytes:
    """A transport stream whose sound is sent `seconds` later than by its timestamps: broadcasts send pictures early."""
    times, now, order = {0x100: 0, 0x101: 0}, 0, []
    for i, at in enumerate(range(0, len(data), ts.PACKET)):
        packet = data[at : at + ts.PACKET]
        pid = ts._pid(packet)
        if pid in times and ts._starts(packet):
            times[pid] = ts._pes_time(packet) or 0
        now = times.get(pid, now)
        order.append((now + (seconds * 90_000 if pid == 0x101 else 0), i, packet))
    return b"".join(packet for _, _, packet in sorted(order, key=lambda entry: entry[:2]))
