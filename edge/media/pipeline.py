"""A channel's work in its thread: packets of one response after another, on one timeline, into the outputs."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from edge.errors import CodecError, SourceError
from edge.media.audio import AudioCopy, AudioTrack, copies
from edge.media.events import Discontinuity, Event, Format, Poster, Without
from edge.media.guard import Guard
from edge.media.kinds import Kind
from edge.media.ladder import WORKS, StreamFacts, Work, ladder, nearest
from edge.media.meter import Meter, MeteredPipe, Metering
from edge.media.output import Output
from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark
from edge.media.pace import Allowance, Lateness, Pacer
from edge.media.settings import AudioSettings, LadderSettings, VideoSettings
from edge.media.source import HoldBack, Readable, Source, Stream, open_pipe, open_url
from edge.media.timeline import Placed, Timeline
from edge.media.video import VideoCopy, VideoTrack

FRAMES_SILENT = 10.0  # seconds without a picture or sound although bytes flow: hung
ENOUGH = 25  # packets from which something must come out
APART = TICKS  # one stream goes on so far without the other: hold_until
MARGIN = TICKS // 2


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
    the loop and may block (bounded). `want` and `stats` may be called from any thread."""

    def __init__(
        self,
        video: VideoSettings,
        audio: AudioSettings,
        emit: Callable[[Event], None],
        program: int | None = None,
        language: str | None = None,
        *,
        ladder_settings: LadderSettings | None = None,
    ) -> None:
        self._ladder = ladder_settings or LadderSettings()
        self._facts = StreamFacts(key_interval=2.0)
        self._works = ladder(self._ladder, video, self._facts)
        self._rung = self._works[0].name
        self._asked: str | None = None  # a rung to take up
        self._metering = Metering()
        self._allowance = Allowance()
        self._allowed: float | None = None
        self._video_settings, self._audio_settings = video, audio
        self._emit = emit
        self._program, self._language = program, language
        self._timeline: Timeline[Any] = Timeline(has_video=video.codec != "none")
        self._hold = HoldBack()
        self._guard: Guard[Any] = Guard()
        self._pacer = Pacer(None)
        self._output = Output(emit)
        self._tracks: dict[int, Any] = {}
        self._wanted: frozenset[str] = frozenset()
        self._dropped: frozenset[str] = frozenset()  # unwanted for a moment since the thread last looked
        self._want_changed = False
        self._wanting = threading.Lock()
        self._unusable: frozenset[int] = frozenset()  # streams of this response that cannot be decoded
        self._cancelled = threading.Event()
        self._lateness = Lateness()
        self._templates: dict[int, Any] = {}
        self._video_told = False
        self._company: dict[int, int] = {}  # how far the other stream was when this one last brought something
        self._format = Format()
        self._first_media: float | None = None
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

    @property
    def rung(self) -> str:
        """The name of the rung in effect."""
        return self._rung

    def meter(self) -> Meter:
        """What the thread has used so far."""
        return self._metering.read(self.output_seconds)

    def lump(self) -> float:
        """Seconds of media over which the rung in effect spreads its work unevenly: it decodes the beginning of a GOP
        alone."""
        spread = WORKS[self._rung].decode not in ("all", "references")
        return (self._facts.key_interval or 0.0) if spread else 0.0

    def allow(self, cores: float | None) -> None:
        """Uses at most so much of a core from now on, over 100 ms; None: no bound."""
        self._allowed = cores

    @property
    def output_seconds(self) -> float:
        """Seconds of media made."""
        return 0.0 if self._first_media is None else self._media - self._first_media

    def cancel(self) -> None:
        """For good: `play` returns with the next packet. A reader of bytes must be cancelled besides."""
        self._cancelled.set()

    def stats(self) -> PipelineStats:
        tracks = list(self._tracks.items())
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
        self._metering.start()
        self.play(open_pipe(MeteredPipe(pipe, self._metering), before, self._program, self._language))

    def play_url(self, url: str, kind: Kind, headers: dict[str, str]) -> None:
        """Plays what libavformat opens by itself. Errors as of `play`."""
        self._metering.start()
        self.play(open_url(url, kind, headers, self._program, self._language))

    def play(self, source: Source) -> None:
        """Plays one response to its end and closes `source`. SourceError says how it broke, CodecError what cannot be
        decoded."""
        news, produced = self._counts["news"], self.produced
        try:
            self._follow(source)
            self._guard.connect()
            self._timeline.connect(time.monotonic(), replays=source.kind.replays)
            self._lateness.reset()
            self._run(source)
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
            self._metering.stop()
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

    def _run(self, source: Source) -> None:
        if self._pacer.lead != source.kind.lead:  # else it goes on over the responses: a short file must not race
            self._pacer = Pacer(source.kind.lead)
        alive = time.monotonic()
        news, produced = self._counts["news"], self.produced
        for mark, packet in source.packets():
            now = time.monotonic()
            if self._cancelled.is_set():
                return
            if self._want_changed:
                self._take_up_wanted()
            self._take_up_rung()
            for whole_mark, whole in self._hold.push(mark, packet):
                self._push(whole_mark, whole, now)
            if self.produced != produced:
                produced, alive = self.produced, now
            elif now - alive > FRAMES_SILENT:
                raise SourceError("no_frames", f"expected pictures or sound, got none in {FRAMES_SILENT:g} s")
            if self._counts["news"] != news:
                news = self._counts["news"]
                self._wait(self._pacer.delay(self._media, now))
            self._pace(now)

    def _pace(self, now: float) -> None:
        """Stays below what `allow` allows."""
        if self._allowance.cores != self._allowed:
            self._allowance.allow(self._allowed, self._metering.processor, now)
        if self._metering.touch(now) and self._allowed is not None:
            self._wait(self._allowance.delay(self._metering.processor, now))

    def _take_up_rung(self) -> None:
        track = self._tracks.get(VIDEO)
        if not isinstance(track, VideoTrack):
            return
        if self._asked is not None:
            work, self._asked = nearest(self._works, self._asked), None
            track.take(work)
        self._rung = track.work.name

    def _wait(self, seconds: float) -> None:
        """Lets the wall clock catch up, in steps short enough to take up a new viewer's container at once."""
        if seconds <= 0:
            return
        with self._metering:
            self._wait_until(time.monotonic() + seconds)

    def _wait_until(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and not self._cancelled.wait(min(left, 0.1)):
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
        track = self._tracks.get(placed.stream)
        if track is None or placed.stream in self._unusable:
            return
        produced = track.counts["encoded"]
        track.push(placed)
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
        other = self._tracks.get(1 - stream)
        if other is None:
            return
        if other.last_pts >= 0:
            self._company[stream] = other.last_pts
        if other.last_pts >= 0 and track.last_pts - self._company.get(1 - stream, track.last_pts) > APART:
            other.hold_until(track.last_pts - MARGIN)

    # -- streams

    def _follow(self, source: Source) -> None:
        """Takes over the streams of a new response, makes tracks for streams that were not there before."""
        expected: list[int] = []
        unusable: list[int] = []
        failed: list[CodecError] = []
        for kind, stream in ((VIDEO, source.video), (AUDIO, source.audio)):
            if stream is None or self._settings(kind).codec == "none":
                continue
            try:
                self._take_over(kind, stream)
            except CodecError as error:
                failed.append(error)
                unusable.append(kind)
            else:
                expected.append(kind)
        if failed and not expected:
            raise failed[0]
        if not expected:
            raise CodecError("the channel's settings leave nothing of the source: video or audio must be on")
        self._unusable = frozenset(unusable)
        for failure in failed:
            self._emit(Without(str(failure)))
        self._timeline.has_video = VIDEO in expected
        self._output.expect(expected)

    def _take_over(self, kind: int, stream: Stream) -> None:
        if self._fits(kind, stream):
            self._tracks[kind].follow(stream.av)
        else:
            self._replace(kind, stream)

    def _settings(self, kind: int) -> VideoSettings | AudioSettings:
        return self._video_settings if kind == VIDEO else self._audio_settings

    def _fits(self, kind: int, stream: Stream) -> bool:
        """Whether the track of the responses before can go on with this stream. Encoded audio stays encoded."""
        track = self._tracks.get(kind)
        return track is not None and (not isinstance(track, AudioCopy) or self._copies(stream))

    def _copies(self, stream: Stream) -> bool:
        context = stream.av.codec_context
        return copies(self._audio_settings, context.name, context.bit_rate, context.layout.nb_channels)

    def _replace(self, kind: int, stream: Stream) -> None:
        track: Any
        if kind == VIDEO and self._video_settings.codec == "copy":
            track = VideoCopy(self._output.add, self._video_template, self._poster)
        elif kind == VIDEO:
            track = VideoTrack(self._video_settings, self._output.add, self._video_template, self._poster)
        elif self._copies(stream):
            track = AudioCopy(self._output.add, self._audio_template)
        else:
            track = AudioTrack(self._audio_settings, self._output.add, self._audio_template)
        track.follow(stream.av)
        if kind in self._tracks:
            self._tracks[kind].close()
        self._tracks[kind] = track

    def _video_template(self, template: Any, geometry: Any) -> None:
        copied = self._video_settings.codec == "copy"
        context = template.codec_context
        sar = (geometry.sample_aspect_ratio or 1) if copied else geometry.sar
        self._templates[VIDEO] = template
        self._format = msgspec.structs.replace(
            self._format, width=context.width, height=context.height,
            sar=(sar.numerator, sar.denominator), copied=copied,
        )  # fmt: skip
        self._output.template(VIDEO, template, compatible=not copied)
        if self._video_told and not copied:
            self._emit(Discontinuity())  # RFC 8216, 4.3.2.3: encoding parameters have changed
        self._video_told = True
        self._tell_format()

    def _audio_template(self, template: Any) -> None:
        self._templates[AUDIO] = template
        self._output.template(AUDIO, template, compatible=False)
        self._tell_format()

    def _tell_format(self) -> None:
        codecs = tuple(rfc6381(t.codec_context) for _, t in sorted(self._templates.items()))
        self._format = msgspec.structs.replace(self._format, codecs=codecs)
        self._emit(self._format)

    def _poster(self, jpeg: bytes) -> None:
        self._emit(Poster(jpeg))

    def close(self) -> None:
        """Ends the containers; the thread is done."""
        self._output.close()
        for track in self._tracks.values():
            track.close()


_AVCC = re.compile(rb"\x01(...)", re.DOTALL)  # ISO/IEC 14496-15, 5.3.3.1
_SPS = re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67](...)", re.DOTALL)  # Annex B; any nal_ref_idc


def rfc6381(context: Any) -> str:
    """The `codecs` parameter (RFC 6381, 3.3) of a stream: `avc1.42c00c`, `mp4a.40.2`; the plain name of others."""
    data = bytes(context.extradata or b"")
    if context.name in ("libx264", "h264"):
        found = _AVCC.match(data) or _SPS.search(data)
        return f"avc1.{found[1].hex()}" if found else "avc1.42c01e"
    if context.name == "aac":
        return f"mp4a.40.{data[0] >> 3 if data else 2}"
    return str(context.name)
