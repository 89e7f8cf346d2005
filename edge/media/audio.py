"""The audio of a channel: packets placed on the timeline in, an unbroken run of AAC out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import av
import msgspec

from edge.media.adts import HEADER, audio_config, is_adts, sound_of
from edge.media.decode import TICK, AudioDecoder
from edge.media.encode import SAMPLES, AudioEncoder, Copy, Encoded
from edge.media.overlap import AUDIO, TICKS
from edge.media.settings import AudioSettings
from edge.media.timeline import Placed

RATES = (48000, 44100, 32000, 24000, 22050, 16000)  # what every player takes; another rate becomes the first
MOST_SILENCE = 10  # seconds inserted at once
_BITRATE = {1: 64_000, 2: 96_000}


def copies(settings: AudioSettings, codec: str, bitrate: int | None, channels: int) -> bool:
    """Whether audio is passed on as it is: asked for, or AAC within the bit rate and the channels asked. Pure."""
    if settings.codec == "copy":
        return True
    if settings.codec != "auto" or codec != "aac":
        return False
    if settings.channels is not None and not 0 < channels <= settings.channels:
        return False
    # The rate of a constant stream wobbles by a few per cent
    return settings.bitrate is None or (bitrate is not None and 0 < bitrate <= settings.bitrate * 1.05)


class Form(msgspec.Struct, frozen=True):
    """How samples lie in a frame: format and layout by FFmpeg's names, samples a second."""

    format: str
    layout: str
    rate: int

    @classmethod
    def of(cls, frame: Any) -> Form:
        return cls(frame.format.name, frame.layout.name, frame.sample_rate)


