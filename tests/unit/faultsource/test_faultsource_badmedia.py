"""The hostile streams are what they claim, as libavformat sees them."""

from __future__ import annotations

import io
from typing import Any

import av
import badmedia
import pytest


def test_psi_only_holds_no_media(small_sample: Any) -> None:
    data = badmedia.psi_only(small_sample)
    assert len(data) > 188
    assert b"\0\0\1\xe0" not in data


def test_data_only_is_one_private_stream() -> None:
    with av.open(io.BytesIO(badmedia.data_only()), format="mpegts") as container:
        assert [stream.type for stream in container.streams] == ["data"]
        sizes = [packet.size for packet in container.demux() if packet.size]
    assert sizes == [80] * 100


def test_the_parameter_sets_are_read_as_written(small_sample: Any) -> None:
    data = badmedia.huge_picture(small_sample, macroblocks=64)
    with av.open(io.BytesIO(data), format="mpegts") as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (1024, 1024)


def test_no_decoder_takes_the_huge_picture(small_sample: Any) -> None:
    data = badmedia.huge_picture(small_sample)
    with av.open(io.BytesIO(data), format="mpegts") as container, pytest.raises(av.FFmpegError):
        next(container.decode(video=0))
