"""Sound in step with the timeline, its buffer, when it is copied, and ADTS headers."""

import av
import media
import mediacheck
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import adts
from edge.media.adts import audio_config, is_adts, sound_of
from edge.media.audio import MOST_SILENCE, SampleBuffer, SampleClock, copies
from edge.media.encode import SAMPLES
from edge.media.settings import AudioSettings
from edge.units import BitRate

RATE = 48000


class Line:
    """Places frames and keeps the account: what was given out is silence and what was not skipped."""

    def __init__(self, rate: int = RATE) -> None:
        self.clock = SampleClock(rate)
        self.out = 0
        self.first: int | None = None

    def place(self, at: int, samples: int = SAMPLES) -> tuple[int, int]:
        if self.first is None:
            self.first = at
        silence, skip = self.clock.place(at, samples)
        assert 0 <= skip <= samples
        assert 0 <= silence <= MOST_SILENCE * RATE
        self.out += silence + samples - skip
        return silence, skip


def test_continuous_sound_is_untouched() -> None:
    line = Line()
    assert {line.place(n * SAMPLES) for n in range(1000)} == {(0, 0)}


def test_jitter_below_the_tolerance_is_ignored_and_does_not_add_up() -> None:
    line = Line()
    for n in range(20_000):
        assert line.place(n * SAMPLES + (n * 7919) % 1900) == (0, 0)
    assert line.clock.next == line.first + line.out == 20_000 * SAMPLES + line.first


def test_a_hole_is_filled_and_an_overlap_is_cut() -> None:
    line = Line()
    line.place(0)
    assert line.place(SAMPLES + 4800) == (4800, 0)
    assert line.place(0) == (0, SAMPLES)  # all of it was heard
    assert line.place(SAMPLES) == (0, SAMPLES)
    assert line.clock.next == 2 * SAMPLES + 4800


def test_an_overlap_of_part_of_a_frame_is_cut_from_its_beginning() -> None:
    line = Line()
    line.place(0, 48_000)
    assert line.place(45_000, 6000) == (0, 3000)
    assert line.clock.next == 51_000


def test_silence_is_bounded_and_the_rest_is_jumped_over() -> None:
    line = Line()
    line.place(0)
    far = 3600 * RATE
    assert line.place(far) == (MOST_SILENCE * RATE, 0)
    assert line.clock.next == far + SAMPLES


def test_silence_until() -> None:
    clock = SampleClock(RATE)
    assert clock.silence_until(5000) == 0  # nothing to go on from
    clock.place(0, SAMPLES)
    assert clock.silence_until(SAMPLES) == 0
    assert clock.silence_until(5000) == 5000 - SAMPLES
    assert clock.silence_until(4000) == 0
    assert clock.silence_until(3600 * RATE) == MOST_SILENCE * RATE
    assert clock.next == 5000 + MOST_SILENCE * RATE


@given(st.lists(st.tuples(st.integers(-RATE, 3 * RATE), st.integers(1, 2048)), min_size=1, max_size=60))
def test_what_is_given_out_reaches_the_end_of_the_newest_frame_within_the_tolerance(
    moves: list[tuple[int, int]],
) -> None:
    line = Line()
    at = newest = 10 * RATE
    for move, samples in moves:
        line.place(at, samples)
        newest = max(newest, at + samples)
        assert line.clock.next == line.first + line.out
        assert abs(line.clock.next - newest) <= RATE // 25 * 2
        at = max(0, at + samples + move)


