from __future__ import annotations

import pytest

from edge.serve.admission import Admission, Load

NOVEMBER = 1_795_000_000.0  # 2026-11-18
DECEMBER = NOVEMBER + 20 * 86400


@pytest.mark.parametrize(
    ("bounds", "load", "rate", "refused"),
    [
        ({}, Load(10**6, 1e12, 10**6), 1e9, None),
        ({"max_viewers": 3}, Load(2, 0, 2), 1, None),
        ({"max_viewers": 3}, Load(3, 0, 1), 1, "viewers"),
        ({}, Load(9, 0, 4, channel_max=5), 1, None),
        ({}, Load(9, 0, 5, channel_max=5), 1, "channel_viewers"),
        ({"egress": 1000}, Load(1, 600, 1), 400, None),
        ({"egress": 1000}, Load(1, 601, 1), 400, "egress"),
        ({"egress": 1000}, Load(0, 0, 0), 1001, "egress"),
    ],
)
def test_each_bound(bounds, load, rate, refused):
    assert Admission(**bounds).refusal(load, rate, NOVEMBER) == refused


def test_traffic_is_warned_of_and_said_to_be_used_up_once_a_month():
    admission = Admission(traffic_per_month=1000)
    nobody = Load(0, 0, 0)
    assert admission.count(799, NOVEMBER) is None
    assert admission.count(1, NOVEMBER) == "near"
    assert admission.count(199, NOVEMBER) is None
    assert admission.refusal(nobody, 1, NOVEMBER) is None
    assert admission.count(1, NOVEMBER) == "used_up"
    assert admission.count(1, NOVEMBER) is None
    assert admission.refusal(nobody, 1, NOVEMBER) == "traffic"
    assert admission.refusal(nobody, 1, DECEMBER) is None
    assert admission.count(900, DECEMBER) == "near"
    assert admission.traffic(DECEMBER) == 900


def test_traffic_outlives_the_process_and_a_clock_set_back():
    admission = Admission(traffic_per_month=1000)
    admission.count(600, NOVEMBER)
    admission.count(5, DECEMBER)
    admission.count(100, NOVEMBER)
    again = Admission(traffic_per_month=1000)
    again.restore(admission.snapshot())
    assert (again.traffic(NOVEMBER), again.traffic(DECEMBER)) == (700, 5)


def test_a_clock_that_jumps_about_does_not_grow_it():
    admission = Admission()
    for month in range(40):
        admission.count(1, NOVEMBER + month * 31 * 86400 * (-1) ** month)
        assert len(admission.snapshot()) <= 3
        assert admission.traffic(NOVEMBER + month * 31 * 86400 * (-1) ** month) == 1


def test_a_damaged_file_gives_what_is_sound_in_it():
    admission = Admission()
    admission.restore(
        {"2026-11": 5, "2026-13": 7, "x" * 999: 1, "2026-12": -1, **{f"2025-{m:02}": m for m in range(1, 13)}}
    )
    assert admission.snapshot() == {"2025-11": 11, "2025-12": 12, "2026-11": 5}


def test_what_the_line_bears() -> None:
    assert Admission(egress=1000).bears(1000.0)
    assert not Admission(egress=1000).bears(1001.0)
    assert Admission().bears(1e12)
