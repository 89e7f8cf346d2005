"""A channel's work in its thread: packets of one response after another, on one timeline, into the outputs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from edge.errors import CodecError, SourceError
from edge.media.events import Discontinuity, Event
from edge.media.guard import Guard
from edge.media.kinds import Kind
from edge.media.ladder import WORKS, StreamFacts, Work, ladder, nearest
from edge.media.meter import Meter, MeteredPipe, Metering
from edge.media.output import Output
from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark
from edge.media.pace import Allowance, Lateness, Pacer
from edge.media.settings import AudioSettings, LadderSettings, VideoSettings
from edge.media.source import HoldBack, Readable, Source, open_pipe, open_url
from edge.media.thinning import STILL_EVERY
from edge.media.timeline import Placed, Timeline
from edge.media.tracks import Tracks

FRAMES_SILENT = 10.0  # seconds without a picture or sound although bytes flow: hung
ENOUGH = 25  # packets from which something must come out
APART = TICKS  # one stream goes on so far without the other: hold_until
MARGIN = TICKS // 2
GATHER = 0.15  # seconds
RATE_AFTER = 5.0  # seconds of media, from which the source's rate is told
DEMUXING = 0.002  # seconds; a packet takes about 5 us


class PipelineStats(msgspec.Struct, frozen=True):
    """Counts since the start, by word; seconds of output media, and behind the best that it was."""

    packets: dict[str, int]
    video: dict[str, int]
    audio: dict[str, int]
    damaged: int
    refused: int
    output_seconds: float
    lag_seconds: float


class Pipeline:
    """Lives as long as its channel; `play` runs one response at a time, in the channel's thread. `emit` hands events to
    the loop and may block (bounded); `flush` is called when the thread is going to wait, so that `emit` may gather.
    `want` and `stats` may be called from any thread."""

    def __init__(
        self,
        video: VideoSettings,
        audio: AudioSettings,
        emit: Callable[[Event], None],
        program: int | None = None,
        language: str | None = None,
        *,
        ladder_settings: LadderSettings | None = None,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._ladder = ladder_settings or LadderSettings()
        self._facts = StreamFacts()
        self._works = ladder(self._ladder, video, self._facts)
        self._rung = self._works[0].name
        self._asked = self._rung
        self._ladder_changed = True  # a rung is asked for, or others are possible
        self._metering = Metering()
        self._opening: float | None = None  # since when
        self._allowance = Allowance()
        self._allowed: float | None = None
        self._rests = False  # this response has brought something new: see _rest
        self._video_settings = video
        self._emit, self._flush = emit, flush
        self._program, self._language = program, language
        self._timeline: Timeline[Any] = Timeline(has_video=video.codec != "none")
        self._hold = HoldBack()
        self._guard: Guard[Any] = Guard()
        self._pacer = Pacer(None)
        self._output = Output(emit)
        self._tracks = Tracks(video, audio, self._output, emit, self._learn)
        self._wanted: frozenset[str] = frozenset()
        self._dropped: frozenset[str] = frozenset()  # unwanted for a moment since the thread last looked
        self._want_changed = False
        self._wanting = threading.Lock()
        self._cancelled = threading.Event()
        self._lateness = Lateness()
        self._company: dict[int, int] = {}  # how far the other stream was when this one last brought something
        self._first_media: float | None = None
        self._source_bytes = 0
        self._media = 0.0
        self.last_frame: float | None = None  # monotonic
        self._counts: Counter[str] = Counter()

    # -- from any thread

    def want(self, containers: Iterable[str]) -> None:
        """The containers that have viewers from now on; taken up with the next packet."""
        with self._wanting:
            wanted = frozenset(containers)
            self._dropped |= self._wanted - wanted
            self._wanted = wanted
            self._want_changed = True

    def works(self) -> tuple[Work, ...]:
        """The rungs that are allowed and possible now, best first."""
        return self._works

    def take(self, name: str) -> None:
        """The rung to work on, or where it is not possible the next below, as soon as the stream permits."""
        self._asked = name
        self._ladder_changed = True

    @property
    def rung(self) -> str:
        """The name of the rung in effect."""
        return self._rung

    @property
    def picture(self) -> tuple[int, int] | None:
        """Width and height of the source's picture; None: not known yet."""
        return self._tracks.picture

    def meter(self) -> Meter:
        """What the thread has used so far."""
        return self._metering.read(self.output_seconds)

    @property
    def beat(self) -> float | None:
        """When the thread last showed that it goes on; None: it has no work, or waits for bytes that we fetch. What
        libavformat waits for is no such wait: its deadlines are below a minute, but not every call of it heeds them."""
        opening = self._opening
        return self._metering.beat if opening is None else opening

    def lump(self) -> float:
        """Seconds of media over which the rung in effect spreads its work unevenly: it decodes the beginning of a GOP
        alone."""
        work = WORKS[self._rung]
        if work.video == "still":
            return STILL_EVERY / TICKS
        return (self._facts.key_interval or 0.0) if work.gop < 1 else 0.0

    def allow(self, cores: float | None) -> None:
        """Uses at most so much of a core from now on, over 100 ms; None: no bound."""
        self._allowed = cores

    @property
    def output_seconds(self) -> float:
        """Seconds of media made."""
        return 0.0 if self._first_media is None else self._media - self._first_media

    @property
    def source_rate(self) -> float | None:
        """Bits a second of the source's used streams; None while too little is known."""
        seconds = self.output_seconds
        return self._source_bytes * 8 / seconds if seconds >= RATE_AFTER else None

    def cancel(self) -> None:
        """For good: `play` returns with the next packet. A reader of bytes must be cancelled besides."""
        self._cancelled.set()

    def stats(self) -> PipelineStats:
        tracks = list(self._tracks.by_kind.items())
        counts = {kind: dict(track.counts) for kind, track in tracks}
        return PipelineStats(
            dict(self._timeline.counts),
            counts.get(VIDEO, {}),
            counts.get(AUDIO, {}),
            sum(track.damaged for _, track in tracks) + self._counts["corrupt"] + self._guard.damaged,
            self._output.refused_packets,
            self.output_seconds,
            self._lateness.lag,
        )

    # -- in the channel's thread

    def play_bytes(self, pipe: Readable, before: bytes) -> None:
        """Plays the body of one HTTP response; `before`: the last bytes of the one before. Errors as of `play`."""
        with self._at_work():
            self.play(open_pipe(MeteredPipe(pipe, self._metering, self._rest), before, self._program, self._language))

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """A source that does not open must not leave the meter running: the governor would see a thread that hangs."""
        self._metering.start()
        self._rests = False
        try:
            yield
        finally:
            self._metering.stop()
            self._flush()

    def _rest(self) -> None:
        """Before a wait for the source that has brought something new. Where much of each GOP is left out it is longer:
        less often and more at once costs less, and the delay is the lesser evil."""
        self._flush()
        if self._rests and self._tracks.work.gop < 1:
            with self._metering:
                self._cancelled.wait(GATHER)

    def play_url(self, url: str, kind: Kind, headers: dict[str, str]) -> None:
        """Plays what libavformat opens by itself. Errors as of `play`."""
        with self._at_work():
            self._opening = time.monotonic()
            try:
                with self._metering:
                    source = open_url(url, kind, headers, self._program, self._language)
            finally:
                self._opening = None
            self.play(source, waits=True)

    def play(self, source: Source, *, waits: bool = False) -> None:
        """Plays one response to its end and closes `source`. SourceError says how it broke, CodecError what cannot be
        decoded. `waits`: reading its packets is waiting, nobody else measures it."""
        news, produced = self._counts["news"], self.produced
        try:
            self._follow(source)
            self._guard.connect()
            self._timeline.connect(time.monotonic(), replays=source.kind.replays)
            self._lateness.reset()
            self._run(source, self._timed(source.packets()) if waits else source.packets())
            self._end(source, whole=source.whole)
        except SourceError:
            self._end(source, whole=False)
            raise
        except BaseException:
            self._hold.end(whole=False)
            self._timeline.end(clean=False)
            raise
        finally:
            source.close()
        news = self._counts["news"] - news
        if news >= ENOUGH and self.produced == produced:
            raise CodecError(f"expected pictures or sound, got {news} packets that do not decode")

    @property
    def produced(self) -> int:
        """Packets encoded or copied so far; it tells whether a connection brought media."""
        return self._output.added

    def _end(self, source: Source, *, whole: bool) -> None:
        now = time.monotonic()
        for mark, packet in self._hold.end(whole=whole, sized=source.sized):
            self._push(mark, packet, now)
        for mark, packet in self._guard.end(whole=whole):
            self._push_believed(mark, packet, now)
        self._timeline.end(clean=whole)

    def _follow(self, source: Source) -> None:
        expected = self._tracks.follow(source)
        self._timeline.has_video = VIDEO in expected
        self._output.expect(expected)
        self._learn()

    def _timed(self, packets: Iterator[tuple[Mark, Any]]) -> Iterator[tuple[Mark, Any]]:
        """What libavformat reads by itself: a packet that takes longer than demuxing can was waited for."""
        before = time.monotonic()
        for each in packets:
            now = time.monotonic()
            if now - before > DEMUXING:
                self._metering.waited(now - before, now)
            yield each
            self._flush()
            before = time.monotonic()

    def _run(self, source: Source, packets: Iterator[tuple[Mark, Any]]) -> None:
        if self._pacer.lead != source.kind.lead:  # else it goes on over the responses: a short file must not race
            self._pacer = Pacer(source.kind.lead)
        alive = time.monotonic()
        news, produced = self._counts["news"], self.produced
        for mark, packet in packets:
            now = time.monotonic()
            if self._cancelled.is_set():
                return
            if self._want_changed:
                self._take_up_wanted()
            if self._ladder_changed:
                self._take_up_rung()
            for whole_mark, whole in self._hold.push(mark, packet):
                self._push(whole_mark, whole, now)
            if self.produced != produced:
                produced, alive = self.produced, now
            elif now - alive > FRAMES_SILENT:
                raise SourceError("no_frames", f"expected pictures or sound, got none in {FRAMES_SILENT:g} s")
            if self._counts["news"] != news:
                news, self._rests = self._counts["news"], True
                self._wait(self._pacer.delay(self._media, now))
            self._pace(now)

    def _pace(self, now: float) -> None:
        """Stays below what `allow` allows. To wait for that is to work: there is work to do."""
        if self._allowance.cores != self._allowed:
            self._allowance.allow(self._allowed, self._metering.processor, now)
        if self._allowed is None:
            self._metering.touch(now)
        elif self._metering.touch(now, every=0.0):
            self._wait_until(time.monotonic() + self._allowance.delay(self._metering.processor, time.monotonic()))

    def _learn(self) -> None:
        """The facts of the streams may have changed: which rungs are possible?"""
        facts = self._tracks.facts()
        if facts != self._facts:
            self._facts = facts
            works = ladder(self._ladder, self._video_settings, facts)
            if works != self._works:
                self._works, self._ladder_changed = works, True

    def _take_up_rung(self) -> None:
        self._ladder_changed = False
        self._tracks.take(nearest(self._works, self._asked))

    def _wait(self, seconds: float) -> None:
        """Lets the wall clock catch up, in steps short enough to take up a new viewer's container at once."""
        if seconds <= 0:
            return
        with self._metering:
            self._wait_until(time.monotonic() + seconds)

    def _wait_until(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._flush()
            self._metering.alive()
            if self._cancelled.wait(min(left, 0.1)):
                return
            if self._want_changed:
                self._take_up_wanted()

    def _take_up_wanted(self) -> None:
        with self._wanting:
            wanted, dropped = self._wanted, self._dropped
            self._dropped, self._want_changed = frozenset(), False
        if dropped:  # its hub has forgotten what it had: wanted again, it begins anew
            self._output.want(sorted(wanted - dropped))
        self._output.want(sorted(wanted))

    def _push(self, mark: Mark, packet: Any, now: float) -> None:
        self._counts["corrupt"] += bool(packet.is_corrupt)
        for believed, item in self._guard.push(mark, packet):
            self._push_believed(believed, item, now)

    def _push_believed(self, mark: Mark, packet: Any, now: float) -> None:
        for placed in self._timeline.push(mark, packet, now):
            self._counts["news"] += 1
            self._place(placed, now)

    def _place(self, placed: Placed[Any], now: float) -> None:
        if placed.discontinuity:
            self._lateness.reset()
            self._emit(Discontinuity())
        track = self._tracks.usable(placed.stream)
        if track is None:
            return
        produced = track.counts["encoded"]
        self._source_bytes += placed.item.size
        track.push(placed)
        self._rung = self._tracks.work.name
        if track.counts["encoded"] != produced:
            self.last_frame = now
        self._keep_company(placed.stream, track)
        self._media = placed.dts / TICKS
        if self._first_media is None:
            self._first_media = self._media
        self._lateness.note(self._media, now)

    def _keep_company(self, stream: int, track: Any) -> None:
        """A stream that brings nothing while the other goes on is held: players wait for both. How far one is sent
        ahead of the other does not matter: broadcasts send pictures a second or more before their sound."""
        other = self._tracks.by_kind.get(1 - stream)
        if other is None:
            return
        if other.last_pts >= 0:
            self._company[stream] = other.last_pts
        if other.last_pts >= 0 and track.last_pts - self._company.get(1 - stream, track.last_pts) > APART:
            other.hold_until(track.last_pts - MARGIN)

    def close(self) -> None:
        """Ends the containers; the thread is done."""
        self._output.close()
        self._tracks.close()
