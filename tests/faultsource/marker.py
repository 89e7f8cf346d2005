"""A number drawn into a picture so that it can be read back after scaling and a low bit rate.

The strip takes the upper tenth of the picture: 40 equal cells, white = 1: two guards (1, 0), 32 bits of the number, six
check bits. At 352x240 a cell is 8 pixels wide, one DCT block, which x264 keeps even at a few kilobits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CELLS = 40
SHARE = 10  # the strip's height is the picture's divided by this
_WHITE, _BLACK, _GREY = 235, 16, 128


def check(number: int) -> int:
    """CRC-6 (x^6 + x + 1) of 32 bits: it sees any one and any two wrong cells."""
    rest = number << 6
    for bit in range(37, 5, -1):
        if rest >> bit & 1:
            rest ^= 0b1000011 << (bit - 6)
    return rest


def cells(number: int) -> list[bool]:
    """The strip from left to right."""
    bits = f"10{number & 0xFFFFFFFF:032b}{check(number & 0xFFFFFFFF):06b}"
    return [bit == "1" for bit in bits]


def number(strip: Sequence[bool]) -> int | None:
    """The number a strip carries, None when guards or check bits are wrong."""
    text = "".join("1" if cell else "0" for cell in strip)
    if len(text) != CELLS or not text.startswith("10"):
        return None
    value = int(text[2:34], 2)
    return value if check(value) == int(text[34:], 2) else None


def draw(frame: Any, value: int) -> None:
    """Write `value` into a yuv420p PyAV frame, in place."""
    row = b"".join(
        bytes([_WHITE if cell else _BLACK]) * ((i + 1) * frame.width // CELLS - i * frame.width // CELLS)
        for i, cell in enumerate(cells(value))
    )
    rows = frame.height // SHARE & ~1
    _paint(frame.planes[0], row, rows)
    for plane in frame.planes[1:3]:
        _paint(plane, bytes([_GREY]) * plane.width, rows // 2)


def _paint(plane: Any, row: bytes, rows: int) -> None:
    pixels = memoryview(plane)
    for y in range(rows):
        pixels[y * plane.line_size : y * plane.line_size + len(row)] = row


def read(frame: Any) -> int | None:
    """The number in a PyAV frame whose first plane is 8-bit luma, of any size."""
    plane = frame.planes[0]
    pixels = memoryview(plane)
    middle = frame.height // SHARE // 2
    rows = [y * plane.line_size for y in (middle - 1, middle, middle + 1)]
    strip = []
    for i in range(CELLS):
        x = (2 * i + 1) * frame.width // (2 * CELLS)
        strip.append(sum(pixels[row + x + dx] for row in rows for dx in (-1, 0, 1)) > 9 * _GREY)
    return number(strip)


def unwrap(numbers: Sequence[int], modulus: int) -> list[int]:
    """Numbers that start again at `modulus` as ones that go on: each step is taken as the shorter way round."""
    result: list[int] = []
    for value in numbers:
        last = result[-1] if result else value
        step = (value - last + modulus // 2) % modulus - modulus // 2
        result.append(last + step)
    return result
