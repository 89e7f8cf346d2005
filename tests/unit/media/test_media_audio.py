"""Sound in step with the timeline, its buffer, when it is copied, and ADTS headers."""

from array import array

import av
import media
import mediacheck
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import adts
from edge.media.adts import audio_config, is_adts, sound_of
from edge.media.audio import MOST_SILENCE, Form, SampleClock, copies, cut, silent
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


KINDS = {"fltp": "f", "flt": "f", "s16p": "h", "s16": "h", "s32": "i"}  # and how an array calls their samples


def ramp(form: Form, samples: int) -> av.AudioFrame:
    """Sample n of channel c is 1000 c + n + 1."""
    made = av.AudioFrame(form.format, form.layout, samples)
    made.sample_rate = form.rate
    channels = made.layout.nb_channels
    tracks = [[1000 * c + n + 1 for n in range(samples)] for c in range(channels)]
    if not made.format.is_planar:
        tracks = [[value for moment in zip(*tracks, strict=True) for value in moment]]
    for plane, values in zip(made.planes, tracks, strict=True):
        plane.update(array(KINDS[form.format], values).tobytes().ljust(plane.buffer_size, b"\0"))
    return made


def values(frame: av.AudioFrame) -> list[list[float]]:
    """By channel."""
    width = frame.samples * (1 if frame.format.is_planar else frame.layout.nb_channels)
    planes = [memoryview(bytes(plane)).cast(KINDS[frame.format.name])[:width].tolist() for plane in frame.planes]
    return planes if frame.format.is_planar else [planes[0][c :: len(planes[0]) // frame.samples] for c in range(2)]


@pytest.mark.parametrize("form", [Form(name, "stereo", RATE) for name in KINDS], ids=lambda form: form.format)
@pytest.mark.parametrize("skip", [1, 100, 1151])
def test_a_frame_is_cut(form: Form, skip: int) -> None:
    whole = ramp(form, 1152)
    rest = cut(whole, skip)
    assert (rest.samples, Form.of(rest)) == (1152 - skip, form)
    assert values(rest) == [channel[skip:] for channel in values(whole)]
    assert values(rest)[1][0] == 1000 + skip + 1


@pytest.mark.parametrize("form", [Form(name, "stereo", 44100) for name in KINDS], ids=lambda form: form.format)
def test_silence_has_the_form_that_is_asked(form: Form) -> None:
    made = silent(form, 333)
    assert (made.samples, Form.of(made)) == (333, form)
    assert values(made) == [[0] * 333] * 2


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
