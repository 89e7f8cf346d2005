"""Which frames need not be decoded, because nobody will see them and nothing refers to them. Pure.

At 15 of 50 frames/s most frames are only decoded to be dropped. Those that no other frame refers to (a third of the
judged stream) can be left out before the decoder: the output is the same to the bit.
"""

from __future__ import annotations

from edge.media.overlap import TICKS

_STEADY = 16  # equal steps in a row before a frame's place in its slot is known beforehand


class Unshown:
    """Tells, before decoding, which frames come second or later in their slot of 1/fps s. Only while the source's steps
    are equal: else a frame's slot may be empty but for it."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._last = 0
        self._step = 0
        self._steady = 0

    def note(self, dts: int) -> None:
        """The next packet in decoding order."""
        step, self._last = dts - self._last, dts
        self._steady = self._steady + 1 if step == self._step else 0
        self._step = step

    def unshown(self, pts: int) -> bool:
        """Whether the frame before the one at `pts` ticks lies in the same slot."""
        if self._steady < _STEADY:
            return False
        return int(pts * self._fps) // TICKS == int((pts - self._step) * self._fps) // TICKS
