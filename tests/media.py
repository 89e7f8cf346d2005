"""Samples made on the spot by PyAV (whose wheels carry x264, x265, vpx, LAME and a test picture): no peer is needed.

Every picture carries its number (faultsource.marker), so that a test can tell which pictures came out, and how often.
Lengths are multiples of 0.32 s, where 25 or 50 frames/s and AAC at 48 kHz meet: such a sample loops without a seam.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import msgspec
from faultsource import marker

if TYPE_CHECKING:
    from collections.abc import Iterator

WRAP = 2**33 / 90000  # seconds after which MPEG-TS timestamps start again


class Spec(msgspec.Struct, frozen=True):
    """One sample. `video` and `audio` are encoder names; `start` is the first timestamp, in seconds."""

    suffix: str = ".ts"
    seconds: float = 5.12
    start: float = 30472.0
    video: str | None = "libx264"
    width: int = 320
    height: int = 180
    fps: int = 25
    gop: int = 24
    bit_rate: int = 200_000
    options: str = "preset=veryfast bf=2 sc_threshold=0 profile=high"  # the video encoder's
    interlaced: bool = False
    audio: str | None = "aac"
    rate: int = 48000
    layout: str = "stereo"
    audio_bit_rate: int = 64_000
    tone: int = 440


_INTERLACED = "preset=veryfast flags=+ilme+ildct sc_threshold=0"
_REALTIME = "deadline=realtime cpu-used=8"

SPECS = {
    # The source that everything is judged by: H.264 High 960x540 at 50 frames/s, two B frames, AAC 48 kHz, 0.8 Mb/s.
    "source": Spec(seconds=19.2, width=960, height=540, fps=50, gop=96, bit_rate=700_000, audio_bit_rate=96_000),
    "small": Spec(),
    "other_size": Spec(width=480, height=360, tone=880),
    "other_rate": Spec(fps=50, tone=660),
    "slow_rate": Spec(fps=12, gop=12, seconds=8.0),
    "long_gop": Spec(seconds=19.2, gop=240),
    "mpeg2": Spec(video="mpeg2video", audio="mp2", gop=12, bit_rate=600_000, options="bf=2", audio_bit_rate=128_000),
    "hevc": Spec(video="libx265", options="preset=ultrafast x265-params=log-level=none:bframes=2"),
    "interlaced": Spec(width=720, height=576, bit_rate=1_000_000, options=_INTERLACED, interlaced=True),
    "vp8_webm": Spec(suffix=".webm", video="libvpx", audio="libopus", options=_REALTIME),
    "vp9_webm": Spec(suffix=".webm", video="libvpx-vp9", audio="libopus", options=_REALTIME),
    "av1_mp4": Spec(suffix=".mp4", video="libsvtav1", options="preset=12"),
    "mp4": Spec(suffix=".mp4"),
    "flv": Spec(suffix=".flv", start=0.0),
    "video_only": Spec(audio=None),
    "audio_only": Spec(video=None),
    "adts": Spec(suffix=".aac", video=None, rate=22050, layout="mono", audio_bit_rate=32_000, start=0.0),
    "mono_22k": Spec(rate=22050, layout="mono", audio_bit_rate=32_000),
    "mp3": Spec(audio="libmp3lame", audio_bit_rate=96_000),
    "ac3_51": Spec(audio="ac3", layout="5.1", audio_bit_rate=384_000),
    "eac3": Spec(audio="eac3", audio_bit_rate=128_000),
    "wrap": Spec(start=WRAP - 2.5),
    "hls": Spec(suffix=".m3u8", seconds=12.8, start=10.0),
}


def cache_folder() -> Path:
    """Where samples are kept between runs; a new folder whenever this file or PyAV changes."""
    recipe = hashlib.blake2b(Path(__file__).read_bytes() + av.__version__.encode(), digest_size=6).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"edge-samples-{os.getuid()}-{recipe}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sample(name: str) -> Path:
    """The file of sample `name`, made if it is not there yet. For "hls": the playlist, segments beside it."""
    spec = SPECS[name]
    path = cache_folder() / name / f"{name}{spec.suffix}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as work:
            folder = Path(work) / name
            folder.mkdir()
            make(folder / path.name, spec)
            with contextlib.suppress(OSError):  # another process was faster
                folder.rename(path.parent)
    return path


def make(path: Path, spec: Spec) -> None:
    """Encode `spec` into `path`."""
    os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder prints its settings otherwise
    with av.open(str(path), "w", options=_muxer(spec)) as output:
        tracks = []
        if spec.video:
            tracks.append(_video(output, spec))
        if spec.audio:
            tracks.append(_audio(output, spec))
        _mux(output, tracks)


def _muxer(spec: Spec) -> dict[str, str]:
    options = {"output_ts_offset": str(spec.start)} if spec.start else {}
    if spec.suffix == ".ts":
        options |= {"max_delay": "200000"}
    if spec.suffix == ".m3u8":
        options |= {"hls_time": "2", "hls_list_size": "0"}
    return options


def _mux(output: Any, tracks: list[Iterator[Any]]) -> None:
    """Interleave by decoding time, so that the muxer's buffer never matters."""
    waiting = [[next(track, None), track] for track in tracks]
    while any(packet is not None for packet, _ in waiting):
        entry = min((e for e in waiting if e[0] is not None), key=lambda e: e[0].dts * e[0].time_base)
        output.mux(entry[0])
        entry[0] = next(entry[1], None)


