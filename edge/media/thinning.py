"""Which packets of a video stream need not reach the decoder, for the work in hand. Pure; ticks of 1/90000 s.

A picture that is left out spoils those that refer to it, up to the next keyframe: they are left out as well. So what
is shown is always whole, also after the work has changed.
"""

from __future__ import annotations

from typing import Literal

from edge.media.ladder import FULL, PATIENT, Work
from edge.media.overlap import TICKS
from edge.media.slices import B

STILL_EVERY = 10 * TICKS
GOP = 2 * TICKS  # until one has been seen
INTRA = 16  # keyframes in a row: there is nothing else

Verdict = Literal["decode", "leave", "last"]


class Thinning:
    """Asked for each packet in decoding order. `work` changes as soon as the stream permits."""

    def __init__(self) -> None:
        self.work = FULL
        self._next: Work | None = None  # from the next keyframe on
        self._b_referred = True
        self.fields = False  # a picture may come as two packets
        self.broken = False  # pictures are missing that the coming ones refer to
        self._stale = False  # likewise, but only B pictures refer to them
        self._fed = False  # the decoder may hold pictures back
        self._leading: int | None = None  # pictures shown before this refer to what was left out
        self._key_at: int | None = None  # or, before the first keyframe, where the stream began
        self._gop = GOP
        self._since_key = self._keys = 0
        self._next_still = 0
        self._loop_filter = FULL.loop_filter  # of the decoder

    def take(self, work: Work) -> None:
        """Leaves out more at once; less only when nothing that is missing is referred to."""
        climbs = work.depth < self.work.depth and (self.broken or self._stale)
        reopens = work.depth == self.work.depth and work.loop_filter != self.work.loop_filter
        if climbs or reopens:
            self._next = work
        else:
            self.work, self._next = work, None

    def know(self, *, b_referred: bool) -> None:
        """Whether P pictures may refer to B pictures. If those are missing already, a keyframe is waited for."""
        self._b_referred = b_referred
        self.broken |= b_referred and self._stale

    def restart(self) -> None:
        """The decoder is new: nothing can be shown before a keyframe, nor what is shown before it."""
        self.broken, self._fed = True, False
        self._next_still = 0

    def decide(
        self, idc: int, kind: int, pts: int, dts: int, *, key: bool, unshown: bool = False, renewed: bool = False
    ) -> Verdict:
        """`idc`, `kind`: see `slices`. `unshown`: nobody will see the picture. `renewed`: the decoder is another from
        this keyframe on. `last`: left out, and nothing comes for the decoder before the next keyframe."""
        if self._key_at is None:
            self._key_at = dts
        if key:
            decodes = self._key(pts, dts, unshown=unshown, renewed=renewed)
        else:
            self._since_key, self._keys = self._since_key + 1, 0
            decodes = self._other(idc, kind, pts, dts, unshown=unshown)
        if decodes:
            self._fed = True
            return "decode"
        if self.broken and self._fed:
            self._fed = False
            return "last"
        return "leave"

    def _key(self, pts: int, dts: int, *, unshown: bool, renewed: bool) -> bool:
        if self._next is not None:
            self.work, self._next = self._next, None
        assert self._key_at is not None  # noqa: S101 - set by decide()
        if 0 < dts - self._key_at < PATIENT * TICKS:
            self._gop = dts - self._key_at
        self._key_at, self._since_key = dts, 0
        self._keys += 1
        early = self.work.video == "still" and dts < self._next_still - self._gop // 2
        if early or (unshown and self._keys > INTRA):
            self.broken = True
            return False
        self._next_still = dts + STILL_EVERY
        renewed, self._loop_filter = renewed or self.work.loop_filter != self._loop_filter, self.work.loop_filter
        self._leading = pts if self.broken or self._stale or renewed else None
        self.broken = self._stale = False
        return True

    def _other(self, idc: int, kind: int, pts: int, dts: int, *, unshown: bool) -> bool:
        if self.broken:
            self._give_up(dts)
        if self.broken or (self._leading is not None and pts < self._leading):
            return False
        if self._over(dts):
            self.broken = True
            return False
        if idc == 0:
            return not unshown and self.work.decode == "all"
        if self.work.decode == "anchors" and kind == B and not self._b_referred:
            self._stale = True
            return False
        return True

    def _give_up(self, dts: int) -> None:
        """A stream that has no keyframes any more is decoded again, spoilt as it may be."""
        assert self._key_at is not None  # noqa: S101 - set by decide()
        if dts - self._key_at > PATIENT * TICKS:
            self.work, self._next = self._next or self.work, None
            self.broken, self._leading = self.work.gop < 1, None

    def _over(self, dts: int) -> bool:
        """Whether the share of the GOP that is decoded lies behind."""
        assert self._key_at is not None  # noqa: S101 - set by decide()
        share = self.work.gop
        return share < 1 and self._since_key > self.fields and dts - self._key_at >= share * self._gop
