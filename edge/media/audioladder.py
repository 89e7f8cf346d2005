"""The sound of a channel on its ladder: as set, or for a while passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.media.audio import AudioCopy, AudioTrack, copies
from edge.media.encode import Encoded
from edge.media.ladder import FULL, Work
from edge.media.settings import AudioSettings
from edge.media.timeline import Placed

# What every container carries, by FFmpeg's names
_CARRIED = {"aac": "aac", "mp3": "mp3", "mp3float": "mp3"}


class AudioLadder:
    """Same interface as AudioTrack. `on_template(template, same)`; `same`: viewers need not hear of it."""

    def __init__(
        self, settings: AudioSettings, emit: Callable[[Encoded], None], on_template: Callable[[Any, bool], None]
    ) -> None:
        self._settings, self._on_template, self._emit = settings, on_template, emit
        self._track: AudioTrack | AudioCopy | None = None
        self._old: AudioTrack | AudioCopy | None = None  # until the new one has its template
        self._stream: Any = None
        self._carried: tuple[Any, ...] | None = None
        self._last_at = -1
        self._work = FULL
        self._last_pts = -1
        self._damaged_before = 0
        self._counts: Any = None

    @property
    def counts(self) -> Any:
        assert self._counts is not None  # noqa: S101 - set by follow()
        return self._counts

    @property
    def damaged(self) -> int:
        return self._damaged_before + (self._track.damaged if self._track else 0)

    @property
    def last_pts(self) -> int:
        """Ticks up to which there is sound; -1 before the first."""
        return self._last_pts if self._track is None else max(self._last_pts, self._track.last_pts)

    @property
    def copied(self) -> bool:
        """Whether sound is passed on because the settings say so."""
        return self._sets_copy()

    @property
    def copyable(self) -> bool:
        return self._stream is not None and self._stream.codec_context.name in _CARRIED

    def _sets_copy(self) -> bool:
        if self._stream is None:
            return False
        context = self._stream.codec_context
        return copies(self._settings, context.name, context.bit_rate, context.layout.nb_channels)

    def take(self, work: Work) -> None:
        """From the next packet on."""
        if work.audio != self._work.audio:
            self._work = work
            if self._track is not None and not self._sets_copy():
                self._replace(copy=work.audio == "copy" and self.copyable)

    def follow(self, stream: Any) -> None:
        """The stream of a new response. CodecError when it cannot be decoded. Encoded sound stays encoded."""
        self._stream = stream
        lowered = self._work.audio == "copy" and self.copyable
        if self._track is None:
            self._replace(copy=lowered or self._sets_copy())
        elif isinstance(self._track, AudioCopy) and not (lowered or self._sets_copy()):
            self._replace(copy=False)
        else:
            self._track.follow(stream)

    def _replace(self, *, copy: bool) -> None:
        if self._track is not None and copy == isinstance(self._track, AudioCopy):
            return
        made: AudioTrack | AudioCopy = (AudioCopy if copy else self._encoding)(self._take_packet, self._template)
        made.follow(self._stream)
        if self._track is not None:
            self._last_pts, self._damaged_before = self.last_pts, self.damaged
            made.counts = self._counts
            self._close_old()
        self._old, self._track, self._counts = self._track, made, made.counts

    def _encoding(self, emit: Callable[[Encoded], None], on_template: Callable[[Any], None]) -> AudioTrack:
        return AudioTrack(self._settings, emit, on_template)

    def _template(self, template: Any) -> None:
        context = template.codec_context
        name = str(context.name)
        config = bytes(context.extradata or b"")[:2]  # AudioSpecificConfig: object type, rate, channels
        carried = (_CARRIED.get(name, name), config, context.sample_rate, context.layout.name)
        same, self._carried = carried == self._carried, carried
        self._on_template(template, same)
        self._close_old()

    def _close_old(self) -> None:
        if self._old is not None:
            self._old.close()
            self._old = None

    def _take_packet(self, encoded: Encoded) -> None:
        """Drops what the one before has brought already (an encoder begins with a frame of priming)."""
        if encoded.at > self._last_at:
            self._last_at = encoded.at
            self._emit(encoded)

    def push(self, placed: Placed[Any]) -> None:
        assert self._track is not None  # noqa: S101 - set by follow()
        self._track.push(placed)

    def hold_until(self, pts: int) -> None:
        """No sound while pictures go on: silence up to `pts` ticks, where it is encoded."""
        if self._track is not None:
            self._track.hold_until(pts)

    def close(self) -> None:
        self._close_old()
        if self._track is not None:
            self._track.close()