def _video(output: Any, spec: Spec) -> Iterator[Any]:
    stream = output.add_stream(spec.video, rate=spec.fps, options=dict(o.split("=", 1) for o in spec.options.split()))
    stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
    stream.bit_rate = spec.bit_rate
    stream.gop_size = spec.gop
    stream.time_base = stream.codec_context.time_base = Fraction(1, spec.fps)
    stream.codec_context.thread_count = 2
    return _encode(stream, _pictures(spec))


def _pictures(spec: Spec) -> Iterator[Any]:
    rate = spec.fps * (2 if spec.interlaced else 1)
    picture = f"testsrc2=size={spec.width}x{spec.height}:rate={rate},format=yuv420p"
    with av.open(picture, format="lavfi") as source:
        frames = source.decode(video=0)
        for number in range(round(spec.seconds * spec.fps)):
            frame = next(frames)
            if spec.interlaced:
                _weave(frame, next(frames))
            marker.draw(frame, number)
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, spec.fps), 0
            yield frame


def _weave(top: Any, bottom: Any) -> None:
    """Make `top` a picture of two fields: its odd lines become those of `bottom`, half a period later."""
    for into, other in zip(top.planes, bottom.planes, strict=True):
        to, of, size = memoryview(into), memoryview(other), into.line_size
        for y in range(1, into.height, 2):
            to[y * size : (y + 1) * size] = of[y * size : (y + 1) * size]


def _audio(output: Any, spec: Spec) -> Iterator[Any]:
    stream = output.add_stream(spec.audio, rate=spec.rate, layout=spec.layout)
    stream.bit_rate = spec.audio_bit_rate
    packets = _encode(stream, _tone(spec))
    for count, packet in enumerate(packets):
        if spec.audio != "aac" or count < round(spec.seconds * spec.rate / 1024):  # without the encoder's tail it loops
            yield packet


def _tone(spec: Spec) -> Iterator[Any]:
    sine = f"sine=frequency={spec.tone}:sample_rate={spec.rate}:samples_per_frame=1024"
    with av.open(f"{sine},aformat=channel_layouts={spec.layout}", format="lavfi") as source:
        frames = source.decode(audio=0)
        for _ in range(round(spec.seconds * spec.rate / 1024)):
            yield next(frames)


def _encode(stream: Any, frames: Iterator[Any]) -> Iterator[Any]:
    for frame in frames:
        yield from stream.encode(frame)
    yield from stream.encode(None)


def pictures(source: Any, **options: Any) -> list[int | None]:
    """The number of each picture of a file, URL or file object, in order of display; None where it is unreadable."""
    with av.open(str(source) if isinstance(source, Path) else source, **options) as container:
        return [marker.read(frame) for frame in container.decode(video=0)]
