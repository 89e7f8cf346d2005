"""The endless stream: what libavformat, which did not write it, reads from it."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import av
import media
import pytest
from faultsource import Faults, open_loop
from faultsource.ts import WRAP, read_stamp, write_pcr, write_stamp
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from faultsource.loop import Loop

NONE = Faults()
LOOPING = ("source", "small", "other_size", "other_rate", "flv")


def stretch(loop: Loop, laps: float, faults: Faults = NONE, copy: int = 0) -> bytes:
    return loop.head + loop.render(0, int(loop.size * laps), faults.first_timestamp, copy, faults)


def packets(data: bytes, suffix: str) -> dict[int, list[tuple[float, float]]]:
    """(dts, duration) in seconds by stream, as demuxed."""
    found: dict[int, list[tuple[float, float]]] = {}
    with av.open(io.BytesIO(data), format={".ts": "mpegts", ".flv": "flv"}[suffix]) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None:
                base: Any = packet.time_base
                span = (float(packet.dts * base), float((packet.duration or 0) * base))
                found.setdefault(packet.stream_index, []).append(span)
    return found


def counters_broken(data: bytes) -> int:
    """Continuity errors: packets with payload whose counter is not the one before plus one, per PID."""
    last: dict[int, int] = {}
    broken = 0
    for at in range(0, len(data), 188):
        pid, counter = (data[at + 1] & 0x1F) << 8 | data[at + 2], data[at + 3] & 15
        if data[at + 3] & 0x10:
            broken += pid in last and counter != last[pid] + 1 & 15
            last[pid] = counter
    return broken


@pytest.mark.parametrize("name", LOOPING)
def test_dts_rises_without_a_seam_over_two_laps(name: str) -> None:
    loop = open_loop(media.sample(name))
    for spans in packets(stretch(loop, 2), loop.suffix).values():
        steps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(spans)]
        assert min(steps) > 0
        assert max(steps) < 0.05 if loop.suffix == ".ts" else max(steps) < 0.08
    assert len(packets(stretch(loop, 2), loop.suffix)) == 2


@pytest.mark.parametrize("name", [name for name in LOOPING if name != "flv"])
def test_continuity_counters_run_on(name: str) -> None:
    loop = open_loop(media.sample(name))
    assert counters_broken(stretch(loop, 3)) == 0
    assert counters_broken(stretch(loop, 1) * 2) > 0  # the check can fail


def test_pictures_of_two_laps_are_all_there_once_in_order(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    shown = media.pictures(io.BytesIO(stretch(loop, 2)), format="mpegts")
    assert shown == [*range(128), *range(128)]


def test_timestamps_start_where_the_faults_say(small_sample: Any) -> None:
    data = stretch(open_loop(small_sample), 0.5, Faults(first_timestamp=1000.0))
    assert min(spans[0][0] for spans in packets(data, ".ts").values()) == pytest.approx(1000.0)


def test_timestamps_wrap_at_33_bits(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    data = stretch(loop, 1, Faults(first_timestamp=media.WRAP - 1))
    firsts = [dts for spans in packets(data, ".ts").values() for dts, _ in spans]
    assert max(firsts) - min(firsts) < 6 or max(firsts) - min(firsts) > media.WRAP - 6
    assert any(read_stamp(data, at) < 5 * 90000 for at in pes_stamps(data))
    assert any(read_stamp(data, at) > WRAP - 2 * 90000 for at in pes_stamps(data))


def pes_stamps(data: bytes) -> list[int]:
    """Where the PTS fields are, found another way than the loop finds them."""
    found, at = [], data.find(b"\0\0\1\xe0")
    while at >= 0:
        if data[at + 7] & 0x80:
            found.append(at + 9)
        at = data.find(b"\0\0\1\xe0", at + 1)
    return found


@given(st.integers(0, WRAP - 1), st.integers(0, 3))
def test_a_written_stamp_reads_back(value: int, mark: int) -> None:
    field = bytearray([mark << 4, 0, 0, 0, 0])
    write_stamp(field, 0, value)
    assert read_stamp(field, 0) == value
    assert field[0] >> 4 == mark
    assert field[0] & field[2] & field[4] & 1  # marker bits


@given(st.integers(0, WRAP - 1), st.integers(0, 511))
def test_a_written_pcr_keeps_its_extension(base: int, extension: int) -> None:
    field = bytearray(6)
    field[4:6] = (0x7E00 | extension).to_bytes(2, "big")
    write_pcr(field, 0, base)
    whole = int.from_bytes(field, "big")
    assert (whole >> 15, whole >> 9 & 63, whole & 511) == (base, 63, extension)


@given(st.data())
def test_any_cut_of_the_stream_is_that_stretch_of_the_whole(data: st.DataObject) -> None:
    loop = open_loop(media.sample("small"))
    faults = Faults(damage=0.01, damage_kinds=("flip", "zero"))
    begin = data.draw(st.integers(0, 2 * loop.size))
    middle = data.draw(st.integers(begin, begin + 5000))
    end = data.draw(st.integers(middle, middle + 5000))
    whole = loop.render(begin, end, 0.0, 1, faults)
    assert len(whole) == end - begin
    assert loop.render(begin, middle, 0.0, 1, faults) + loop.render(middle, end, 0.0, 1, faults) == whole


@given(st.floats(0, 100))
def test_what_is_due_at_a_time_is_due_at_that_position(time: float) -> None:
    loop = open_loop(media.sample("small"))
    position = loop.at(time)
    assert loop.due(position) > time - 1e-6
    assert position == 0 or loop.due(position - 1) <= time + 1e-6


def test_each_picture_is_due_at_its_turn(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    assert len(loop.sent) == 128
    lateness = [sent - number / 25 for number, sent in enumerate(loop.sent)]
    assert max(lateness) - min(lateness) <= 0.2  # two B frames are sent after the picture that follows them


def test_a_sample_that_is_not_one_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "noise.ts"
    path.write_bytes(b"not a transport stream" * 100)
    with pytest.raises((ValueError, av.FFmpegError)):
        open_loop(path)
