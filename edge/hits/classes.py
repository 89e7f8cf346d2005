"""Which kind of device, browser and system a User-Agent names: a class without a version, or "other".

Tests for words, in an order: most browsers name the ones they descend from. An iPad says that it is a Mac.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from edge.hits.recent import Recent, RecentStats

_OTHER: Final = "other"
_REMEMBERED = 1024  # agents, some 150 bytes each
_MOST = 512  # characters of an agent that are looked at
_HINTS = 2048  # of client hints
_BROWSERS = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("Edge/", "Edge"),
    ("OPR/", "Opera"), ("OPX/", "Opera"), ("OPT/", "Opera"), ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"), ("YaBrowser/", "Yandex Browser"), ("Vivaldi/", "Vivaldi"),
    ("DuckDuckGo/", "DuckDuckGo"), ("Ddg/", "DuckDuckGo"), ("UCBrowser/", "UC Browser"), ("QQBrowser/", "QQ Browser"),
    ("MiuiBrowser/", "Mi Browser"), ("HuaweiBrowser/", "Huawei Browser"), ("Silk/", "Silk"), ("Brave/", "Brave"),
    ("FBAN/", "Facebook"), ("FBAV/", "Facebook"), ("Instagram ", "Instagram"), ("GSA/", "Google app"),
    ("Focus/", "Firefox"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("Trident/", "Internet Explorer"), ("MSIE ", "Internet Explorer"),
    ("; wv)", "Android WebView"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Chromium/", "Chrome"),
    ("Android", "Android Browser"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("Xbox", "Xbox"), ("iPhone", "iOS"), ("iPad", "iOS"), ("iPod", "iOS"),
    ("HarmonyOS", "HarmonyOS"), ("OpenHarmony", "HarmonyOS"), ("KAIOS", "KaiOS"), ("Tizen", "Tizen"),
    ("Web0S", "webOS"), ("webOS", "webOS"), ("Android", "Android"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Macintosh", "macOS"), ("PlayStation", "PlayStation"), ("Nintendo", "Nintendo"),
    ("Linux", "Linux"), ("linux", "Linux"), ("X11", "Unix"),
)  # fmt: skip
_TV = (
    "SmartTV", "SMART-TV", "Smart TV", "HbbTV", "Web0S", "Apple TV", "AppleTV", "CrKey", "BRAVIA", "GoogleTV",
    "Android TV", "; AFT", "Roku", "PlayStation", "Nintendo", "Xbox",
)  # fmt: skip
_TABLET = ("iPad", "Tablet", "Kindle", "PlayBook")
_PHONE = ("Mobile", "iPhone", "iPod", "Windows Phone", "Opera Mini", "KAIOS")
_DESKTOPS = ("Windows", "macOS", "ChromeOS", "Linux", "Unix")
# Client hints: what a brand or a platform is called here. Others there ("Not A;Brand") are made up on purpose.
_BRANDS = {
    "Brave": "Brave", "Microsoft Edge": "Edge", "Opera": "Opera", "Opera GX": "Opera", "Vivaldi": "Vivaldi",
    "Samsung Internet": "Samsung Internet", "YaBrowser": "Yandex Browser", "DuckDuckGo": "DuckDuckGo",
    "Android WebView": "Android WebView", "Google Chrome": "Chrome", "Chromium": "Chrome",
}  # fmt: skip
_PLATFORMS = {
    "Windows": "Windows", "macOS": "macOS", "Android": "Android", "iOS": "iOS", "Linux": "Linux",
    "Chrome OS": "ChromeOS", "Chromium OS": "ChromeOS",
}  # fmt: skip


class Classes(NamedTuple):
    device: str = ""
    browser: str = ""
    system: str = ""


class _Brand(msgspec.Struct, gc=False):
    brand: str = ""


class _Hints(msgspec.Struct, gc=False):
    """What `navigator.userAgentData` tells, as matomo.js sends it in `uadata`."""

    brands: list[_Brand] = []
    mobile: bool = False
    platform: str = ""


_DECODER = msgspec.json.Decoder(_Hints)


class Agents:
    """Remembers the classes of the agents seen lately, by their hash."""

    __slots__ = ("_recent",)

    def __init__(self) -> None:
        self._recent: Recent[Classes] = Recent(_REMEMBERED)

    def classes(self, agent: str, hints: str = "") -> Classes:
        """`hints`: the JSON of `uadata`, or empty. Without an agent nothing is known."""
        if not agent:
            return _NOTHING
        key = hash(agent) if len(hints) < 3 else hash((agent, hints))  # "{}" says nothing
        found = self._recent.get(key)
        if found is None:
            found = classify(agent[:_MOST])
            found = _hinted(found, hints) if 2 < len(hints) <= _HINTS else found
            self._recent.put(key, found)
        return found

    def tick(self, now: float) -> None:
        self._recent.tick(now)

    def stats(self) -> RecentStats:
        return self._recent.stats()


_NOTHING = Classes()


def classify(agent: str) -> Classes:
    """Pure; some fifty tests for words."""
    system = _first(_SYSTEMS, agent)
    return Classes(_device(agent, system), _first(_BROWSERS, agent), system)


def _first(words: tuple[tuple[str, str], ...], agent: str) -> str:
    for word, name in words:
        if word in agent:
            return name
    return _OTHER


def _device(agent: str, system: str) -> str:
    if _any(_TV, agent) or (system == "Tizen" and "TV" in agent):
        return "tv"
    if _any(_TABLET, agent) and "Windows" not in agent:  # "Tablet PC 2.0" is in many agents of desktops
        return "tablet"
    if _any(_PHONE, agent):
        return "phone"
    if system == "Android":
        return "tablet"  # Google's rule: tablets leave out "Mobile"
    return "desktop" if system in _DESKTOPS else _OTHER


def _any(words: tuple[str, ...], agent: str) -> bool:
    return any(word in agent for word in words)


def _hinted(classes: Classes, hints: str) -> Classes:
    """The agent of Chromium is frozen: hints know Brave from Chrome, and a phone that hides."""
    try:
        said = _DECODER.decode(hints)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return classes
    named = [_BRANDS[each.brand] for each in said.brands[:10] if each.brand in _BRANDS]
    special = [name for name in named if name != "Chrome"]
    device, browser, system = classes
    if named and browser in (_OTHER, "Chrome"):
        browser = (special or named)[0]
    system = _PLATFORMS.get(said.platform, system)
    return Classes("phone" if said.mobile and device in (_OTHER, "desktop") else device, browser, system)
