"""The samples are what their names say."""

from __future__ import annotations

from typing import Any

import av
import media
import pytest

WANTED = {
    "source": ("h264", 960, 540, 50, "aac", 48000, 2),
    "small": ("h264", 320, 180, 25, "aac", 48000, 2),
    "mpeg2": ("mpeg2video", 320, 180, 25, "mp2", 48000, 2),
    "hevc": ("hevc", 320, 180, 25, "aac", 48000, 2),
    "vp8_webm": ("vp8", 320, 180, 25, "opus", 48000, 2),
    "vp9_webm": ("vp9", 320, 180, 25, "opus", 48000, 2),
    "ac3_51": ("h264", 320, 180, 25, "ac3", 48000, 6),
    "mono_22k": ("h264", 320, 180, 25, "aac", 22050, 1),
    "flv": ("h264", 320, 180, 25, "aac", 48000, 2),
    "interlaced": ("h264", 720, 576, 25, "aac", 48000, 2),
}


@pytest.mark.parametrize("name", WANTED)
def test_codecs_and_sizes(name: str) -> None:
    with av.open(str(media.sample(name))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        found: tuple[Any, ...] = (video.codec_context.name, video.width, video.height, video.average_rate)
        found += (audio.codec_context.name.removesuffix("float"), audio.rate, audio.channels)
    assert found[0].removeprefix("lib").removesuffix("-vp9") == WANTED[name][0]
    assert found[1:] == WANTED[name][1:]


def test_the_source_has_b_frames_and_starts_late(source_sample: Any) -> None:
    with av.open(str(source_sample)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.profile == "High"
        assert stream.codec_context.has_b_frames
        first = next(p for p in container.demux(stream) if p.dts is not None)
        assert 30471 < float(first.dts * first.time_base) < 30474


@pytest.mark.parametrize(("name", "missing"), [("video_only", "audio"), ("audio_only", "video"), ("adts", "video")])
def test_tracks_that_are_not_there(name: str, missing: str) -> None:
    with av.open(str(media.sample(name))) as container:
        assert len(container.streams) == 1
        assert not getattr(container.streams, missing)


def test_interlaced_pictures_say_so() -> None:
    with av.open(str(media.sample("interlaced"))) as container:
        assert next(container.decode(video=0)).interlaced_frame


def test_the_wrap_lies_inside_its_sample() -> None:
    data = media.sample("wrap").read_bytes()
    first, last = data.find(b"\0\0\1\xe0"), data.rfind(b"\0\0\1\xe0")
    assert data[first + 9] >> 1 & 7 == 7  # the highest three of 33 bits
    assert data[last + 9] >> 1 & 7 == 0


def test_the_hls_folder_has_its_segments() -> None:
    playlist = media.sample("hls").read_text()
    names = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    assert len(names) >= 5
    assert all((media.sample("hls").parent / name).stat().st_size for name in names)