def test_drift_of_a_source_whose_rate_is_wrong_is_corrected() -> None:
    """A clock that is 0.1 % fast: after an hour the sound is still within the tolerance."""
    line = Line()
    for n in range(3600 * RATE // SAMPLES):
        line.place(n * SAMPLES * 1001 // 1000)
    assert abs(line.clock.next - 3600 * RATE * 1001 // 1000) <= RATE // 25 + SAMPLES


def frame(layout: str, samples: int, value: float) -> av.AudioFrame:
    made = av.AudioFrame("fltp", layout, samples)
    made.sample_rate = RATE
    data = memoryview(bytearray(4 * samples)).cast("f")
    for i in range(samples):
        data[i] = value
    for plane in made.planes:
        plane.update(bytes(data).ljust(plane.buffer_size, b"\0"))
    return made


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_the_buffer_gives_whole_frames_in_order(layout: str) -> None:
    buffer = SampleBuffer(layout, RATE)
    buffer.add(frame(layout, 1000, 0.5), skip=100)
    assert buffer.samples == 900
    assert buffer.take() is None
    buffer.add_silence(200)
    taken = buffer.take()
    assert (taken.samples, taken.layout.name, taken.sample_rate) == (SAMPLES, layout, RATE)
    for plane in taken.planes:
        values = memoryview(plane).cast("f")[:SAMPLES]
        assert list(values[:900]) == [0.5] * 900
        assert list(values[900:]) == [0.0] * (SAMPLES - 900)
    assert buffer.samples == 76
    assert buffer.take() is None


@pytest.mark.parametrize(
    ("settings", "codec", "bitrate", "channels", "expected"),
    [
        ({}, "aac", 128_000, 2, True),
        ({}, "aac", None, 6, True),  # nothing asked
        ({}, "mp2", 128_000, 2, False),
        ({}, "aac_latm", 64_000, 2, False),
        ({"codec": "aac"}, "aac", 64_000, 2, False),
        ({"codec": "copy"}, "mp2", 384_000, 6, True),
        ({"channels": 1}, "aac", 64_000, 2, False),
        ({"channels": 1}, "aac", 64_000, 1, True),
        ({"channels": 2}, "aac", 64_000, 1, True),
        ({"channels": 2}, "aac", 64_000, 0, False),  # unknown
        ({"bitrate": BitRate(64_000)}, "aac", 64_000, 2, True),
        ({"bitrate": BitRate(64_000)}, "aac", 66_000, 2, True),  # the rate wobbles
        ({"bitrate": BitRate(64_000)}, "aac", 70_000, 2, False),
        ({"bitrate": BitRate(64_000)}, "aac", None, 2, False),
        ({"bitrate": BitRate(64_000)}, "aac", 0, 2, False),
    ],
)
def test_when_audio_is_copied(settings, codec, bitrate, channels, expected) -> None:
    assert copies(AudioSettings(**settings), codec, bitrate, channels) is expected


def adts_frames(data: bytes) -> list[bytes]:
    out, at = [], 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        out.append(data[at : at + size])
        at += size
    return out


def test_adts_headers_are_known_and_give_the_config() -> None:
    frames = adts_frames(media.sample("adts").read_bytes())
    assert len(frames) > 50
    assert all(is_adts(f) for f in frames)
    assert {audio_config(f) for f in frames} == {bytes([2 << 3 | 7 >> 1, (7 & 1) << 7 | 1 << 3])}  # LC, 22050 Hz, mono
    assert {sound_of(f) for f in frames} == {(22050, 1)}
    assert {adts.ticks(f) for f in frames} == {1024 * 90_000 // 22050}


def test_a_header_that_leaves_the_channels_to_the_frame_says_nothing() -> None:
    assert sound_of(b"\xff\xf1\x4c\x00" + bytes(8)) is None
    assert sound_of(b"\xff\xf1\x7c\x80" + bytes(8)) is None  # a rate that does not exist
    assert adts.ticks(b"no frame at all") == 0


@pytest.mark.parametrize("data", [b"", b"\xff\xf1", b"\xff\xf1\x50\x80\0\0\0", b"\x00" * 20, b"\xff\xfb" + bytes(20)])
def test_what_is_no_adts(data: bytes) -> None:
    """Too short for a frame, something else, and MP3, whose layer is not 0."""
    assert not is_adts(data)


@pytest.mark.parametrize(("rate", "layout"), [(48000, "stereo"), (44100, "mono"), (16000, "stereo"), (48000, "5.1")])
def test_the_config_is_that_of_the_encoder(rate: int, layout: str) -> None:
    spec = media.Spec(suffix=".aac", video=None, rate=rate, layout=layout, seconds=1.0, start=0.0)

    path = mediacheck.made(spec)
    with av.open(str(path.with_suffix(".aac"))) as container:
        want = container.streams.audio[0]
        assert (want.rate, want.channels) == (rate, 6 if layout == "5.1" else 1 + (layout == "stereo"))
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, layout, "fltp"
    encoder.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER
    encoder.open()
    assert audio_config(path.read_bytes()[:16]) == encoder.extradata[:2]
