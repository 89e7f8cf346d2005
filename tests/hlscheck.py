"""Holds a sequence of live media playlists against RFC 8216bis: rules R1, R3 to R11 and R13 of its 6.2.

```python
check = Checker(slack=poll_interval)
check(monotonic_seconds, playlist_text)   # for every fetch; Violation names the rule
check.finish(monotonic_seconds)           # the last update must not be overdue either
```
A server that started again: `check.restarted()` before its first playlist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


class Violation(AssertionError):
    """A rule is broken; the message begins with its number."""


@dataclass
class Entry:
    """One segment as listed, with its place in the discontinuity sequence."""

    uri: str
    extinf: str
    gap: bool
    discontinuity: bool
    sequence: int = 0

    @property
    def duration(self):
        return float(self.extinf)


@dataclass
class Playlist:
    """What a media playlist says. `tags` holds the tags of the whole list, by name."""

    tags: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @property
    def target(self):
        return int(self.tags["EXT-X-TARGETDURATION"])

    @property
    def msn(self):
        return int(self.tags.get("EXT-X-MEDIA-SEQUENCE", "0"))

    @property
    def duration(self):
        return sum(e.duration for e in self.entries)

    @property
    def segments(self):
        return dict(enumerate(self.entries, self.msn))


def need(ok, rule, message):
    if not ok:
        raise Violation(f"{rule}: {message}")


_ONCE = ("EXT-X-TARGETDURATION", "EXT-X-VERSION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE")
_LIST = (*_ONCE, "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-ENDLIST")


def parse(text):
    """The playlist of `text`, its form checked (R1, R3, R6)."""
    lines = text.split("\n")
    need(lines[0] == "#EXTM3U", "R1", f"first line {lines[0]!r}")
    need(lines[-1] == "", "R1", "the last line is not ended")
    need(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff]", text), "R1", "control characters")
    playlist = Playlist()
    pending = {}
    for line in lines[1:-1]:
        name, _, value = line.removeprefix("#").partition(":")
        if not line.startswith("#"):
            _entry(playlist, line, pending)
            pending = {}
        elif name in _LIST:
            need(name not in playlist.tags, "R6", f"{name} twice")
            need(name not in _ONCE or not (playlist.entries or pending), "R6", f"{name} after a segment")
            playlist.tags[name] = value
        else:
            need(name in ("EXTINF", "EXT-X-DISCONTINUITY", "EXT-X-GAP"), "R6", f"{name} in a live list")
            need(name not in pending, "R6", f"{name} twice on one segment")
            pending[name] = value
    need(not pending, "R6", f"tags after the last segment: {pending}")
    _form(playlist)
    return playlist


def _entry(playlist, uri, pending):
    need("EXTINF" in pending, "R6", f"{uri} without EXTINF")
    need(re.fullmatch(r"\d+(\.\d{3,})?,", pending["EXTINF"]), "R5", f"EXTINF {pending['EXTINF']!r}")
    extinf = pending["EXTINF"].rstrip(",")
    playlist.entries.append(Entry(uri, extinf, "EXT-X-GAP" in pending, "EXT-X-DISCONTINUITY" in pending))


def _form(playlist):
    tags = playlist.tags
    need(re.fullmatch(r"[1-9]\d*", tags.get("EXT-X-TARGETDURATION", "")), "R3", "no TARGETDURATION")
    need("EXT-X-PLAYLIST-TYPE" not in tags, "R6", "a live list has no PLAYLIST-TYPE")
    need(playlist.entries, "R6", "no segments")
    sequence = int(tags.get("EXT-X-DISCONTINUITY-SEQUENCE", "0"))
    for entry in playlist.entries:
        need(entry.duration > 0, "R3", f"{entry.uri} lasts {entry.extinf}")
        need(int(entry.duration + 0.5) <= playlist.target, "R3", f"EXTINF {entry.extinf} over {playlist.target}")
        sequence += entry.discontinuity
        entry.sequence = sequence
    wanted = 8 if any(e.gap for e in playlist.entries) else 3
    need(int(tags.get("EXT-X-VERSION", "1")) == wanted, "R5", f"version {tags.get('EXT-X-VERSION')}, not {wanted}")


class Checker:
    """Remembers what it saw. `slack`: seconds by which a fetch may be later than the update it shows."""

    def __init__(self, slack=0.0):
        self.slack = slack
        self.last = None
        self.seen = {}
        self.updated = None
        self.playlists = 0
        self._restarted = False

    def __call__(self, now, text):
        playlist = parse(text)
        if self.last is not None:
            self._evolve(now, playlist)
        elif self.updated is None:
            self.updated = now
        for msn, entry in playlist.segments.items():
            self._same(msn, entry)
        self.last = playlist
        self.playlists += 1
        return playlist

    def restarted(self):
        """The next playlist comes from a new process: nothing was kept but the sequence numbers must not go back."""
        self._restarted = self.last is not None

    def _evolve(self, now, playlist):
        last = self.last
        need("EXT-X-ENDLIST" not in last.tags, "R13", "a playlist after the end")
        need(playlist.target == last.target, "R4", f"TARGETDURATION {last.target} became {playlist.target}")
        need(playlist.msn >= last.msn, "R8", f"MEDIA-SEQUENCE {last.msn} fell to {playlist.msn}")
        end = last.msn + len(last.entries)
        if self._restarted:
            self._restart(now, playlist, end)
            return
        new = playlist.msn + len(playlist.entries) - end
        need(new >= 0, "R7", f"{-new} segments vanished from the end")
        need(playlist.msn <= end, "R8", f"MEDIA-SEQUENCE {playlist.msn} passes over unseen segments from {end}")
        if playlist.msn > last.msn:
            self._removed(playlist)
        if new:
            self._overdue(now)
            self.updated = now
        else:
            need(playlist.entries == last.entries, "R7", "changed without a new segment")
            self._overdue(now)

    def _restart(self, now, playlist, end):
        self._restarted = False
        need(playlist.msn >= end, "R8", f"MEDIA-SEQUENCE {playlist.msn} after a restart, {end - 1} was the last")
        newest = max(e.sequence for e in self.last.entries)
        need(playlist.entries[0].sequence > newest, "R9", "the discontinuity sequence did not rise over the restart")
        self.updated = now

    def _removed(self, playlist):
        need("EXT-X-DISCONTINUITY-SEQUENCE" in playlist.tags, "R9", "segments left without DISCONTINUITY-SEQUENCE")
        need(playlist.duration >= 3 * playlist.target - 1e-4, "R10", f"only {playlist.duration} s left")

    def _overdue(self, now):
        waited = now - self.updated
        need(waited <= 1.5 * self.last.target + self.slack, "R11", f"no new segment for {waited:.3f} s")

    def _same(self, msn, entry):
        known = self.seen.setdefault(msn, entry)
        need(known == entry, "R7 R8 R9", f"segment {msn} was {known}, is {entry}")

    def finish(self, now):
        """No playlist after this."""
        if self.last is not None and "EXT-X-ENDLIST" not in self.last.tags and not self._restarted:
            self._overdue(now)
