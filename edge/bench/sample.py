"""The sample that is measured on by default, made here: 960x540 at 50 frames/s with B pictures, AAC, 0.8 Mb/s.

In a child process: an encoder of 960x540 takes 36 MB of anonymous memory while it works.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec

RATE, FRAME = 48_000, 1024
STEP = 1.92  # seconds: 96 pictures at 50 frames/s and 90 frames of AAC meet there, so that the sample loops seamlessly
FRAMES = 90  # of sound, in a step
MOST_STEPS = 5
START = 30472.0
# As dear to decode as what preset veryfast makes (27 against 28 ms a media second on an EPYC), with as many pictures to
# which nothing refers (a third), in half of its encoding time and little more than half of its memory: a decoder pays
# for CABAC, deblocking, the 8x8 transform and B pictures, not for how well the encoder searched.
X264 = {
    "preset": "ultrafast", "profile": "high", "coder": "cabac", "deblock": "0:0", "8x8dct": "1",
    "partitions": "i8x8,i4x4,p8x8", "refs": "3", "bf": "2", "b-adapt": "0", "b-pyramid": "normal", "sc_threshold": "0",
    "aq-mode": "0", "weightp": "0", "rc-lookahead": "0",
}  # fmt: skip
MUXER = {"output_ts_offset": str(START), "max_delay": "200000"}


class Spec(msgspec.Struct, frozen=True):
    """What to make. 0.8 Mb/s at the default size and rate; in proportion to the pixels at others."""

    width: int = 960
    height: int = 540
    fps: int = 50


def make(path: Path, spec: Spec, patience: float) -> float:
    """Encodes whole steps of the sample into `path` until `patience` seconds are over: one to MOST_STEPS of them.
    The seconds of media made."""
    deadline = time.monotonic() + patience
    with av.open(str(path), "w", format="mpegts", options=MUXER) as output:
        maker = _Maker(output, spec)
        steps = 0
        while steps < MOST_STEPS and (not steps or time.monotonic() < deadline):
            maker.step()
            steps += 1
        maker.end()
    return steps * STEP


class _Maker:
    """Both encoders and what they encode: libavfilter's test picture and a tone."""

    def __init__(self, output: Any, spec: Spec) -> None:
        self._output, self._fps = output, spec.fps
        self._video = output.add_stream("libx264", rate=spec.fps, options=X264)
        self._video.width, self._video.height, self._video.pix_fmt = spec.width, spec.height, "yuv420p"
        self._video.bit_rate = round(650_000 * spec.width * spec.height * spec.fps / (960 * 540 * 50))
        self._gop = self._video.gop_size = round(STEP * spec.fps)
        self._video.codec_context.time_base = Fraction(1, spec.fps)
        self._video.codec_context.thread_count = 1
        self._audio = output.add_stream("aac", rate=RATE, layout="stereo")
        self._audio.bit_rate = 96_000
        graph = f"testsrc2=size={spec.width}x{spec.height}:rate={spec.fps},format=yuv420p"
        sine = f"sine=frequency=440:sample_rate={RATE}:samples_per_frame={FRAME},aformat=channel_layouts=stereo"
        self._pictures = av.open(graph, format="lavfi")
        self._tones = av.open(sine, format="lavfi")
        self._frames = self._pictures.decode(video=0)
        self._sounds = self._tones.decode(audio=0)
        self._shown = self._heard = self._muxed = 0

    def step(self) -> None:
        """One GOP of pictures, and the sound that belongs to it."""
        for _ in range(self._gop):
            frame = next(self._frames)
            frame.pts, frame.time_base, frame.pict_type = self._shown, Fraction(1, self._fps), 0
            self._output.mux(self._video.encode(frame))
            self._shown += 1
            while self._heard * self._gop < self._shown * FRAMES:
                self._heard += 1
                self._mux_sound(self._audio.encode(next(self._sounds)))

    def _mux_sound(self, packets: list[Any]) -> None:
        """Never more packets than frames went in: the encoder's tail would be a seam in the loop."""
        for packet in packets[: self._heard - self._muxed]:
            self._output.mux(packet)
            self._muxed += 1

    def end(self) -> None:
        """What the encoders still hold."""
        self._output.mux(self._video.encode(None))
        self._mux_sound(self._audio.encode(None))
        self._pictures.close()
        self._tones.close()
