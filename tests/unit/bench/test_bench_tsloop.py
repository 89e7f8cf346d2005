"""A looped transport stream: times rise at every joint, counters go on, and a demuxer notices nothing."""

from __future__ import annotations

import io
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.tsloop import TsLoop, read_stamp, write_clock, write_stamp
from edge.errors import SourceError

stamps = st.integers(0, 2**33 - 1)


@given(stamps, st.sampled_from([0x20, 0x30, 0x10]))
def test_a_stamp_is_read_as_it_was_written(value: int, prefix: int) -> None:
    data = bytearray([prefix | 1, 0, 1, 0, 1])
    write_stamp(data, 0, value)
    assert read_stamp(data, 0) == value
    assert data[0] & 0xF0 == prefix
    assert all(data[n] & 1 for n in (0, 2, 4))  # marker bits


@given(stamps, st.integers(0, 511))
def test_a_clock_keeps_its_extension(value: int, extension: int) -> None:
    data = bytearray(4) + (0x7E00 | extension).to_bytes(2, "big")
    write_clock(data, 0, value)
    assert int.from_bytes(data[:4], "big") << 1 | data[4] >> 7 == value
    assert (data[4] & 1) << 8 | data[5] == extension


@pytest.fixture(name="loop")
def _loop(small_sample: Path) -> TsLoop:
    return TsLoop(small_sample.read_bytes())


def laps(loop: TsLoop, count: int, first: int = 0) -> bytes:
    return b"".join(bytes(loop.lap(n)) for n in range(first, first + count))


def test_one_lap_is_the_sample_and_its_length_is_known(loop: TsLoop, small_sample: Path) -> None:
    assert loop.seconds == pytest.approx(5.12, abs=0.02)
    assert bytes(loop.lap(0)) == small_sample.read_bytes()


def test_three_laps_are_one_stream(loop: TsLoop) -> None:
    times = defaultdict(list)
    with av.open(io.BytesIO(laps(loop, 3)), format="mpegts") as source:
        for packet in source.demux():
            if packet.size:
                assert not packet.is_corrupt
                times[packet.stream.type].append(packet.dts)
    assert len(times["video"]) == 3 * 128
    assert {b - a for a, b in pairwise(times["video"])} == {3600}
    assert max(b - a for a, b in pairwise(times["audio"])) <= 1920 + 90
    assert min(b - a for a, b in pairwise(times["audio"])) > 0


def test_counters_go_on_at_the_joint(loop: TsLoop) -> None:
    data, last = laps(loop, 4), {}
    for at in range(0, len(data), 188):
        pid, payload = (data[at + 1] & 0x1F) << 8 | data[at + 2], data[at + 3] & 0x10
        if payload:
            assert data[at + 3] & 15 == (last.get(pid, data[at + 3] - 1) + 1) & 15
            last[pid] = data[at + 3] & 15


def test_a_late_lap_wraps(loop: TsLoop) -> None:
    """33 bits of 90 kHz end after 26.5 hours."""
    lap = int(2**33 / 90_000 / loop.seconds) + 1
    with av.open(io.BytesIO(laps(loop, 1, lap)), format="mpegts") as source:
        assert sum(1 for packet in source.demux(video=0) if packet.size) == 128


@pytest.mark.parametrize("data", [b"", b"x" * 1880, b"G" + bytes(187)])
def test_what_is_no_transport_stream_is_said(data: bytes) -> None:
    with pytest.raises(SourceError, match="expected"):
        TsLoop(data)
