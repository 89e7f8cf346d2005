"""The segments of a live playlist, their numbers, and those that just left it."""

from __future__ import annotations

from collections import deque

import msgspec

from edge.flow.segment import Piece

# Of a channel's segments, listed and kept. How many they are is a matter of seconds (R10, R15: 26 s with segments of
# 2 s, 52 s with 4 s, 130 s with 10 s), so that the stream's rate decides what they take: 1 MB at 320 kb/s, 20 MB at
# 6 Mb/s. The bound is for what is no rate for a small host: over 20, 10, and 4 Mb/s.
MAX_BYTES = 64 << 20


class Segment(msgspec.Struct, gc=False):
    """A piece with its media sequence number. `held`: seconds of the longest playlist that listed it."""

    msn: int
    piece: Piece
    size: int
    held: float = 0.0
    until: float = float("inf")  # monotonic seconds; set when it leaves the playlist


class WindowStats(msgspec.Struct, frozen=True):
    """`early`: segments dropped before their time (R15), `starved`: removed although too little was left (R10)."""

    listed: int
    kept: int
    bytes: int
    max_bytes: int
    msn: int
    discontinuity_sequence: int
    early: int
    starved: int


class Window:
    """`size` segments, and more while the rest would be under three target durations (R10).

    A segment that leaves the playlist can be fetched for its own duration and that of the longest playlist that held it
    (R15). At most `max_kept` of them stay, and all segments together within `max_bytes`: the oldest go first. `size`
    and `max_bytes` may be changed; the next segment finds them in force.
    """

    def __init__(
        self, target_duration: int, msn: int, discontinuity_sequence: int, size: int = 6, max_bytes: int = MAX_BYTES
    ) -> None:
        self.target_duration = target_duration
        self.size = size
        self.max_kept = 64
        self.msn = msn  # of the first listed
        self.discontinuity_sequence = discontinuity_sequence  # of the first listed
        self.segments: deque[Segment] = deque()
        self.max_bytes = max_bytes
        self._kept: deque[Segment] = deque()
        self._bytes = 0
        self._early = 0
        self._starved = 0

    @property
    def held(self) -> int:
        """Of all segments, listed and kept."""
        return self._bytes

    @property
    def next_msn(self) -> int:
        return self.msn + len(self.segments)

    @property
    def next_discontinuity_sequence(self) -> int:
        """A number no segment of this window belongs to yet."""
        if not self.segments:
            return self.discontinuity_sequence
        return self.discontinuity_sequence + sum(s.piece.discontinuity for s in self.segments) + 1

    @property
    def duration(self) -> float:
        return sum(s.piece.duration for s in self.segments)

    def append(self, piece: Piece, now: float) -> Segment:
        """Lists `piece` as the newest segment and lets the oldest go as far as the rules allow."""
        segment = Segment(self.next_msn, piece, sum(map(len, piece.chunks)))
        self.segments.append(segment)
        self._bytes += segment.size
        while len(self.segments) > self.size and self._rest() >= 3 * self.target_duration:
            self._leave(now)
        self._hold()
        self.expire(now)
        self._shrink(now)
        return segment

    def _rest(self) -> float:
        return self.duration - self.segments[0].piece.duration

    def _hold(self) -> None:
        duration = self.duration
        for segment in self.segments:
            segment.held = max(segment.held, duration)

    def _leave(self, now: float) -> None:
        segment = self.segments.popleft()
        segment.until = now + segment.piece.duration + segment.held
        self._kept.append(segment)
        self.msn += 1
        self.discontinuity_sequence += segment.piece.discontinuity

    def _shrink(self, now: float) -> None:
        while len(self._kept) > self.max_kept or (self._kept and self._bytes > self.max_bytes):
            self._bytes -= self._kept.popleft().size
            self._early += 1
        while self._bytes > self.max_bytes and len(self.segments) > 1:
            self._leave(now)
            self._bytes -= self._kept.pop().size
            self._starved += 1

    def expire(self, now: float) -> None:
        """Drops what no player may still ask for."""
        while self._kept and self._kept[0].until <= now:
            self._bytes -= self._kept.popleft().size

    def get(self, msn: int) -> Segment | None:
        """The segment of that number while it can be fetched; a gap never can."""
        for segments in (self.segments, self._kept):
            if segments and 0 <= msn - segments[0].msn < len(segments):
                segment = segments[msn - segments[0].msn]
                return None if segment.piece.gap else segment
        return None

    def stats(self) -> WindowStats:
        return WindowStats(
            len(self.segments),
            len(self._kept),
            self._bytes,
            self.max_bytes,
            self.msn,
            self.discontinuity_sequence,
            self._early,
            self._starved,
        )
