"""What a decoder may take, and that it goes on across responses."""

import pytest
from media import sample

from edge.errors import CodecError
from edge.media import kinds
from edge.media.decode import FULL_HD, MAX_PIXELS, Decoder, most_pixels
from edge.media.source import open_url


@pytest.mark.parametrize(
    ("size", "bound"),
    [
        ((0, 0), MAX_PIXELS),
        ((352, 288), FULL_HD),
        ((960, 540), FULL_HD),
        ((1280, 720), 4 * 1280 * 720),
        ((1920, 1080), 4 * 1920 * 1080),
        ((3840, 2160), MAX_PIXELS),
    ],
)
def test_a_decoder_may_take_four_times_the_probed_size_within_bounds(size, bound):
    assert most_pixels(*size) == bound


def test_a_stream_beyond_every_bound_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("edge.media.decode.most_pixels", lambda *_: 1000)
    source = open_url(str(sample("small")), kinds.FILE)
    try:
        with pytest.raises(CodecError, match="within 1000 pixels"):
            Decoder(source.video.av)
    finally:
        source.close()


def test_the_same_decoder_goes_on_with_the_stream_of_the_next_response():
    first, second = (open_url(str(sample("small")), kinds.FILE) for _ in range(2))
    try:
        decoder = Decoder(first.video.av)
        context = decoder.context
        assert decoder.follow(second.video.av) == []
        assert decoder.context is context
    finally:
        first.close()
        second.close()
