"""Cutting a live stream of muxed chunks into segments: pure, in media time only.

A chunk lasts until the next one begins, so a segment's length is known one chunk late; one that turns out too long
gives its last chunk to the next.
"""

from __future__ import annotations

import msgspec

from edge.flow.ring import OVERHEAD, Chunk
from edge.flow.tables import leading_tables

# No regular cut before this many seconds. Media sequence numbers begin at the wall clock's seconds, so that a new
# process goes on above the old one's: that holds while numbers rise by at most one a second.
MIN_SECONDS = 1.0
# Timestamps that step back by less are unequal tracks, not a new timeline.
_TOLERANCE = 1.0
# An open segment shorter than this is not worth a request.
_LEAST = 0.1


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Media between two cuts. `chunks` are the ring's own bytes objects, never joined. `gap`: the source was away."""

    chunks: tuple[bytes, ...]
    duration: float  # seconds, as EXTINF tells it
    independent: bool = True  # begins with a keyframe
    discontinuity: bool = False  # does not continue what came before
    gap: bool = False


class Cutter:
    """Collects chunks and gives a `Piece` at each cut.

    - Cut at the first keyframe at or after `target` seconds, or earlier (from 1 s on) when the GOP that begins would,
      as long as the one before, end beyond `limit`: keyframes forced on a two-second grid land up to a frame late, so
      that the way from one to the next may be a little under two seconds.
    - No piece says more than `limit` seconds. Where no keyframe comes in time it is cut without one, and begins with
      the last PAT and PMT again.
    - After `discontinuity` the next keyframe begins a new piece, marked. After `part`, `lose` and at the start
      everything up to the next keyframe is dropped as well: no player could decode it. So it is where time steps.
    - A piece that would be over half of `max_bytes` is cut like that, too, if it lasts a second. Over `max_bytes` it is
      dropped whole (counted in `dropped`): that is a stream whose time stands still.
    """

    def __init__(self, target: float, limit: float, max_bytes: int) -> None:
        self._target = target
        self._limit = limit
        self.max_bytes = max_bytes
        self._open: list[Chunk] = []
        self._size = 0
        self._start = 0.0
        self._last = 0.0  # time of the newest chunk
        self._step = 0.04  # how long the newest but one lasted
        self._key_at: float | None = None
        self._gop = target
        self._tables = b""
        self._marked = False  # the open piece begins with a discontinuity
        self._pending = False
        self._waiting = True
        self.dropped = 0  # chunks

    @property
    def held(self) -> int:
        """Of the open piece, with what its chunks cost beside their payload."""
        return self._size if self._open else 0

    @property
    def idle(self) -> bool:
        """No piece is open."""
        return not self._open

    def push(self, chunk: Chunk, *, short: bool = True) -> list[Piece]:
        """Takes the next chunk. Gives what it completes: mostly nothing, at most two pieces.

        `short`: a piece that began without a keyframe may be ended early at one, to be in step with them again.
        """
        time = chunk.time
        if self._key_at is not None and not -_TOLERANCE < time - self._last <= self._limit:
            done = self.part()
        else:
            time = time if self._key_at is None else max(time, self._last)
            done = self._shorten(time) + self._cut(chunk, time, short=short)
        self._add(chunk, time)
        return done

    def _shorten(self, time: float) -> list[Piece]:
        """If the newest chunk, now that its end is known, makes the piece too long: cuts before it."""
        if len(self._open) < 2 or time - self._start <= self._limit or self._last - self._start < MIN_SECONDS:
            return []
        newest = self._open.pop()
        done = self._close(self._last)
        self._begin(newest, self._last)
        return done

    def _cut(self, chunk: Chunk, time: float, *, short: bool) -> list[Piece]:
        length = time - self._start
        if self._open and length >= MIN_SECONDS and self._size + len(chunk.data) > self.max_bytes // 2:
            return self._close(time)
        if not self._open or not chunk.key:
            return []
        if self._pending:
            return self._close(time if time - self._last <= _TOLERANCE else self._last + self._step)
        least = _LEAST if short and not self._open[0].key else MIN_SECONDS
        due = length >= self._target or (length >= least and length + self._gop > self._limit)
        return self._close(time) if due else []

    def _add(self, chunk: Chunk, time: float) -> None:
        if chunk.key:
            self._keyframe(chunk, time)
        elif self._waiting:
            self.dropped += 1
            return
        self._step = time - self._last if 0 < time - self._last < _TOLERANCE else self._step
        self._last = time
        if self._open:
            self._open.append(chunk)
            self._size += len(chunk.data) + OVERHEAD
        else:
            self._begin(chunk, time)
        if self._size > self.max_bytes:
            self.lose()

    def _keyframe(self, chunk: Chunk, time: float) -> None:
        if self._key_at is not None and time > self._key_at and not self._waiting:
            self._gop = time - self._key_at
        self._key_at = time
        self._waiting = False
        self._tables = leading_tables(chunk.data) or self._tables

    def _begin(self, chunk: Chunk, time: float) -> None:
        self._open = [chunk]
        self._size = len(chunk.data) + OVERHEAD
        self._start = time
        self._marked = self._pending and chunk.key
        self._pending = self._pending and not chunk.key

    def _close(self, end: float) -> list[Piece]:
        """The open piece as one that ends at `end`; nothing when it is empty."""
        chunks, self._open = self._open, []
        duration = round(min(end - self._start, self._limit), 5)
        if not chunks:
            return []
        if duration <= 0:
            self._pending = self._pending or self._marked
            self.dropped += len(chunks)
            return []
        independent = chunks[0].key
        head = () if independent or not self._tables else (self._tables,)
        return [Piece((*head, *(c.data for c in chunks)), duration, independent, self._marked)]

    def end(self) -> Piece | None:
        """Ends the open piece now, wherever that is, if it is worth it. What comes next continues it."""
        if not self._open or self._last + self._step - self._start < _LEAST:
            return None
        return self._close(self._last + self._step)[0]

    def part(self) -> list[Piece]:
        """What follows has nothing to do with what came: ends the open piece, and waits for a keyframe."""
        done = self._close(self._last + self._step)
        self.lose()
        return done

    def discontinuity(self) -> None:
        """The next keyframe does not continue what came before."""
        self._pending = True

    def lose(self) -> None:
        """There is a hole: the open piece is dropped, so is what comes before the next keyframe."""
        self.dropped += len(self._open)
        self._open = []
        self._size = 0
        self._pending = self._waiting = True
