"""Plays bytes through a Pipeline in the process, and reads back what came out with a demuxer of its own."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import media
import msgspec

from edge.errors import SourceError
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

    def play(self, source: str | bytes | Path, before: bytes = b"", *, error: Any = None) -> Session:
        data = source if isinstance(source, bytes) else (media.sample(source) if isinstance(source, str) else source)
        body = data if isinstance(data, bytes) else data.read_bytes()
        self.pipeline.play_bytes(Bytes(body, error), before)
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
