"""Addresses of pages: whose they are, and what of them may be kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from edge.hits.clean import MASK, clean, mask_numbers, segment, unescape

_RAW = 2048  # characters of an address that are looked at
_MOST = 1024  # of a page that is kept
_WORD = 100  # of a parameter's value and of a campaign
_HOST = 100
_PARTS = 65  # of a path, with what stands before its first "/"; deeper ones end there
_IN_HOSTS = dict.fromkeys(map(ord, "-_.*"), "a")
_PARAMETERS = 100  # that are looked at
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]{0,20}):)?//([^/?#\\]{0,300})")
# Matomo's order: the first that says something names the campaign. Its keywords are not kept.
CAMPAIGNS = (
    "mtm_campaign", "matomo_campaign", "pk_cpn", "pk_campaign", "piwik_campaign", "utm_campaign",
    "mtm_source", "matomo_source", "pk_source", "piwik_source", "utm_source",
    "mtm_medium", "matomo_medium", "pk_medium", "piwik_medium", "utm_medium",
)  # fmt: skip
_MARKED = re.compile(r"(?:mtm|matomo|pk|piwik|utm)_(?:cpn|campaign|source|medium)", re.IGNORECASE)
_QUIET = ("ignore_referrer", "ignore_referer")


class Place(NamedTuple):
    """What is kept of a page's address."""

    page: str = ""  # path and allowed parameters
    campaign: str = ""
    quiet: bool = False  # it asks that the referrer be ignored
    query: bool = False  # parameters were left out
    fragment: bool = False  # it was left out
    masked: bool = False  # something in the path became `*`


class Hosts:
    """A site's hosts: `www.example.org`, and `*.example.org` for every host below it."""

    __slots__ = ("_begins", "_below", "_names")

    def __init__(self, hosts: Iterable[str]) -> None:
        names = [_bare(host) for host in hosts]
        self._below = tuple(name[1:] for name in names if name.startswith("*."))
        self._names = frozenset(name for name in names if not name.startswith("*."))
        self._begins = tuple(f"{scheme}://{name}/" for name in self._names for scheme in ("https", "http"))

    def hold(self, host: str) -> bool:
        return host in self._names or host.endswith(self._below)

    def begin(self, url: str) -> bool:
        """Whether `url` begins with one of them as browsers write it: quick, and a no is no answer."""
        return url.startswith(self._begins)

    def own(self, url: str) -> bool:
        """Whether `url` is a page of the site. What names neither a scheme nor a host is believed to be one."""
        if url.startswith(self._begins) or not url:
            return True
        match = _URL.match(url := url.strip())
        return self.hold(_bare(match[2])) if match else ":" not in url.partition("/")[0]


class Paths:
    """What a site allows of its addresses: parameters by name, and rules of what is not kept of a path."""

    __slots__ = ("_allowed", "_order", "_rules")

    def __init__(self, query_allow: Sequence[str], path_rules: Sequence[str]) -> None:
        self._order = tuple(query_allow)
        self._allowed = frozenset(query_allow)
        self._rules = tuple(_Rule.read(rule) for rule in path_rules)

    def read(self, url: str) -> Place:
        """The place at `url`: no page if it has another scheme than http(s) or neither a host nor a path."""
        begin = _path_begins(url := _cut(url))
        if begin < 0:
            return Place()
        rest, _, fragment = url[begin:].partition("#")
        path, _, query = rest.partition("?")
        page, masked = self._path(path)
        asked = _parameters(query) if query else {}
        kept = self._query(asked) if asked else ""
        page = page if len(page) + len(kept) > _MOST else page + kept
        marks = _parameters(fragment) if fragment and _MARKED.search(fragment) else {}
        quiet = any(asked.get(name) == "1" for name in _QUIET)
        left_out = not self._allowed.issuperset(asked)
        return Place(page, _campaign({**marks, **asked}), quiet, left_out, bool(fragment), masked)

    def path(self, url: str) -> str:
        """The path alone, of whatever host: what is kept of a download's address."""
        begin = _path_begins(url := _cut(url))
        return self._path(url[begin:].partition("#")[0].partition("?")[0])[0] if begin >= 0 else ""

    def _path(self, path: str) -> tuple[str, bool]:
        text = unescape(path) or "/"
        parts = text.split("/", _PARTS)[1:_PARTS] or [MASK]
        parts = [part.partition(";")[0].strip() for part in parts]  # ;jsessionid=…
        parts = [*filter(None, parts[:-1]), parts[-1]]
        for rule in self._rules:
            rule.apply(parts)
        kept = "/" + "/".join([segment(part) for part in parts]).replace("?", "%3F").replace("#", "%23")
        kept = kept if len(kept) <= _MOST else kept[: _MOST + 1].rpartition("/")[0] or "/"
        return kept, MASK in kept

    def _query(self, asked: dict[str, str]) -> str:
        """The allowed parameters in the order of the configuration, so that one page has one name."""
        if self._allowed.isdisjoint(asked):
            return ""
        pairs = [f"{name}={value}" for name in self._order if (value := _value(asked.get(name, "")))]
        return "?" + "&".join(pairs) if pairs else ""


