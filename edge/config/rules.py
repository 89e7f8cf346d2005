"""What the settings' types cannot say: demands on one value, and between values. Pure, on raw TOML values.

Each rule stands in `RULES` under the path it judges. Rules for tables must bear wrong types: the walk reports those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.access.proxies import read_address, read_network
from edge.config.mistake import Mistake, child, quoted, repeated, show
from edge.config.model import MemorySize
from edge.config.siterules import SITE_RULES
from edge.config.walk import Rule
from edge.errors import ConfigError
from edge.http.fields import trouble
from edge.http.origin import read_origin
from edge.log import origin
from edge.media.settings import RUNGS
from edge.units import BitRate, Bytes, show_bytes, show_rate

SCHEMES = ("http", "https", "rtmp", "rtmps", "rtsp", "rtsps", "udp", "rtp")
DEMO = "demo:"
_EXPECTED_SOURCE = f'a URL ({", ".join(SCHEMES)}), the path of a local file, or "{DEMO}"'
# FFmpeg takes what stands before the first ":" or "," for a protocol with options ("subfile,,start,0,end,9,,:x").
_SCHEME = re.compile(r"([A-Za-z0-9+.-]+)[:,]")
_URL = re.compile(
    r"[a-z]+://(?:[^/?#@]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]@]*)(?::(?P<port>[0-9]{1,5}))?(?:[/?#].*)?"
)
_REFUSED = {
    "file": "a local file is named by its plain path",
    "concat": "it reads any file",
    "subfile": "it reads any file",
    "data": "it is not a stream",
    "pipe": "it reads the descriptors of the process",
}
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})")
MAX_PIXELS = 4096 * 2304  # H.264 level 5.2, table A-1: 36864 macroblocks
MAX_CHANNELS = 100
LEAST_MEMORY = 16 << 20  # the interpreter and its libraries take as much


def source(value: str, path: str) -> Iterator[Mistake]:
    """A source must be a kind that edge opens by a whitelist; anything else would be FFmpeg's choice."""
    found = _SCHEME.match(value)
    if value == DEMO or not found:
        return
    scheme = found[1]
    if scheme not in SCHEMES or not value.startswith(f"{scheme}://"):
        why = _REFUSED.get(scheme.lower())
        yield Mistake(path, _EXPECTED_SOURCE, _shown(value) + (f" ({scheme}: is refused, {why})" if why else ""))
        return
    local = scheme in ("udp", "rtp")
    if not _is_url(value, needs_host=not local, needs_port=local):
        yield Mistake(path, f"{scheme}://host{':port' if local else '[:port]/path'} without spaces", _shown(value))
    elif scheme in ("http", "https") and not _is_origin(value):
        yield Mistake(path, f"a host and a path that {scheme} can be asked for", _shown(value))


def _is_origin(value: str) -> bool:
    try:
        read_origin(value, {}, None, None)
    except ConfigError:
        return False
    return True


def _shown(url: str) -> str:
    """A password in a broken URL may hold what ends it in a valid one, so all up to the last @ is left out."""
    shown = re.sub(r"://.*@", "://", url)
    return quoted(origin(shown) if shown.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) else shown)


def _is_url(text: str, *, needs_host: bool, needs_port: bool) -> bool:
    url = _URL.fullmatch(text)
    if not url or " " in text or (needs_host and not url["host"]):
        return False
    return 0 < int(url["port"]) <= 65535 if url["port"] else not needs_port


