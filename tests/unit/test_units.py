"""Quantities as people write them."""

from __future__ import annotations

import pytest

from edge.units import BitRate, Bytes, Quantity, Seconds, dec_hook, show_bytes, show_rate


@pytest.mark.parametrize(
    ("cls", "text", "number"),
    [
        (BitRate, "256k", 256_000),
        (BitRate, "256K", 256_000),
        (BitRate, "1.5M", 1_500_000),
        (BitRate, "10 Mb/s", 10_000_000),
        (BitRate, " 64kb/s ", 64_000),
        (BitRate, 256_000, 256_000),
        (BitRate, 0.6, 1),
        (Bytes, "64MiB", 64 * 2**20),
        (Bytes, "500G", 500 * 10**9),
        (Bytes, "500GB", 500 * 10**9),
        (Bytes, "1Ti", 2**40),
        (Bytes, "12", 12),
        (Seconds, "6s", 6.0),
        (Seconds, "250ms", 0.25),
        (Seconds, "2m", 120.0),
        (Seconds, "1.5h", 5400.0),
        (Seconds, "1d", 86400.0),
        (Seconds, 3, 3.0),
    ],
)
def test_what_is_written_is_meant(cls: type[Quantity], text: object, number: float) -> None:
    value = dec_hook(cls, text)
    assert value == number
    assert type(value) is cls


@pytest.mark.parametrize("cls", [BitRate, Bytes, Seconds])
@pytest.mark.parametrize(
    "value", ["", "x", "k", "1x", "1 2", "-1", "1e5", "0x10", "١k", "1kk", True, -1, 2**63, float("nan"), None, [], {}]
)
def test_what_means_nothing_is_refused_with_an_example(cls: type[Quantity], value: object) -> None:
    with pytest.raises(ValueError, match="such as"):
        cls.read(value)


@pytest.mark.parametrize("text", ["6", "6S", "6 seconds"])
def test_a_duration_needs_its_unit(text: str) -> None:
    with pytest.raises(ValueError, match="a duration"):
        Seconds.read(text)


def test_other_types_are_not_of_this_module() -> None:
    with pytest.raises(NotImplementedError):
        dec_hook(complex, "1")


@pytest.mark.parametrize(
    ("bits", "text"),
    [(0, "0 b/s"), (999, "999 b/s"), (256_000, "256 kb/s"), (1_500_000, "1.5 Mb/s"), (2e9, "2 Gb/s")],
)
def test_rates_are_shown_as_written(bits: float, text: str) -> None:
    assert show_rate(bits) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (2**20, "1.0 MiB"), (2.5 * 2**30, "2.5 GiB")]
)
def test_sizes_are_shown_in_binary_units(count: float, text: str) -> None:
    assert show_bytes(count) == text
