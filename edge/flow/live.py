"""A live playlist over time: chunks in, a window of segments out, on the playlist's own clock (R11). Pure.

```
  chunks -> [learn the GOPs, copy mode only] -> Cutter -> Window -> render
                                    tick: end | gap ----^
```
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import ceil

import msgspec

from edge.flow.ring import OVERHEAD, Chunk
from edge.flow.segment import MIN_SECONDS, Cutter, Piece
from edge.flow.window import MAX_BYTES, Window, WindowStats

TARGET = 2.0
BACKLOG = 8.0  # seconds of media that a new playlist may begin with: what players want before they start
# 2020-01-01 UTC. Media sequence numbers follow the seconds since, so that a later process begins above an earlier one.
# Discontinuity sequence numbers begin at the hours since and rely on `floor`: hls.js 1.7 keeps an array of that length
# and walks it for every segment (60 000: nothing to be seen; the seconds, 217 million: 4 s of processor time each).
EPOCH = 1_577_836_800
# Target durations after which a playlist that did not grow is helped. RFC 8216bis 6.2.2 (R11) allows 1.5; the rest is
# for the timer. Jitter of the source up to 0.8 s costs nothing.
_PATIENCE = 1.4
_MAX_WAITING = 16  # pieces
_LEARN_GOPS = 3
_LEARN_SECONDS = 8.0


class Numbers(msgspec.Struct, frozen=True):
    """The least a new playlist may begin with: an earlier one's `next_numbers`, kept across a restart or a rest."""

    msn: int = 0
    discontinuity_sequence: int = 0


class LiveStats(msgspec.Struct, frozen=True):
    """`dropped` counts chunks, `short` pieces under a second left out, `ended` segments ended for want of media,
    `overtaken` pieces left out because too many waited for their numbers."""

    segments: int
    gaps: int
    ended: int
    short: int
    overtaken: int
    dropped: int
    window: WindowStats | None