def headers(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    seen: set[str] = set()
    for name, value in table.items():
        if expected := trouble(name, value if isinstance(value, str) else ""):
            yield Mistake(child(path, name), expected, quoted(name))
        elif name.lower() in seen:
            yield Mistake(child(path, name), "each header once", quoted(name))
        seen.add(name.lower())
    if len(table) > 32:
        yield Mistake(path, "at most 32 headers", str(len(table)))


def channel(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    yield from _credentials(table, path)
    video, audio = _codec(table, "video"), _codec(table, "audio")
    if video == audio == "none":
        yield Mistake(f"{path}.audio.codec", 'picture or sound (video.codec is "none")', '"none"')
    if table.get("source") == DEMO:
        for part, codec in (("video", video), ("audio", audio)):
            if codec == "copy":
                yield Mistake(f"{path}.{part}.codec", f'a codec to encode with ("{DEMO}" holds none)', '"copy"')


def _codec(table: Mapping[str, Any], part: str) -> object:
    inner = table.get(part)
    return inner.get("codec") if isinstance(inner, dict) else None


def _credentials(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    pair = ("user_file", "password_file")
    given = [key for key in pair if key in table]
    if len(given) == 1:
        missing = pair[1 - pair.index(given[0])]
        yield Mistake(child(path, missing), f"a file name ({given[0]} is given)", "nothing")
    where = table.get("source")
    if not given or not isinstance(where, str):
        return
    if where.startswith(("udp:", "rtp:", DEMO)) or "://" not in where:
        yield Mistake(child(path, given[0]), "a source that can be given a user and password", _shown(where))
    elif "@" in where.split("://", 1)[1].split("/", 1)[0]:
        yield Mistake(child(path, given[0]), "credentials either in files or in the source's URL", "both")


def channels(tables: list[Any], path: str) -> Iterator[Mistake]:
    yield from repeated(tables, path, "name", str, MAX_CHANNELS)


def video(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    width, height = table.get("width"), table.get("height")
    if not isinstance(width, int) or not isinstance(height, int) or max(width, height) > 4096:
        return
    if width * height > MAX_PIXELS:
        yield Mistake(child(path, "height"), f"a picture of at most {MAX_PIXELS} pixels", f"{width}x{height}")


def ladder(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    """`lowest` is the last one when it is left out; `auto` lies above all."""
    highest, lowest = table.get("highest"), table.get("lowest")
    if highest in RUNGS and lowest in RUNGS and RUNGS.index(highest) > RUNGS.index(lowest):
        yield Mistake(child(path, "lowest"), f'"{highest}" or a rung below it', quoted(lowest))


def _rate(least: int, most: int) -> Rule:
    def rule(value: object, path: str) -> Iterator[Mistake]:
        if not least <= BitRate.read(value) <= most:
            yield Mistake(path, f"a bit rate from {show_rate(least)} to {show_rate(most)}", show(value))

    return rule


def _size(least: int) -> Rule:
    def rule(value: object, path: str) -> Iterator[Mistake]:
        if Bytes.read(value) < least:
            yield Mistake(path, f"at least {show_bytes(least)}", show(value))

    return rule


def memory(value: object, path: str) -> Iterator[Mistake]:
    size = MemorySize.read(value)
    if size and size < LEAST_MEMORY:
        yield Mistake(path, f'"auto", or at least {show_bytes(LEAST_MEMORY)}', show(value))


def address(value: str, path: str) -> Iterator[Mistake]:
    """`host:port`, IPv6 in brackets; port 0 takes any free one."""
    found = _ADDRESS.fullmatch(value)
    if not found or int(found["port"]) > 65535 or (found["six"] and not _is_ipv6(found["six"])):
        expected = 'an address such as "127.0.0.1:8080", "0.0.0.0:8080" (every address) or "[::1]:8080"'
        yield Mistake(path, expected, quoted(value))


def _is_ipv6(text: str) -> bool:
    address, percent, zone = text.partition("%")
    return ":" in address and bool(read_address(address)) and bool(zone) == bool(percent)


def network(value: str, path: str) -> Iterator[Mistake]:
    """Read as `edge run` reads it; besides, an address inside a network with its prefix is taken for a slip."""
    try:
        found = read_network(value).text
    except ConfigError:
        found = ""
    address, slash, _ = value.partition("/")
    if not found or (
        slash and read_address(address, mapped=False) != read_address(found.partition("/")[0], mapped=False)
    ):
        hint = f"; its network is {found}" if found else ""
        yield Mistake(path, 'a network such as "127.0.0.1/32" or "10.0.0.0/8"', quoted(value) + hint)


def http(table: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    seen: set[str] = set()
    for key in ("listen", "metrics_listen"):
        items = table.get(key, [])
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, str) and item in seen and not item.endswith(":0"):
                yield Mistake(f"{child(path, key)}[{index}]", "each address once", quoted(item))
            elif isinstance(item, str):
                seen.add(item)
    if table.get("listen") == []:
        yield Mistake(child(path, "listen"), "at least one address", "none")


def not_empty(value: str, path: str) -> Iterator[Mistake]:
    if not value.strip():
        yield Mistake(path, "a path", quoted(value))


RULES: Mapping[str, Rule] = {
    **SITE_RULES,
    "data_dir": not_empty,
    "memory": memory,
    "http": http,
    "http.listen[]": address,
    "http.metrics_listen[]": address,
    "http.trusted_proxies[]": network,
    "hits.exclude_networks[]": network,
    "http.egress": _rate(1000, 10**12),
    "http.traffic_per_month": _size(2**20),
    "channel": channels,
    "channel[]": channel,
    "channel[].source": source,
    "channel[].headers": headers,
    "channel[].user_file": not_empty,
    "channel[].password_file": not_empty,
    "channel[].video": video,
    "channel[].video.bitrate": _rate(8_000, 100_000_000),
    "channel[].ladder": ladder,
    "channel[].audio.bitrate": _rate(8_000, 512_000),
}
