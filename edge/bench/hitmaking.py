"""Requests as trackers on pages send them, made up here: views, links, downloads, events, pings, by GET and POST. Pure.

Each holds one hit, so that hits and requests are the same number.
"""

from __future__ import annotations

from random import Random
from urllib.parse import urlencode

COUNT = 96
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_SAFARI} Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/18.6 Safari/605.1.15",
)
LANGUAGES = ("en-US,en;q=0.9", "fr-FR,fr;q=0.8,en;q=0.5", "de-DE,de;q=0.9", "es-ES,es;q=0.9,en;q=0.8", "pt-BR")
SCREENS = ("1920x1080", "1366x768", "390x844", "412x915", "2560x1440")
PAGES = ("/", "/about", "/blog/2026/11/a-walk", "/shop/cart", "/docs/install", "/docs/config", "/news", "/contact")
FROM = ("", "https://www.google.com/", "https://news.example/today?id=7", "https://duckduckgo.com/")
KINDS = ("view",) * 9 + ("event",) * 3 + ("ping",) * 2 + ("link", "download")


def requests(site: int, host: str, count: int = COUNT) -> tuple[bytes, ...]:
    """The same ones for the same words, so that runs compare."""
    random = Random(site)  # noqa: S311 - not for secrets
    return tuple(_request(site, host, random) for _ in range(count))


def _request(site: int, host: str, random: Random) -> bytes:
    page = f"https://{host}{random.choice(PAGES)}"
    fields = _common(site, page, random) | _own(random.choice(KINDS), page, random)
    text = urlencode(fields)
    headers = [
        f"Host: {host}", f"User-Agent: {random.choice(AGENTS)}", "Accept: */*",
        f"Accept-Language: {random.choice(LANGUAGES)}", "Accept-Encoding: gzip, deflate, br", f"Referer: {page}",
    ]  # fmt: skip
    if random.random() < 0.4:
        headers += [
            f"Origin: https://{host}", "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
            f"Content-Length: {len(text)}",
        ]  # fmt: skip
        return _joined("POST /matomo.php", headers, text)
    return _joined(f"GET /matomo.php?{text}", headers, "")


def _joined(first: str, headers: list[str], body: str) -> bytes:
    return "\r\n".join([f"{first} HTTP/1.1", *headers, "", body]).encode()


def _common(site: int, page: str, random: Random) -> dict[str, str]:
    return {
        "idsite": str(site), "rec": "1", "r": str(random.randrange(10**6)), "url": page,
        "urlref": random.choice(FROM), "_id": f"{random.getrandbits(64):016x}", "_idn": "1", "cookie": "0",
        "res": random.choice(SCREENS), "pv_id": f"{random.getrandbits(24):06x}",
        "send_image": random.choice(("0", "0", "1")),
    }  # fmt: skip


def _own(kind: str, page: str, random: Random) -> dict[str, str]:
    if kind == "event":
        return {"e_c": "video", "e_a": random.choice(("play", "pause")), "e_n": "intro", "e_v": "3", "ca": "1"}
    if kind == "ping":
        return {"ping": "1"}
    if kind == "link":
        return {"link": "https://elsewhere.example/a"}
    if kind == "download":
        return {"download": f"{page.rstrip('/')}/manual.pdf"}
    timing = {name: str(random.randrange(5, 300)) for name in ("pf_net", "pf_srv", "pf_tfr", "pf_dm1", "pf_dm2")}
    return {"action_name": "A page with a title"} | timing
