"""Deadlines of sending: progress moves them, up to a last one."""

from __future__ import annotations

from edge.http.limits import Limits


class Progress:
    """How much was pending when it was last looked at. Times are monotonic seconds."""

    __slots__ = ("_began", "_late", "_left", "_stall", "_until", "deadline")

    def __init__(self, pending: int, now: float, limits: Limits, until: float) -> None:
        self._began = now
        self._late = limits.late_seconds
        self._left = pending
        self._stall = limits.stall_seconds
        self._until = until
        self.deadline = min(now + self._stall, until)

    def moved(self, pending: int, now: float) -> bool:
        """At the deadline: whether the peer has taken something and may have more time; `deadline` says how much."""
        if not 0 < pending < self._left or now >= self._until:
            return False
        self._left = pending
        self.deadline = min(now + self._stall, self._until)
        return True

    def weight(self, pending: int, now: float) -> int:
        """What of `pending` bytes nobody else holds. What is sent are mostly a segment's own bytes, which the playlist
        keeps for longer than this."""
        return pending if now - self._began >= self._late else 0
