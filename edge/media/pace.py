"""Pace and lateness of media against the wall clock. Pure: seconds of media and monotonic seconds as arguments."""

from __future__ import annotations

SLACK = 1.0  # seconds that media may be late and still keep its times: every sleep ends a little late
BURST = 0.1  # seconds
FILLED = 0.8  # of a burst: to sleep a little too long loses nothing


class Pacer:
    """How long to wait before media that must not run ahead of the wall clock by more than `lead` seconds; None: never.
    Media that comes later than SLACK moves the anchor: it is not hurried after. What is less late is caught up with,
    else every sleep that ends late would cost its time: the demo ran at 0.81 of real time on a busy host."""

    def __init__(self, lead: float | None) -> None:
        self.lead = lead
        self._anchor: float | None = None  # monotonic second at which media second 0 is due

    def delay(self, media: float, now: float) -> float:
        """Seconds to wait before the media second `media`."""
        if self.lead is None:
            return 0.0
        if self._anchor is None or now - media > self._anchor + SLACK:
            self._anchor = now - media
        return max(0.0, self._anchor + media - self.lead - now)


class Lateness:
    """How far the output is behind the best it was since the source last came back."""

    def __init__(self) -> None:
        self._best: float | None = None
        self.lag = 0.0

    def reset(self) -> None:
        self._best = None

    def note(self, media: float, now: float) -> None:
        """The output has reached the media second `media` at `now`."""
        behind = now - media
        if self._best is None or behind < self._best:
            self._best = behind
        self.lag = behind - self._best


class Allowance:
    """A token bucket of processor time: `cores` seconds a second, saved for at most BURST seconds; None: no bound. It
    is emptied and then filled again, so that the thread works in few spells: each begins with cold caches. Seconds of
    processor time and monotonic seconds as arguments."""

    def __init__(self) -> None:
        self.cores: float | None = None
        self._tokens = 0.0
        self._used = 0.0
        self._at = 0.0

    def allow(self, cores: float | None, used: float, now: float) -> None:
        """From now on; `used` so far."""
        self.delay(used, now)
        if self.cores is None:
            self._tokens, self._used, self._at = 0.0, used, now
        self.cores = cores

    def delay(self, used: float, now: float) -> float:
        """Seconds to wait, when `used` seconds of processor time have been used in all."""
        if self.cores is None:
            return 0.0
        gained = (now - self._at) * self.cores - (used - self._used)
        self._tokens = min(self._tokens + gained, BURST * self.cores)
        self._used, self._at = used, now
        return FILLED * BURST - self._tokens / self.cores if self._tokens < 0 else 0.0
