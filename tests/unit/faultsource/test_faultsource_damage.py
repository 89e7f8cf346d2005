"""Damage and missing tracks: as much as asked for, the same with the same seed."""

from __future__ import annotations

from typing import Any

import pytest
from faultsource import Faults, open_loop
from faultsource.damage import spoiled
from hypothesis import given
from hypothesis import strategies as st

KINDS = ("flip", "zero", "drop")


def differing(left: bytes, right: bytes) -> int:
    return sum(left[at : at + 188] != right[at : at + 188] for at in range(0, len(left), 188))


@given(st.integers(), st.integers(0, 100), st.floats(0.0005, 0.5))
def test_the_share_of_damaged_units_is_the_one_asked_for(seed: int, lap: int, share: float) -> None:
    units = 40_000
    found = spoiled(seed, 1, lap, units, share, KINDS)
    spread = 6 * (units * share * (1 - share)) ** 0.5
    assert abs(len(found) - units * share) <= spread
    assert all(0 <= unit < units for unit in found)


def test_all_and_nothing() -> None:
    assert spoiled(1, 1, 1, 50, 0.0, KINDS) == {}
    assert len(spoiled(1, 1, 1, 50, 1.0, KINDS)) == 50


def test_the_same_seed_damages_alike_and_another_does_not(small_sample: Any) -> None:
    loop = open_loop(small_sample)

    def show(**fields: Any) -> bytes:
        return loop.render(0, loop.size, 0.0, 3, Faults(damage=0.01, **fields))

    assert show(seed=7) == show(seed=7)
    assert show(seed=7) != show(seed=8)


def test_a_copy_is_damaged_on_its_own_unless_told(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    clean = loop.render(0, loop.size, 0.0, 1, Faults())
    for apart in (True, False):
        faults = Faults(damage=0.01, damage_kinds=("flip",), damage_per_copy=apart)
        first, second = (loop.render(0, loop.size, 0.0, copy, faults) for copy in (1, 2))
        assert (first == second) is not apart
        assert differing(first, clean) > 0


def test_each_kind_of_damage_leaves_the_packet_header(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    clean = loop.render(0, loop.size, 0.0, 1, Faults())
    for kind in ("flip", "zero"):
        spoilt = loop.render(0, loop.size, 0.0, 1, Faults(damage=0.05, damage_kinds=(kind,)))
        assert len(spoilt) == len(clean)
        assert differing(spoilt, clean) > 10
        assert all(spoilt[at : at + 4] == clean[at : at + 4] for at in range(0, len(clean), 188))


def test_dropped_packets_are_gone_and_nothing_else(small_sample: Any) -> None:
    loop = open_loop(small_sample)
    clean = loop.render(0, loop.size, 0.0, 1, Faults())
    faults = Faults(damage=0.05, damage_kinds=("drop",))
    lost = spoiled(0, 1, 0, len(loop.times), 0.05, ("drop",))
    kept = [clean[at : at + 188] for at in range(0, len(clean), 188) if at // 188 not in lost]
    assert loop.render(0, loop.size, 0.0, 1, faults) == b"".join(kept)


@pytest.mark.parametrize("which", ["audio", "video"])
def test_a_muted_track_is_missing_for_its_time_only(small_sample: Any, which: Any) -> None:
    loop = open_loop(small_sample)
    clean = loop.render(0, loop.size, 0.0, 1, Faults())
    muted = loop.render(0, loop.size, 0.0, 1, Faults(mute=((1.0, 2.0, which),)))
    pid = {"video": 0x100, "audio": 0x101}[which]

    def times(data: bytes) -> list[int]:
        return [at for at in range(0, len(data), 188) if (data[at + 1] & 0x1F) << 8 | data[at + 2] == pid]

    wanted = [at for at in times(clean) if not 1.0 <= loop.due(at) < 2.0]
    assert len(times(muted)) == len(wanted)
    assert len(clean) - len(muted) == 188 * (len(times(clean)) - len(wanted)) > 0
