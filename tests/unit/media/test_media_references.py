"""What slice headers say of references, against what a decoder makes of a stream without its B pictures."""

from fractions import Fraction
from itertools import product

import av
import media
import pytest

from edge.media.headers import Bits, Unreadable, picture_size, read_slice
from edge.media.references import EVERY, Pyramid, References
from edge.media.slices import B, length_size, look, sets_of_record

OPTIONS = [
    f"b-pyramid={pyramid}:ref={refs}:bframes={bs}:weightp={weights}{more}"
    for pyramid, refs, bs, weights, more in product(
        ("none", "normal", "strict"), (1, 2, 4), (2, 5), (0, 2), ("", ":cabac=0:slices=3", ":open-gop=1")
    )
]


def encoded(options, count=70):
    """Packets as (data, pts, dts)."""
    out = []
    with av.open("/dev/null", "w", format="null") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.thread_count = 1
        params = f"keyint=24:scenecut=0:b-adapt=0:log-level=none:{options}"
        stream.options = {"preset": "veryfast", "x264-params": params}
        with av.open("testsrc2=size=128x96:rate=25,format=yuv420p", format="lavfi") as source:
            frames = source.decode(video=0)
            for n in range(count):
                frame = next(frames)
                frame.pts, frame.time_base, frame.pict_type = n, Fraction(1, 25), 0
                out += stream.encode(frame)
        out += stream.encode(None)
        return [(bytes(p), p.pts, p.dts) for p in out]


def decoded(packets):
    """Luma by pts."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    frames = []
    for data, pts, dts in packets:
        packet = av.Packet(data)
        packet.pts, packet.dts, packet.time_base = pts, dts, Fraction(1, 25)
        frames += decoder.decode(packet)
    return {frame.pts: bytes(frame.planes[0]) for frame in frames + decoder.decode(None)}


@pytest.mark.parametrize("options", OPTIONS)
def test_it_is_told_beforehand_whether_pictures_suffer_without_b_pictures(options):
    packets = encoded(options)
    references = References()
    told = [references.note(data) for data, _, _ in packets if look(data)[0] > 0]
    assert None not in told
    without = decoded([p for p in packets if look(p[0])[1] != B])
    everything = decoded(packets)
    assert len(without) == sum(look(p[0])[1] != B for p in packets)
    suffered = any(without[pts] != everything[pts] for pts in without)
    assert any(told) == suffered


def test_both_cases_are_among_them():
    def told(options):
        references = References()
        return any(references.note(data) for data, _, _ in encoded(options, 40))

    assert told("b-pyramid=normal:ref=4:bframes=2")
    assert not told("b-pyramid=normal:ref=1:bframes=2")


@pytest.mark.parametrize(("name", "expected"), [("source", False), ("small", False), ("flv", False), ("mp4", False)])
def test_streams_of_containers(name, expected):
    with av.open(str(media.sample(name))) as container:
        stream = container.streams.video[0]
        extradata = bytes(stream.codec_context.extradata or b"")
        length, references = length_size(extradata), References()
        references.sets(sets_of_record(extradata) if length else extradata)
        told = {references.note(bytes(p), length) for p in container.demux(stream) if p.size}
    assert told == {expected}


def test_missing_pictures_make_it_unknown_until_the_next_idr():
    packets = [data for data, _, _ in encoded("b-pyramid=none:ref=2:bframes=0", 60)]
    references = References()
    told = [references.note(data) for n, data in enumerate(packets) if n != 5]
    assert told[:5] == [False] * 5
    assert told[5:23] == [None] * 18
    assert told[23:] == [False] * 36


def test_without_parameter_sets_nothing_is_known():
    (_, second, *_) = [data for data, _, _ in encoded("ref=1:bframes=0", 3)]
    assert References().note(second) is None
    assert References().note(b"") is None


def test_a_header_that_is_cut_off_is_unreadable():
    references = References()
    packets = [data for data, _, _ in encoded("ref=4:bframes=0", 4)]
    references.note(packets[0])
    unit = packets[3][packets[3].index(b"\0\0\1\x41") + 3 :]
    for n in range(1, 4):
        with pytest.raises(Unreadable):
            read_slice(unit[:n], references._pps, references._sps)
    assert read_slice(unit[:40], references._pps, references._sps).frame_num == 3


@pytest.mark.parametrize("value", [0, 1, 2, 7, 255, 65534])
def test_exp_golomb(value):
    code = f"{value + 1:b}"
    bits = "0" * (len(code) - 1) + code
    data = int(bits.ljust(64, "1"), 2).to_bytes(8, "big")
    assert Bits(data).ue() == value
    assert Bits(data).se() == ((value + 1) // 2 if value % 2 else -(value // 2))
    with pytest.raises(Unreadable):
        Bits(b"\0\0\0\0\0\0").ue()


# -- the pyramid, GOP by GOP


def gops(options, count):
    """Reference pictures of `count` GOPs."""
    out = []
    for data, _, _ in encoded(options, 24 * count):
        if data.find(b"\0\0\1\x65") >= 0 or look(data)[1] == 2:
            out.append([])
        if look(data)[0] > 0:
            out[-1].append(data)
    return out


def told(pyramid, pictures, *, in_use=False):
    pyramid.key(in_use=in_use)
    for data in pictures:
        pyramid.note(data, 0)
    return pyramid.referred


def test_it_is_known_after_two_whole_gops():
    clean = gops("b-pyramid=normal:ref=1:bframes=2", 4)
    pyramid = Pyramid()
    assert [told(pyramid, gop) for gop in clean] == [None, None, False, False]


def test_it_is_noticed_at_once_while_it_matters_and_soon_otherwise():
    clean, other = gops("b-pyramid=normal:ref=1:bframes=2", 3), gops("b-pyramid=normal:ref=4:bframes=2", 3)
    for in_use, most in ((True, 1), (False, EVERY)):
        pyramid = Pyramid()
        for gop in clean:
            told(pyramid, gop)
        assert any(told(pyramid, other[1 + n % 2], in_use=in_use) for n in range(most))


def test_a_stream_that_becomes_unreadable_is_not_believed_for_ever():
    pyramid = Pyramid()
    for gop in gops("b-pyramid=normal:ref=1:bframes=2", 3):
        told(pyramid, gop)
    assert pyramid.referred is False
    for _ in range(2 * EVERY):
        told(pyramid, [b"\0\0\1\x41\x9a"], in_use=True)
    assert pyramid.referred is None


@pytest.mark.parametrize(
    ("name", "size"), [("source", (960, 544)), ("small", (320, 192)), ("interlaced", (720, 576)), ("hevc", (0, 0))]
)
def test_an_sps_tells_the_size_in_whole_macroblocks(name, size):
    with av.open(str(media.sample(name))) as container:
        sizes = [picture_size(bytes(p)) for p in container.demux(video=0) if p.size and p.is_keyframe]
    assert set(sizes) == {size}


def test_a_damaged_sps_tells_some_size_or_none():
    whole = next(data for data, _, _ in encoded("ref=1"))
    assert picture_size(whole) == (128, 96)
    for end in range(60):
        assert picture_size(whole[:end]) in ((0, 0), (128, 96))
        for bit in range(8):
            spoilt = whole[:end] + bytes([whole[end] ^ 1 << bit]) + whole[end + 1 :]
            width, height = picture_size(spoilt)
            assert width % 16 == height % 16 == 0