class _Rule(NamedTuple):
    """`/user/*/photos-*`: a `*` stands for the rest of its part of the path."""

    parts: tuple[tuple[str, str, str], ...]  # before the *, from it on, and the whole as it is kept

    @classmethod
    def read(cls, rule: str) -> _Rule:
        parts = [part for part in unescape(rule).split("/") if part]
        return cls(tuple((p.partition(MASK)[0].lower(), p.partition(MASK)[2].lower(), p) for p in parts))

    def apply(self, parts: list[str]) -> None:
        """Changes `parts` if they begin as the rule says; case does not count."""
        if len(self.parts) > len(parts):
            return
        for (before, after, whole), part in zip(self.parts, parts, strict=False):
            if MASK not in whole:
                if part.lower() != before:
                    return
            elif not part or not (part.lower().startswith(before) and part.lower().endswith(after)):
                return
        for n, (_, _, whole) in enumerate(self.parts):
            if MASK in whole:
                parts[n] = whole


def host_of(url: str) -> str:
    """The host in lower case, without user, port and final dot; empty for what has none."""
    match = _URL.match(url)
    return _bare(match[2]) if match else ""


def shown_host(host: str) -> str:
    """What is kept of another site's host: parts that tell too much become `*`; empty for what is no host."""
    host = unescape(host)
    if len(host) > _HOST or not host.translate(_IN_HOSTS).isalnum():
        return ""
    return mask_numbers(".".join([segment(part) for part in host.split(".")]))  # an IPv4 address is four of them


def _bare(authority: str) -> str:
    host = authority.rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return host.rstrip(".").lower()


def _cut(url: str) -> str:
    """Bounded; what the bound may have cut in two is left out."""
    url = url.strip()
    if len(url) <= _RAW:
        return url
    url = url[:_RAW]
    return url.rpartition("&" if "&" in url else "?" if "?" in url else "/")[0]


def _path_begins(url: str) -> int:
    """Where the path begins; -1: this is no address of a page."""
    match = _URL.match(url)
    if match is None:
        return 0 if url.startswith("/") else -1
    return match.end() if (match[1] or "http").lower() in ("http", "https") else -1


def _parameters(query: str) -> dict[str, str]:
    """The last of a name wins, as in PHP."""
    asked = {}
    for pair in islice(query.split("&", _PARAMETERS), _PARAMETERS):
        name, _, value = pair.partition("=")
        asked[unescape(name) if "%" in name else name] = value
    asked.pop("", None)
    return asked


def _value(raw: str) -> str:
    text = segment(unescape(raw).replace("+", " ").strip())
    text = text if len(text) <= _WORD else MASK
    return text.replace("&", "%26").replace("#", "%23")


def _campaign(asked: dict[str, str]) -> str:
    if not asked:
        return ""
    for name in CAMPAIGNS:
        if value := asked.get(name):
            return clean(value.replace("+", " "), _WORD)
    return ""
