"""Which units of the endless stream are damaged, and how: a pure function of seed, copy and lap."""

from __future__ import annotations

import math
import random
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faultsource.faults import Damage


@lru_cache(maxsize=16)
def spoiled(seed: int, copy: int, lap: int, units: int, share: float, kinds: tuple[Damage, ...]) -> dict[int, Damage]:
    """Damaged units of one lap. The distances between them are geometric, so the cost is that of the damage alone."""
    if share <= 0:
        return {}
    draw = random.Random(f"{seed}/{copy}/{lap}")
    if share >= 1:
        return {unit: draw.choice(kinds) for unit in range(units)}
    found: dict[int, Damage] = {}
    unit = -1
    while True:
        unit += 1 + int(math.log(1.0 - draw.random()) / math.log(1.0 - share))
        if unit >= units:
            return found
        found[unit] = draw.choice(kinds)


def spoil(body: memoryview, how: Damage, seed: str) -> None:
    """Damage the payload of one unit in place ("drop" is the caller's business)."""
    if how == "zero":
        body[:] = bytes(len(body))
        return
    draw = random.Random(seed)
    for _ in range(max(1, len(body) // 16)):
        body[draw.randrange(len(body))] ^= draw.randrange(1, 256)
