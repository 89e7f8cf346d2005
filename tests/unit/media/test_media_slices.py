"""What the first slice of an access unit tells; lengths and start codes."""

import av
import pytest
from media import sample

from edge.media.slices import UNKNOWN, B, I, P, annex_b, length_size, look, sets_of_record

START = b"\0\0\0\1"


def ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def slice_of(header: int, kind: int) -> bytes:
    bits = ("1" + ue(kind)).ljust(16, "1")
    return bytes([header, int(bits[:8], 2), int(bits[8:16], 2)])


@pytest.mark.parametrize("kind", range(10))
@pytest.mark.parametrize(("header", "idc"), [(0x65, 3), (0x41, 2), (0x21, 1), (0x01, 0)])
@pytest.mark.parametrize("length", [0, 2, 4])
def test_reference_idc_and_type_of_the_first_slice(kind, header, idc, length):
    units = [b"\x09\xf0", b"\x06\x05\x01", slice_of(header, kind), slice_of(header, 7)]
    packet = b"".join((len(u).to_bytes(length, "big") if length else START) + u for u in units)
    assert look(packet, length) == (idc, (P, B, I, P, I)[kind % 5])


def test_an_access_unit_may_begin_with_a_long_sei():
    packet = START + b"\x06\x05" + b"x" * 700 + b"\0\0\1" + slice_of(0x65, 7)
    assert look(packet) == (3, I)


@pytest.mark.parametrize("packet", [b"", b"\0\0\1", b"\0\0\1\x65", START + b"\x09\xf0", b"\xff" * 300])
@pytest.mark.parametrize("length", [0, 4])
def test_no_slice_is_unknown(packet, length):
    assert look(packet, length) == UNKNOWN


def test_a_picture_whose_first_slice_is_lost_has_no_type():
    assert look(START + b"\x41\x40\x00") == (2, -1)  # first_mb_in_slice is not 0


@pytest.mark.parametrize("name", ["mp4", "flv"])
def test_lengths_become_start_codes(name):
    with av.open(str(sample(name))) as container:
        stream = container.streams.video[0]
        record = bytes(stream.codec_context.extradata)
        length, sets = length_size(record), sets_of_record(record)
        decoder = av.CodecContext.create("h264", "r")
        packets = [p for p in container.demux(stream) if p.size]
        looks = [look(p, length) for p in packets]
        plain = [annex_b(bytes(p), length) for p in packets]
    assert length == 4
    assert [look(p) for p in plain] == looks
    assert UNKNOWN not in looks
    frames = []
    for data in [sets + plain[0], *plain[1:]]:
        frames += decoder.decode(av.Packet(data))
    frames += decoder.decode(None)
    assert len(frames) == len(packets)
    assert not any(f.is_corrupt for f in frames)


def test_what_is_cut_off_stays_cut_off():
    assert annex_b(b"\0\0\0\x03abc\0\0\0\x09de", 4) == START + b"abc" + START + b"de"
    assert annex_b(b"\0\0", 4) == b""


@pytest.mark.parametrize("extradata", [None, b"", b"\1\x64", START + b"\x67\x64\0\x1e\1\2\3"])
def test_other_extradata_has_no_lengths(extradata):
    assert length_size(extradata) == 0
