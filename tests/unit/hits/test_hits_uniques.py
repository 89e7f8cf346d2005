from __future__ import annotations

import math
import random
from hashlib import blake2b

import pytest

from edge.hits.uniques import EMPTY, MAX_RANK, REGISTERS, estimate, place


def registers(keys: list[bytes]) -> bytes:
    found = bytearray(EMPTY)
    for key in keys:
        register, rank = place(key)
        found[register] = max(found[register], rank)
    return bytes(found)


def keys(run: int, number: int) -> list[bytes]:
    secret = run.to_bytes(4, "big")
    return [blake2b(i.to_bytes(4, "big"), key=secret, digest_size=8).digest() for i in range(number)]


@pytest.mark.parametrize(
    ("number", "placed"),
    [
        (0, (0, MAX_RANK)),
        (2**64 - 1, (REGISTERS - 1, 1)),
        (1 << 52, (1, MAX_RANK)),
        (1 << 51, (0, 1)),
        (1, (0, MAX_RANK - 1)),
        ((5 << 52) + (1 << 49), (5, 3)),
    ],
)
def test_the_first_bits_choose_the_register_and_zeros_after_them_the_rank(number: int, placed: tuple[int, int]) -> None:
    assert place(number.to_bytes(8, "big")) == placed


def test_nobody_is_zero() -> None:
    assert estimate(EMPTY) == 0


@pytest.mark.parametrize("number", [1, 2, 3, 10, 30])
def test_a_few_are_counted_almost_to_the_last(number: int) -> None:
    """Two of 30 share a register once in ten times."""
    assert all(abs(round(estimate(registers(keys(run, number)))) - number) <= number // 10 for run in range(10))


@pytest.mark.parametrize(("number", "runs"), [(1_000, 60), (20_000, 20)])
def test_the_error_is_what_the_theory_says(number: int, runs: int) -> None:
    """`bench/uniques.py` does 200 runs up to a million. An RMS of so few runs is itself off by 1 / sqrt(2 runs)."""
    errors = [estimate(registers(keys(run, number))) / number - 1 for run in range(runs)]
    rms = math.sqrt(sum(e * e for e in errors) / runs)
    assert rms < 1.04 / math.sqrt(REGISTERS) * (1 + 2.5 / math.sqrt(2 * runs))
    assert abs(sum(errors) / runs) < 0.01


def test_a_key_that_comes_again_changes_nothing() -> None:
    assert registers(keys(1, 500) * 3) == registers(keys(1, 500))


def test_full_registers_are_very_many_not_an_error() -> None:
    assert estimate(bytes([MAX_RANK]) * REGISTERS) == math.inf
    assert estimate(bytes([MAX_RANK]) * (REGISTERS - 1) + b"\0") > 1e6


@pytest.mark.parametrize("damaged", [b"", EMPTY[1:], EMPTY + b"\0", EMPTY[1:] + b"\x36", b"\xff" * REGISTERS])
def test_damaged_registers_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        estimate(damaged)


def test_more_keys_are_never_fewer() -> None:
    rng = random.Random(5)
    found = bytearray(EMPTY)
    last = 0.0
    for _ in range(300):
        register, rank = place(rng.randbytes(8))
        found[register] = max(found[register], rank)
        now = estimate(bytes(found))
        assert now >= last
        last = now
