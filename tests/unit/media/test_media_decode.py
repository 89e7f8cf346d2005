"""What a decoder may take, and that it goes on across responses."""

import io
from array import array
from pathlib import Path

import av
import pytest
from media import sample

from edge.errors import CodecError
from edge.media import kinds
from edge.media.decode import FULL_HD, MAX_PIXELS, AudioDecoder, VideoDecoder, most_pixels
from edge.media.source import open_pipe, open_url


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
            VideoDecoder(source.video.av)
    finally:
        source.close()


def test_the_same_decoder_goes_on_with_the_stream_of_the_next_response():
    first, second = (open_url(str(sample("small")), kinds.FILE) for _ in range(2))
    try:
        decoder = VideoDecoder(first.video.av)
        context = decoder.context
        assert decoder.follow(second.video.av) == []
        assert decoder.context is context
    finally:
        first.close()
        second.close()


class Body(io.BytesIO):
    error = None


def packets_of(stream, name="source", start=0):
    """The stream's packets as bytes, and what decodes them."""
    source = open_pipe(Body(Path(sample(name)).read_bytes()[start:]))
    try:
        made = (VideoDecoder if stream == 0 else AudioDecoder)(source.video.av if stream == 0 else source.audio.av)
        return made, [bytes(packet) for mark, packet in source.packets() if mark.stream == stream]
    finally:
        source.close()


def test_a_decoder_probed_between_keyframes_is_bounded_by_the_first_sps():
    """The probe looks at a second, a GOP has two."""
    decoder, packets = packets_of(0, start=188 * 50)
    assert decoder.context is None
    tick, shown, bounds = 1800, 0, set()
    for number, packet in enumerate(packets[:150]):
        shown += len(decoder.decode(av.Packet(packet), number * tick, number * tick))
        bounds.add((decoder.context is None, decoder.bound))
    assert bounds == {(True, MAX_PIXELS), (False, FULL_HD)}
    assert shown > 50
    assert decoder.damaged == packets.index(next(p for p in packets if b"\0\0\1\x67" in p))


def test_a_stream_that_outgrows_its_bound_gets_another_decoder(monkeypatch):
    first, second = (open_url(str(sample("small")), kinds.FILE) for _ in range(2))
    try:
        decoder = VideoDecoder(first.video.av)
        monkeypatch.setattr(decoder, "bound", 1000)  # as a damaged SPS may have told
        context = decoder.context
        decoder.follow(second.video.av)
        assert decoder.context is not context
        assert decoder.bound == FULL_HD
    finally:
        first.close()
        second.close()


def sound(damage, name="source"):
    """The samples of a stream's first channel; `damage`: numbers of packets after which another comes that is none."""
    decoder, packets = packets_of(1, name)
    contexts, samples, times = [], array("f"), []
    for number, packet in enumerate(packets):
        for frame in decoder.decode(av.Packet(packet), number * 1920, number * 1920):
            samples.frombytes(bytes(frame.planes[0])[: 4 * frame.samples])
            times.append(frame.pts)
        if number in damage:
            assert decoder.decode(av.Packet(bytes(64)), number * 1920 + 1, number * 1920 + 1) == []
        if not contexts or decoder.context is not contexts[-1]:
            contexts.append(decoder.context)
    return samples, times, len(contexts), decoder.damaged


def test_a_renewed_sound_decoder_loses_nothing_and_doubles_nothing():
    whole, times, contexts, _ = sound(())
    assert contexts == 1
    renewed, again, contexts, damaged = sound((100, 300))
    assert (contexts, damaged) == (3, 2)
    assert again == times
    assert len(renewed) == len(whole)
    assert max(abs(a - b) for a, b in zip(whole, renewed, strict=True)) < 1e-3


def test_a_sound_decoder_is_renewed_once_a_second_at_most():
    assert sound(range(50, 250))[2] == 1 + 6  # 200 packets of 21 ms, and one renewal that had to wait


def test_a_sound_decoder_begins_anew_only_from_a_whole_packet():
    """Damage that is told by the source's packets counts as well; the one before must be whole."""
    decoder, packets = packets_of(1)
    context = decoder.context
    for number, packet in enumerate(packets[:100]):
        given = av.Packet(packet)
        given.is_corrupt = 40 <= number < 60
        decoder.decode(given, number * 1920, number * 1920)
        assert (decoder.context is context) == (number <= 60)


def test_a_renewal_waits_no_longer_when_time_goes_back():
    decoder, packets = packets_of(1)
    for at in (10**9, 0):  # ticks
        context = decoder.context
        decoder.decode(av.Packet(bytes(64)), at, at)
        for number in (1, 2):
            decoder.decode(av.Packet(packets[number]), at + number * 1920, at + number * 1920)
        assert decoder.context is not context