class SampleClock:
    """Keeps samples in step with the timeline: silence into holes, overlaps cut, jitter ignored. Pure."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tolerance = rate // 25  # 40 ms
        self.next: int | None = None

    def place(self, at: int, samples: int) -> tuple[int, int]:
        """(silence before, samples to skip) for `samples` that belong at sample number `at`."""
        if self.next is None:
            self.next = at
        drift = at - self.next
        silence = skip = 0
        if drift > self._tolerance:
            silence = min(drift, MOST_SILENCE * self._rate)
            if drift > silence:  # the timeline closes longer gaps; what is left is jumped over
                self.next = at - silence
        elif drift < -self._tolerance:
            skip = min(samples, -drift)
        self.next += silence + samples - skip
        return silence, skip

    def silence_until(self, at: int) -> int:
        """Silent samples that bring the clock to `at`."""
        if self.next is None or at <= self.next:
            return 0
        silence = min(at - self.next, MOST_SILENCE * self._rate)
        self.next += silence
        return silence


def cut(frame: Any, skip: int) -> Any:
    """`frame` without its first `skip` samples."""
    width = frame.format.bytes * (1 if frame.format.is_planar else frame.layout.nb_channels)
    made = av.AudioFrame(frame.format.name, frame.layout.name, frame.samples - skip)
    made.sample_rate = frame.sample_rate
    for plane, target in zip(frame.planes, made.planes, strict=True):
        kept = bytes(memoryview(plane)[skip * width : frame.samples * width])
        target.update(kept.ljust(target.buffer_size, b"\0"))
    return made


def silent(form: Form, samples: int) -> Any:
    """A frame of silence (zero in all formats with a sign)."""
    made = av.AudioFrame(form.format, form.layout, samples)
    made.sample_rate = form.rate
    for plane in made.planes:
        plane.update(bytes(plane.buffer_size))
    return made


class AudioTrack:
    """Decodes, keeps in step and encodes. The encoder gets all frames in one form, that of the first, and mixes them
    down itself; a source that changes its form, or whose rate few players take, needs a resampler of ours besides.
    `emit(encoded)`; `on_template(template)` when the encoder opens. `counts`: decoded, encoded, silence (inserted, in
    frames of 1024 samples)."""

    def __init__(
        self, settings: AudioSettings, emit: Callable[[Encoded], None], on_template: Callable[[Any], None]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._emit, self._on_template = emit, on_template
        self._decoder: AudioDecoder | None = None
        self._encoder: AudioEncoder | None = None
        self._form: Form | None = None  # of what the encoder gets
        self._resampler: Any = None
        self._resampled: Form | None = None

    @property
    def damaged(self) -> int:
        return self._decoder.damaged if self._decoder else 0

    def follow(self, stream: Any) -> None:
        """The stream of a new response. CodecError when it cannot be decoded."""
        if self._decoder is None:
            self._decoder = AudioDecoder(stream)
            return
        for frame in self._decoder.follow(stream):
            self._frame(frame)

    def push(self, placed: Placed[Any]) -> None:
        if self._decoder is None:
            return
        for frame in self._decoder.decode(placed.item, placed.pts, placed.dts):
            self._frame(frame)

    def _frame(self, frame: Any) -> None:
        if frame.pts is None or not frame.samples:
            return
        self.counts["decoded"] += 1
        if self._encoder is None:
            self._open(frame)
        assert self._encoder is not None  # noqa: S101 - for the type checker
        at = frame.pts * self._encoder.rate // TICKS
        for part in self._formed(frame):
            silence, skip = self._clock.place(at, part.samples)
            self._silence(silence, part.samples - skip)
            if skip < part.samples:
                self._encode(cut(part, skip) if skip else part)
            at += part.samples

    def _open(self, frame: Any) -> None:
        rate = frame.sample_rate if frame.sample_rate in RATES else RATES[0]
        channels = self._settings.channels or min(2, frame.layout.nb_channels)
        self._encoder = AudioEncoder(rate, channels, int(self._settings.bitrate or _BITRATE[channels]))
        self._form = Form(frame.format.name, frame.layout.name, rate)
        self._clock = SampleClock(rate)
        self._on_template(self._encoder.template)

    def _formed(self, frame: Any) -> list[Any]:
        form = Form.of(frame)
        if form == self._form:
            self._resampled = None
            return [frame]
        assert self._form is not None  # noqa: S101 - set by _open()
        if form != self._resampled:
            self._resampled = form
            to = self._form
            self._resampler = av.AudioResampler(format=to.format, layout=to.layout, rate=to.rate)
        frame.pts = None
        out: list[Any] = self._resampler.resample(frame)
        return out

    def _silence(self, samples: int, after: int = 0) -> None:
        """Silence that ends `after` samples before the clock."""
        if not samples:
            return
        assert self._form is not None  # noqa: S101 - set by _open()
        self.counts["silence"] += max(1, samples // SAMPLES)
        while samples > 0:
            part = min(samples, self._form.rate)
            self._encode(silent(self._form, part), after + samples - part)
            samples -= part

    def _encode(self, frame: Any, after: int = 0) -> None:
        """`frame` ends `after` samples before the clock."""
        assert self._encoder is not None  # noqa: S101 - for the type checker
        assert self._clock.next is not None  # noqa: S101 - set by place()
        for encoded in self._encoder.encode(frame, self._clock.next - after - frame.samples):
            self.counts["encoded"] += 1
            self._emit(encoded)

    def hold_until(self, pts: int) -> None:
        """No sound while pictures go on: silence up to `pts` ticks, because a player waits for both."""
        if self._encoder is not None:
            self._silence(self._clock.silence_until(pts * self._encoder.rate // TICKS))

    @property
    def last_pts(self) -> int:
        """Ticks up to which there is sound; -1 before the first."""
        if self._encoder is None or self._clock.next is None:
            return -1
        return self._clock.next * TICKS // self._encoder.rate

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()


class AudioCopy:
    """Passes audio on as it is, ADTS headers turned into a config that every container can carry (MPEG-TS gets them
    back from its muxer). Same interface as AudioTrack."""

    def __init__(self, emit: Callable[[Encoded], None], on_template: Callable[[Any], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.damaged = 0
        self.last_pts = -1
        self._emit, self._on_template = emit, on_template
        self._stream: Any = None
        self._copy: Copy | None = None
        self._parameters: tuple[str, bytes | None] | None = None

    def follow(self, stream: Any) -> None:
        self._stream = stream

    def push(self, placed: Placed[Any]) -> None:
        packet = placed.item
        extradata, sound = self._stream.codec_context.extradata, None
        duration = round((packet.duration or 0) * packet.time_base * TICKS)
        if self._stream.codec_context.name == "aac" and not extradata:
            data = bytes(packet)
            if not is_adts(data):
                self.damaged += 1
                return
            extradata, sound = audio_config(data), sound_of(data)
            packet = av.Packet(data[HEADER if data[1] & 1 else HEADER + 2 :])
            packet.is_keyframe = True
        self._follow_parameters(extradata, sound)
        self.counts["encoded"] += 1
        self.last_pts = placed.pts + duration
        self._emit(Encoded(AUDIO, packet, placed.pts, placed.dts, duration, TICK, key=True, at=placed.dts))

    def _follow_parameters(self, extradata: bytes | None, sound: tuple[int, int] | None) -> None:
        parameters = (self._stream.codec_context.name, extradata)
        if parameters == self._parameters:
            return
        if self._copy is not None:
            self._copy.close()
        self._copy = Copy(self._stream, extradata, sound)
        self._parameters = parameters
        self._on_template(self._copy.template)

    def hold_until(self, pts: int) -> None:
        """Copied audio cannot be prolonged."""

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
