"""What the process is expected to take of its host's memory, line by line. Plain values; `edge.config.memory` makes
them."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.flow.bounds import Bounds

MAX_RING = Bounds().most


class Line(msgspec.Struct, frozen=True):
    """One item in bytes, and where the figure is from."""

    name: str
    bytes: int
    why: str


class BudgetPlan(msgspec.Struct, frozen=True):
    """`limit`: what the process may take, None: nothing known bounds it; `source` says which bound that is.

    `lines`: what is taken whatever viewers do. `room`: what that leaves to rings, playlists, viewers and requests;
    never under `least`, what they need at the least, so that a host that is too small still serves somebody.

    `verdict`: fits; slow: up to half of the libraries' pages have no room and are read again and again; full: it is
    worse than that, down to what cannot be dropped; unknown: there is no limit to compare with. `missing` bytes more
    would make it fit. `pages`: of the libraries, among `lines`. `expected`: all but those, with the room used up, as
    far as it is not swapped. `spared`: what compressed swap adds to the limit.
    """

    limit: int | None
    source: str
    lines: tuple[Line, ...]
    least: tuple[Line, ...]
    room: int | None
    verdict: Literal["unknown", "fits", "slow", "full"]
    missing: int
    pages: int
    expected: int
    ring: Bounds
    playlists: dict[str, int]  # bytes a channel's playlist may hold, by channel
    spared: Line
    advice: tuple[str, ...] = ()

    def alarm(self, limit: int) -> int:
        """Within a limit of so many bytes: how much that cannot be dropped means that something must be let go. From
        there on it takes the libraries' pages; where it is planned to, from there on that was not expected."""
        return max(limit - self.pages, self.expected)