class Live:
    """The live playlist of one channel.

    Encoded channels have a keyframe every two seconds and a target duration of 2. In copy mode it is fixed from the
    first GOPs: one and a half times the largest of three, at least 6; nothing is listed before. Pass `target_duration`
    to keep an earlier one (R4: it must not change).

    Media sequence numbers need nothing kept over a restart (R8). None is ever above the wall clock's (seconds since
    EPOCH), and a process begins above the clock as it was when the process began; `age` says how long ago that is. So
    with an age of 8 s a new playlist may list eight segments at once, the newest with the clock's own number; in a
    young process, pieces that come faster than one a second wait for their numbers. Pieces under a second (before a
    discontinuity) are left out instead of waiting. What this does not survive is a wall clock set back between two
    processes: for that, and for the discontinuity sequence, there is `floor`.
    """

    def __init__(
        self,
        now: float,
        wall: float,
        *,
        age: float = 0.0,
        copy: bool = False,
        size: int = 6,
        max_bytes: int = MAX_BYTES,
        floor: Numbers | None = None,
        target_duration: int | None = None,
    ) -> None:
        clock = max(0.0, wall - EPOCH)
        first = int(max(0.0, clock - min(age, BACKLOG)) + 1)
        floor = floor or Numbers()
        self.version = 0  # raised by every new segment
        self.window: Window | None = None
        self._copy = copy
        self._size = size
        self._max_bytes = max_bytes
        self._first = Numbers(max(first, floor.msn), max(int(clock) // 3600, floor.discontinuity_sequence))
        self._zero = now - max(clock, floor.msn)  # when the clock of numbers stood at 0
        self._waiting: deque[Piece] = deque()  # for their numbers
        self._began = now
        self._updated = now
        self._learned: list[Chunk] = []
        self._learned_bytes = 0
        self._marks: set[int] = set()  # places in `_learned`
        self._gaps = self._ended = self._short = self._overtaken = 0
        self._cutter: Cutter | None = None
        if not copy:
            target_duration = int(TARGET)
        if target_duration:
            self._settle(target_duration)

    def _settle(self, target_duration: int) -> None:
        """Fixes the target duration for good. Below its `limit` round(EXTINF) <= target duration, halves up (R3)."""
        limit = float(target_duration) if self._copy else target_duration + 0.499
        self.window = Window(
            target_duration, self._first.msn, self._first.discontinuity_sequence, self._size, self._max_bytes
        )
        self._cutter = Cutter(TARGET, limit, self._max_bytes // 4)

    def bound(self, max_bytes: int, size: int) -> None:
        """Another bound of all the segments in bytes, and of those listed (R10: never under three target durations).
        The next segment finds them in force."""
        self._max_bytes, self._size = max_bytes, size
        if self.window and self._cutter:
            self.window.max_bytes, self.window.size = max_bytes, size
            self._cutter.max_bytes = max_bytes // 4

    @property
    def held(self) -> int:
        """What is held: segments, what waits, what is open."""
        listed = self.window.held if self.window else 0
        opened = self._cutter.held if self._cutter else 0
        return listed + opened + self._waiting_bytes() + self._learned_bytes

    def _waiting_bytes(self) -> int:
        return sum(len(chunk) for piece in self._waiting for chunk in piece.chunks)

    @property
    def target_duration(self) -> int | None:
        return self.window.target_duration if self.window else None

    @property
    def ready(self) -> bool:
        """There is a segment to list."""
        return self.window is not None and bool(self.window.segments)

    @property
    def next_numbers(self) -> Numbers:
        """What the playlist after this one must at least begin with."""
        if not self.window:
            return self._first
        return Numbers(self.window.next_msn, self.window.next_discontinuity_sequence)

    def append(self, chunk: Chunk, now: float) -> None:
        """Takes the next chunk."""
        if self._cutter is None:
            self._learn(chunk, now)
        else:
            self._list(self._cutter.push(chunk, short=self._spare(now) >= 2), now)

    def _learn(self, chunk: Chunk, now: float) -> None:
        if not self._learned and not chunk.key:
            return
        if not self._learned:
            self._began = now
        self._learned.append(chunk)
        self._learned_bytes += len(chunk.data) + OVERHEAD
        gops = sum(c.key for c in self._learned) - 1 if chunk.key else 0
        long = chunk.time - self._learned[0].time >= _LEARN_SECONDS
        if gops >= _LEARN_GOPS or long or self._learned_bytes > self._max_bytes // 4:
            self._decide(now)

    def _decide(self, now: float) -> None:
        keys = [c.time for c in self._learned if c.key] + [self._learned[-1].time]
        largest = max(b - a for a, b in pairwise(keys))
        self._settle(max(6, ceil(min(largest, _LEARN_SECONDS) * 1.5)))
        learned, self._learned = self._learned, []
        self._learned_bytes = 0
        for n, chunk in enumerate(learned):
            if n in self._marks:
                self.part(now)
            self.append(chunk, now)
        self._marks.clear()

    def _spare(self, now: float) -> float:
        """How many numbers the clock has left besides the next piece's. Negative: that one has to wait."""
        return now - self._zero - self.next_numbers.msn - len(self._waiting)

    def _list(self, pieces: list[Piece], now: float) -> None:
        for piece in pieces:
            if piece.duration < MIN_SECONDS and self._spare(now) < 0:
                self._short += 1  # it was ended by a discontinuity: what follows is marked
            else:
                self._put(piece, now)

    def _put(self, piece: Piece, now: float) -> None:
        self._waiting.append(piece)
        self._release(now)
        while self._too_many():
            self._overtake()

    def _too_many(self) -> bool:
        waiting = len(self._waiting)
        return waiting > _MAX_WAITING or (waiting > 1 and self._waiting_bytes() > self._max_bytes // 4)

    def _release(self, now: float) -> None:
        """Lists the pieces whose numbers have come."""
        while self._waiting and self.window and now - self._zero >= self.window.next_msn:
            piece = self._waiting.popleft()
            if piece.discontinuity and not self.version:
                # The first playlist of all continues nothing. Some players hang on a mark there (hls.js 1096).
                piece = msgspec.structs.replace(piece, discontinuity=False)
            self.window.append(piece, now)
            self.version += 1
            self._updated = now

    def _overtake(self) -> None:
        """The source is too far ahead of the clock: goes on, marked, at the next piece that a player can begin with."""
        waiting = len(self._waiting)
        self._waiting.popleft()
        while self._waiting and not self._waiting[0].independent:
            self._waiting.popleft()
        self._overtaken += waiting - len(self._waiting)
        if self._waiting:
            self._waiting[0] = msgspec.structs.replace(self._waiting[0], discontinuity=True)
        elif self._cutter:
            self._cutter.lose()

    def discontinuity(self) -> None:
        """The next keyframe does not continue what came before (R16)."""
        if self._cutter:
            self._cutter.discontinuity()
        else:
            self._marks.add(len(self._learned))

    def part(self, now: float) -> None:
        """Chunks were lost, or the format changed: goes on, marked, at the next keyframe."""
        if self._cutter:
            self._list(self._cutter.part(), now)
        else:
            self._marks.add(len(self._learned))

    def tick(self, now: float) -> None:
        """Keeps the playlist growing; to be called every tenth of a target duration, or as `due` says.

        No new segment for 1.4 target durations: what is open is ended there (a short stall costs a segment that begins
        without a keyframe, and no picture). If nothing is open the source is away: an EXT-X-GAP of one target duration
        (R17), again and again, and a discontinuity when it is back.
        """
        if self.window is None or self._cutter is None:
            if self._learned and now - self._began >= _LEARN_SECONDS:
                self._decide(now)
            return
        self.window.expire(now)
        self._release(now)
        if not self.version or now < self.due:
            return
        piece = self._cutter.end()
        if piece:
            self._ended += 1
            self._put(piece, now)
            return
        self._cutter.lose()
        self._gaps += 1
        self._put(Piece((), float(self.window.target_duration), gap=True), now)

    @property
    def due(self) -> float:
        """When `tick` has to help next, in monotonic seconds; infinite: not before there is a segment."""
        if self.window and self._waiting:
            return self._zero + self.window.next_msn + 0.001  # more than a sum's rounding
        if not self.window or not self.window.segments or not self._cutter:
            return float("inf")
        away = self.window.segments[-1].piece.gap and self._cutter.idle
        patience = 1.0 if away else _PATIENCE
        return self._updated + patience * self.window.target_duration

    def stats(self) -> LiveStats:
        dropped = self._cutter.dropped if self._cutter else 0
        window = self.window.stats() if self.window else None
        return LiveStats(self.version, self._gaps, self._ended, self._short, self._overtaken, dropped, window)
