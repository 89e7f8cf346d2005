"""What is not counted, and why: robots, whoever asked not to be counted, other people's pages, what no visitor saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from edge.access.proxies import Network, read_address, read_network
from edge.errors import ConfigError
from edge.hits.hit import Excluded
from edge.hits.paths import Hosts, host_of
from edge.hits.recent import Recent, RecentStats
from edge.hits.robots import Robots
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.shapes import recording

OPT_OUT_COOKIES = ("matomo_ignore", "piwik_ignore", "mtm_consent_removed", "edge_optout")
_REFERRERS = 512  # that are remembered
_EARLY = ("prefetch", "preview", "prerender", "instant")  # pages that are fetched before anybody asks
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_SIGNALS = frozenset(("cookie", "dnt", "x-do-not-track", "sec-gpc", *_PURPOSES))  # all that `_refused` looks at


class AdmitStats(msgspec.Struct, frozen=True):
    agents: RecentStats
    referrers: RecentStats


class Client(msgspec.Struct, gc=False):
    """Who sent the hit. Nothing of it is kept."""

    address: str  # whole: only for yes or no about networks
    agent: str
    languages: str
    headers: Mapping[str, str]  # names in lower case
    country: str = ""  # as a trusted proxy says it

    def __repr__(self) -> str:
        return "Client()"


class Admit:
    """Decides whether a hit counts. It reads the list of robots when it is made: make it before listening.

    `spam`: hosts whose visits are invented so that their name stands in reports; hosts below them count as well.
    ConfigError: a network or the list of robots cannot be read.
    """

    __slots__ = ("_hosts", "_networks", "_referrers", "_robots", "_spam")

    def __init__(self, sites: Sequence[SiteSettings], settings: HitsSettings, spam: frozenset[str]) -> None:
        self._hosts = {site.id: Hosts(site.hosts) for site in sites}
        self._networks = tuple(map(_network, settings.exclude_networks))
        self._spam = frozenset(host.lower().removeprefix("www.") for host in spam)
        self._robots = Robots()
        self._referrers: Recent[bool] = Recent(_REFERRERS)  # whether they are spam

    def reason(
        self, site: SiteSettings, fields: Mapping[str, str], client: Client, recorded: bool | None = None
    ) -> Excluded | None:
        """Why the hit does not count; None: it does. The first reason in this order, the cheap and certain first.

        `recorded`: what `shapes.recording` says of its parameters, if it was asked.
        """
        if fields.get("rec") != "1":
            return "norec"
        if recording(fields) if recorded is None else recorded:
            return "recording"
        if self._foreign(site.id, fields):
            return "foreign_host"
        if self._networks and self._in_network(client.address):
            return "network"
        return _refused(site, client.headers) or self._by_agent(fields, client.agent) or self._spammed(site.id, fields)

    def robot(self, agent: str) -> bool:
        """Whether the agent is a robot's, as `kind` asks."""
        return self._robots.robot(agent)

    def tick(self, now: float) -> None:
        """Call it every minute or so: what was not asked for in 30 minutes goes."""
        self._robots.tick(now)
        self._referrers.tick(now)

    def stats(self) -> AdmitStats:
        return AdmitStats(self._robots.stats(), self._referrers.stats())

    def _foreign(self, site: int, fields: Mapping[str, str]) -> bool:
        url = fields.get("url", "")
        if self._hosts[site].own(url):
            return False
        return url not in (fields.get("link"), fields.get("download"))  # Matomo's SDKs name the target twice

    def _in_network(self, address: str) -> bool:
        packed = read_address(address)
        return any(network.holds(packed) for network in self._networks)

    def _by_agent(self, fields: Mapping[str, str], agent: str) -> Excluded | None:
        """`bots=1` counts a robot as a visitor; recMode 1 wants robots alone, 2 both."""
        mode = fields.get("recMode")
        if mode == "2":
            return None
        robot = self._robots.robot(fields.get("ua") or agent)
        if mode == "1":
            return None if robot else "norec"
        return "bot" if robot and fields.get("bots") != "1" else None

    def _spammed(self, site: int, fields: Mapping[str, str]) -> Excluded | None:
        url = fields.get("urlref")
        if not url or not self._spam or self._hosts[site].begin(url):
            return None
        key = hash((site, url))
        spam = self._referrers.get(key)
        if spam is None:
            spam = not self._hosts[site].own(url) and self._listed(host_of(url))
            self._referrers.put(key, spam)
        return "spam" if spam else None

    def _listed(self, host: str) -> bool:
        while host and host not in self._spam:
            host = host.partition(".")[2]
        return bool(host)


def _refused(site: SiteSettings, headers: Mapping[str, str]) -> Excluded | None:
    """What the browser says: by a cookie, by a signal, or because nobody looks at the page yet."""
    if _SIGNALS.isdisjoint(headers):
        return None
    get = headers.get
    if (cookies := get("cookie")) and _opted_out(cookies):
        return "optout"
    if site.dnt and (get("dnt", "").startswith("1") or get("x-do-not-track") == "1"):
        return "dnt"
    if site.gpc and get("sec-gpc") == "1":
        return "gpc"
    for name in _PURPOSES:
        if (said := get(name)) and said.lower().startswith(_EARLY):
            return "prefetch"
    return None


def _opted_out(cookies: str) -> bool:
    if not any(name in cookies for name in OPT_OUT_COOKIES):
        return False
    return any(cookie.partition("=")[0].strip() in OPT_OUT_COOKIES for cookie in cookies.split(";"))


def _network(text: str) -> Network:
    try:
        return read_network(text)
    except ConfigError:
        raise ConfigError(f'expected networks such as "192.0.2.0/24" in hits.exclude_networks, got "{text}"') from None
