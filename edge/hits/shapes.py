"""What follows from which parameters a hit gives a value to, whatever the values are: worked out once for each set.

Clients send few such sets. Of the names no more than a hash is remembered: they may be personal, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import compress

import msgspec

from edge.hits.groups import GROUPS, UNKNOWN, WORDS
from edge.hits.kinds import ACTIONS
from edge.hits.recent import RecentStats
from edge.hits.settings import SiteSettings
from edge.hits.timing import CHECKED, TIMED
from edge.hits.values import TIMINGS

MOST = 256  # sets that are remembered, 300 bytes each
_TURN = 900.0  # seconds after which all are forgotten
_RECORDING = ("fa_", "hsr_")  # parameters of forms, heat maps and recorded sessions
_SPEAKING = frozenset(("ua", "lang", "cip"))


class Shape(msgspec.Struct, gc=False):
    """Of one set of names at one site. What is False need not be looked for in the values."""

    checked: bool  # `timing.refused` has something to judge
    timed: bool  # it may have happened earlier
    speaking: bool  # for another client than the one that sends it
    recording: bool
    timings: bool
    acting: bool  # it may be something else than a page view
    groups: tuple[tuple[str, int], ...]  # what is left out, by the words of `groups.WORDS`
    seen: int = 0  # scrubbed hits of it that `Shapes.scrubbed` does not count yet


class Shapes:
    """Of some sites. At most `MOST` are remembered; then, and every quarter of an hour, all are forgotten."""

    __slots__ = ("_counts", "_forget_at", "_known", "_made", "_sites", "_turned")

    def __init__(self, sites: Iterable[SiteSettings]) -> None:
        self._sites = {site.id: site for site in sites}
        self._known: dict[int, Shape] = {}
        self._counts = dict.fromkeys(WORDS, 0)
        self._forget_at = 0.0
        self._made = self._turned = 0

    def of(self, site: int, fields: Mapping[str, str]) -> Shape:
        """An empty value is as good as none."""
        names = tuple(compress(fields, fields.values()))
        key = hash((site, names))
        shape = self._known.get(key)
        if shape is None:
            if len(self._known) >= MOST:
                self._forget()
            shape = self._known[key] = read(names, self._sites[site])
            self._made += 1
        return shape

    def count(self, word: str) -> None:
        """Something was left out of a value."""
        self._counts[word] += 1

    def scrubbed(self) -> dict[str, int]:
        """How often what was left out, by the words of `groups.WORDS`."""
        self._add_up()
        return dict(self._counts)

    def tick(self, now: float) -> None:
        """Call it every minute or so."""
        if not 0 <= self._forget_at - now <= _TURN:
            self._forget_at = now + _TURN
            self._forget()

    def _forget(self) -> None:
        self._add_up()
        self._known.clear()
        self._turned += 1

    def _add_up(self) -> None:
        for shape in self._known.values():
            for word, times in shape.groups:
                self._counts[word] += times * shape.seen
            shape.seen = 0

    def stats(self) -> RecentStats:
        return RecentStats(len(self._known), MOST, self._made, self._turned)


def read(names: tuple[str, ...], site: SiteSettings) -> Shape:
    """What the names say. Pure."""
    given = frozenset(names)
    return Shape(
        checked=not given.isdisjoint(CHECKED),
        timed=not given.isdisjoint(TIMED),
        speaking=not given.isdisjoint(_SPEAKING),
        recording=recording(names),
        timings=not given.isdisjoint(TIMINGS),
        acting=not given.isdisjoint(ACTIONS),
        groups=_groups(names, site),
    )


def recording(names: Iterable[str]) -> bool:
    """Whether these are of a form, a heat map or a recorded session."""
    return any(name.startswith(_RECORDING) for name in names)


def _groups(names: tuple[str, ...], site: SiteSettings) -> tuple[tuple[str, int], ...]:
    """What of `GROUPS` a hit with these parameters counts as, once for each of them that is not kept."""
    kept = {f"dimension{n}" for n in site.dimensions}
    found: dict[str, int] = {}
    for name in names:
        group = GROUPS.get(name, UNKNOWN)
        if group is UNKNOWN and name.startswith("dimension"):
            group = "" if name in kept else "dimension"
        elif (name == "action_name" and not site.titles) or (name == "e_n" and not site.event_names):
            group = "title" if name == "action_name" else "event"
        if group:
            found[group] = found.get(group, 0) + 1
    return tuple(found.items())
