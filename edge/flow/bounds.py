"""How much a ring keeps."""

from __future__ import annotations

import msgspec


class Bounds(msgspec.Struct, frozen=True):
    """What a ring keeps, in bytes of payload and overhead. In this order, the first that applies decides:

    - never more than `most`;
    - always `least`;
    - everything from the last `keys` keyframes on: with 2 a newcomer finds one and a viewer may lag a whole GOP;
    - `seconds` of media, within `usual`.

    So the rate of the stream decides: at 320 kb/s it is the seconds (0.4 MB), at 5 Mb/s with a keyframe every 2 s the
    GOPs (1.3 to 2.6 MB). `most` is for GOPs that are no streaming: over it newcomers wait for the next keyframe.
    """

    least: int = 256 << 10
    usual: int = 1 << 20
    most: int = 16 << 20
    seconds: float = 8.0
    keys: int = 2

    @classmethod
    def flat(cls, size: int) -> Bounds:
        """Up to `size` bytes, whatever they are."""
        return cls(size, size, size)

    def within(self, most: int) -> Bounds:
        """The same where there is room for no more than `most` bytes."""
        return Bounds(min(self.least, most), min(self.usual, most), min(self.most, most), self.seconds, self.keys)

    def tight(self) -> Bounds:
        """Where memory is short: what a newcomer needs to begin, and no less than a second, which is what lies between
        two visits of a busy loop to its slowest viewer."""
        return Bounds(min(self.least, 64 << 10), min(self.usual, 512 << 10), self.most, min(self.seconds, 1.0), 1)
