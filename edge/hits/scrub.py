"""Turns a raw hit into a `Hit`: the boundary behind which there is no personal data.

What is kept of each parameter stands here; `groups` names what is not. Pure but for what is remembered, by hash, so
that the work on a page, an agent or a referrer is done once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from edge.hits.classes import Agents
from edge.hits.clean import clean
from edge.hits.details import DETAILS, Prepared, dimensions
from edge.hits.groups import GROUPS, UNKNOWN, WORDS
from edge.hits.hit import Hit
from edge.hits.kinds import kind as kind_of
from edge.hits.paths import Place
from edge.hits.recent import Recent, RecentStats
from edge.hits.referrers import referrer
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.values import country as country_of
from edge.hits.values import language, screen, timings

_PAGES = 1024  # that are remembered,
_HEAVY = 300  # if they are no longer than this: half a megabyte at most
_TEXTS = 512  # titles, referrers, and words of details
_SHAPES = 256  # sets of parameters,
_MOST_GROUPS = 64  # of so many that are counted: 150 kB at most
_NO_PLACE = Place()


class ScrubStats(msgspec.Struct, frozen=True):
    pages: RecentStats
    titles: RecentStats
    referrers: RecentStats
    agents: RecentStats
    words: RecentStats
    shapes: RecentStats


class Scrubber:
    """`scrubbed` counts what was left out, by the words of `groups.WORDS`: the proof of minimisation."""

    __slots__ = ("_agents", "_groups", "_pages", "_referrers", "_sites", "_titles", "_words", "scrubbed")

    def __init__(self, sites: Sequence[SiteSettings], settings: HitsSettings) -> None:  # noqa: ARG002 - as its peers
        self._words: Recent[str] = Recent(_TEXTS)
        self._sites = {site.id: Prepared(site, self._words) for site in sites}
        self._pages: Recent[Place] = Recent(_PAGES)
        self._titles: Recent[str] = Recent(_TEXTS)
        self._referrers: Recent[str] = Recent(_TEXTS)
        self._groups: Recent[tuple[str, ...]] = Recent(_SHAPES)
        self._agents = Agents()
        self.scrubbed = dict.fromkeys(WORDS, 0)

    def scrub(  # noqa: PLR0917 - as the collector calls it
        self,
        site: SiteSettings,
        fields: dict[str, str],
        agent: str,
        languages: str,
        country: str,
        at: int,
        *,
        robot: bool = False,
    ) -> Hit:
        """The hit without whom it came from. Never raises, whatever `fields` holds.

        `country`: of a trusted hint, or of the parameter if it was allowed; the parameter itself is not looked at.
        `robot`: the agent is a robot's; see `kinds`.
        """
        known = self._sites[site.id]
        get = fields.get
        kind = kind_of(fields, robot=robot)
        self._count(fields, known)
        place = self._place(known, get("url", ""), fields)
        words = (
            site.id,
            at,
            kind,
            place.page,
            self._title(get("action_name", "")) if site.titles else "",
            "" if place.quiet else self._referrer(known, get("urlref", "")),
            place.campaign,
            country_of(country) if country else "",
            language(get("lang") or languages),
            *self._agents.classes(get("ua") or agent, get("uadata", "")),
            screen(get("res", "")),
        )
        named = dimensions(known, fields) if known.dimensions else ()
        detail = DETAILS.get(kind)
        if detail is None:
            return Hit(*words, dimensions=named, timings=timings(fields))
        return Hit(*words, dimensions=named, timings=timings(fields), **detail(known, fields))  # type: ignore[arg-type]

    def tick(self, now: float) -> None:
        """Call it every minute or so: what was not asked for in 30 minutes goes."""
        self._pages.tick(now)
        self._titles.tick(now)
        self._referrers.tick(now)
        self._groups.tick(now)
        self._agents.tick(now)
        self._words.tick(now)

    def stats(self) -> ScrubStats:
        return ScrubStats(
            self._pages.stats(),
            self._titles.stats(),
            self._referrers.stats(),
            self._agents.stats(),
            self._words.stats(),
            self._groups.stats(),
        )

    def _count(self, fields: dict[str, str], known: Prepared) -> None:
        """By which parameters came with a value: one client's hits mostly have the same."""
        names = [name for name, value in fields.items() if value]
        key = hash((known.settings.id, *names))
        groups = self._groups.get(key)
        if groups is None:
            groups = _groups(names, known)
            if len(groups) <= _MOST_GROUPS:
                self._groups.put(key, groups)
        scrubbed = self.scrubbed
        for group in groups:
            scrubbed[group] += 1

    def _place(self, known: Prepared, url: str, fields: dict[str, str]) -> Place:
        """Of a download or an outlink that names its target as the page as well, no page is known."""
        if not url or url == fields.get("link") or url == fields.get("download"):
            return _NO_PLACE
        key = hash((known.settings.id, url))
        place = self._pages.get(key)
        if place is None:
            place = known.paths.read(url)
            if len(place.page) <= _HEAVY:
                self._pages.put(key, place)
        if place.query:
            self.scrubbed["query"] += 1
        if place.fragment:
            self.scrubbed["fragment"] += 1
        if place.masked:
            self.scrubbed["path"] += 1
        return place

    def _referrer(self, known: Prepared, url: str) -> str:
        """Empty for the site's own pages; those with the usual address are told before anything is looked up."""
        if not url or known.hosts.begin(url):
            return ""
        key = hash((known.settings.id, url))
        name = self._referrers.get(key)
        if name is None:
            name = "" if known.hosts.own(url) else referrer(url)
            self._referrers.put(key, name)
        return name

    def _title(self, raw: str) -> str:
        key = hash(raw)
        title = self._titles.get(key)
        if title is None:
            title = clean(raw)
            self._titles.put(key, title)
        return title


def _groups(names: list[str], known: Prepared) -> tuple[str, ...]:
    """What of `GROUPS` a hit with these parameters counts as, once for each of them that is not kept."""
    settings = known.settings
    kept = {dimension for dimension, _ in known.dimensions}
    found = []
    for name in names:
        group = GROUPS.get(name, UNKNOWN)
        if group is UNKNOWN and name.startswith("dimension"):
            group = "" if name in kept else "dimension"
        found.append(group)
    if not settings.titles and "action_name" in names:
        found.append("title")
    if not settings.event_names and "e_n" in names:
        found.append("event")
    return tuple([group for group in found if group])
