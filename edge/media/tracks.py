"""The tracks of a channel: made for the streams of its first response, taken over by those of the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from edge.errors import CodecError
from edge.media.audioladder import AudioLadder
from edge.media.codecname import rfc6381
from edge.media.events import Discontinuity, Event, Format, Poster, Without
from edge.media.ladder import FULL, StreamFacts, Work
from edge.media.output import Output
from edge.media.overlap import AUDIO, VIDEO
from edge.media.passing import VideoCopy
from edge.media.settings import AudioSettings, VideoSettings
from edge.media.source import Source, Stream
from edge.media.videoladder import VideoLadder


class Tracks:
    """By kind of stream (VIDEO, AUDIO). `on_facts`: `facts()` may have changed."""

    def __init__(
        self,
        video: VideoSettings,
        audio: AudioSettings,
        output: Output,
        emit: Callable[[Event], None],
        on_facts: Callable[[], None],
    ) -> None:
        self.by_kind: dict[int, Any] = {}
        self._video_settings, self._audio_settings = video, audio
        self._output, self._emit, self._on_facts = output, emit, on_facts
        self._unusable: frozenset[int] = frozenset()  # streams of this response that cannot be decoded
        self._templates: dict[int, Any] = {}
        self._video_told = False
        self._format = Format()
        self._work = FULL
        self._probed: tuple[int, int] | None = None

    def usable(self, kind: int) -> Any:
        """The track for packets of that kind; None: they are not wanted."""
        return None if kind in self._unusable else self.by_kind.get(kind)

    @property
    def picture(self) -> tuple[int, int] | None:
        """Width and height of the source's, as it is encoded; None: not known yet. A probe in the middle of a GOP does
        not see it."""
        track = self.by_kind.get(VIDEO)
        size = track.size if isinstance(track, VideoLadder) else (0, 0)
        return size if all(size) else self._probed

    # -- the ladder

    @property
    def work(self) -> Work:
        """In effect."""
        track = self.by_kind.get(VIDEO)
        return track.work if isinstance(track, VideoLadder) else self._work

    def take(self, work: Work) -> None:
        """Works so as soon as the streams permit."""
        self._work = work
        for track in self.by_kind.values():
            if isinstance(track, VideoLadder | AudioLadder):
                track.take(work)

    def facts(self) -> StreamFacts:
        video, audio = self.usable(VIDEO), self.usable(AUDIO)
        facts = video.facts() if isinstance(video, VideoLadder) else StreamFacts()
        if audio is None:
            return facts
        return msgspec.structs.replace(facts, audio_copyable=audio.copyable, audio_copied=audio.copied)

    # -- streams

    def follow(self, source: Source) -> list[int]:
        """Takes over the streams of a new response; the kinds that are used. CodecError: none can be."""
        if source.video is not None and source.video.av.codec_context.width:
            self._probed = source.video.av.codec_context.width, source.video.av.codec_context.height
        expected: list[int] = []
        failed: dict[int, CodecError] = {}
        for kind, stream in ((VIDEO, source.video), (AUDIO, source.audio)):
            if stream is None or self._settings(kind).codec == "none":
                continue
            try:
                self._take_over(kind, stream)
            except CodecError as error:
                failed[kind] = error
            else:
                expected.append(kind)
        if failed and not expected:
            raise next(iter(failed.values()))
        if not expected:
            raise CodecError("the channel's settings leave nothing of the source: video or audio must be on")
        self._unusable = frozenset(failed)
        for failure in failed.values():
            self._emit(Without(str(failure)))
        return expected

    def _settings(self, kind: int) -> VideoSettings | AudioSettings:
        return self._video_settings if kind == VIDEO else self._audio_settings

    def _take_over(self, kind: int, stream: Stream) -> None:
        track = self.by_kind.get(kind)
        if track is not None:
            track.follow(stream.av)
            return
        track = self._make_video() if kind == VIDEO else self._make_audio()
        if isinstance(track, VideoLadder | AudioLadder):
            track.take(self._work)
        track.follow(stream.av)
        self.by_kind = {**self.by_kind, kind: track}  # others may be reading

    def _make_video(self) -> VideoCopy | VideoLadder:
        add = self._output.add
        if self._video_settings.codec == "copy":
            return VideoCopy(add, self._copy_template, self._poster)
        return VideoLadder(self._video_settings, add, self._video_template, self._poster, self._on_facts)

    def _make_audio(self) -> AudioLadder:
        return AudioLadder(self._audio_settings, self._output.add, self._audio_template)

    # -- what they tell

    def _copy_template(self, template: Any, stream: Any) -> None:
        """Of a channel that only ever copies: whatever the codec is, its containers begin anew."""
        self._set_video(template, stream.sample_aspect_ratio or 1, copied=True)
        self._output.template(VIDEO, template, compatible=False)
        self._tell_format()

    def _video_template(self, template: Any, shape: Any, copied: bool) -> None:
        """`shape`: the geometry of what is encoded, or the stream that is passed on."""
        self._set_video(template, (shape.sample_aspect_ratio or 1) if copied else shape.sar, copied=copied)
        self._output.template(VIDEO, template, compatible=True)
        if self._video_told:
            self._emit(Discontinuity())  # RFC 8216, 4.3.2.3: encoding parameters have changed
        self._video_told = True
        self._tell_format()

    def _set_video(self, template: Any, sar: Any, *, copied: bool) -> None:
        context = template.codec_context
        self._templates[VIDEO] = template
        self._format = msgspec.structs.replace(
            self._format, width=context.width, height=context.height,
            sar=(sar.numerator, sar.denominator), copied=copied,
        )  # fmt: skip

    def _audio_template(self, template: Any, same: bool) -> None:
        self._templates[AUDIO] = template
        if same:
            self._output.replace(AUDIO, template)
        else:
            self._output.template(AUDIO, template, compatible=False)
        self._tell_format()

    def _tell_format(self) -> None:
        codecs = tuple(rfc6381(t.codec_context) for _, t in sorted(self._templates.items()))
        self._format = msgspec.structs.replace(self._format, codecs=codecs)
        self._emit(self._format)

    def _poster(self, jpeg: bytes) -> None:
        self._emit(Poster(jpeg))

    def close(self) -> None:
        for track in self.by_kind.values():
            track.close()
