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
from edge.hits.hit import Hit
from edge.hits.kinds import kind as kind_of
from edge.hits.paths import Place
from edge.hits.recent import Recent, RecentStats
from edge.hits.referrers import referrer
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.shapes import Shape, Shapes
from edge.hits.values import country as country_of
from edge.hits.values import language, screen, timings

_PAGES = 1024  # that are remembered,
_HEAVY = 300  # if they are no longer than this: half a megabyte at most
_TEXTS = 512  # titles, referrers, and words of details
_NO_PLACE = Place()


class ScrubStats(msgspec.Struct, frozen=True):
    pages: RecentStats
    titles: RecentStats
    referrers: RecentStats
    agents: RecentStats
    words: RecentStats
    shapes: RecentStats


class Scrubber:
    """`shapes` counts what was left out: the proof of minimisation."""

    __slots__ = ("_agents", "_pages", "_referrers", "_sites", "_titles", "_words", "shapes")

    def __init__(self, sites: Sequence[SiteSettings], settings: HitsSettings) -> None:  # noqa: ARG002 - as its peers
        self._words: Recent[str] = Recent(_TEXTS)
        self._sites = {site.id: Prepared(site, self._words) for site in sites}
        self._pages: Recent[Place] = Recent(_PAGES)
        self._titles: Recent[str] = Recent(_TEXTS)
        self._referrers: Recent[str] = Recent(_TEXTS)
        self._agents = Agents()
        self.shapes = Shapes(sites)

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
        shape: Shape | None = None,
    ) -> Hit:
        """The hit without whom it came from. Never raises, whatever `fields` holds.

        `country`: of a trusted hint, or of the parameter if it was allowed; the parameter itself is not looked at.
        `robot`: the agent is a robot's; see `kinds`. `shape`: of the fields, if it is known.
        """
        known = self._sites[site.id]
        get = fields.get
        if shape is None:
            shape = self.shapes.of(site.id, fields)
        shape.seen += 1
        kind = kind_of(fields, robot=robot) if shape.acting else "pageview"
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
        took = timings(fields) if shape.timings else ()
        detail = DETAILS.get(kind)
        if detail is None:
            return Hit(*words, dimensions=named, timings=took)
        return Hit(*words, dimensions=named, timings=took, **detail(known, fields))  # type: ignore[arg-type]

    @property
    def scrubbed(self) -> dict[str, int]:
        """How often what was left out, by the words of `groups.WORDS`."""
        return self.shapes.scrubbed()

    def tick(self, now: float) -> None:
        """Call it every minute or so: what was not asked for in 30 minutes goes."""
        self._pages.tick(now)
        self._titles.tick(now)
        self._referrers.tick(now)
        self.shapes.tick(now)
        self._agents.tick(now)
        self._words.tick(now)

    def stats(self) -> ScrubStats:
        return ScrubStats(
            self._pages.stats(),
            self._titles.stats(),
            self._referrers.stats(),
            self._agents.stats(),
            self._words.stats(),
            self.shapes.stats(),
        )

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
            self.shapes.count("query")
        if place.fragment:
            self.shapes.count("fragment")
        if place.masked:
            self.shapes.count("path")
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
