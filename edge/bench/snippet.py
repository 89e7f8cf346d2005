"""Settings as TOML: what a measured worker is given, and what the user can paste into a configuration. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from edge.channel.settings import ChannelSettings
from edge.units import BitRate, Bytes, Quantity

_PREFIXES = (("G", 10**9), ("M", 10**6), ("k", 10**3))


def channel_toml(channel: ChannelSettings) -> str:
    """A `[[channel]]` table with what differs from the defaults."""
    lines = ["[[channel]]", *_pairs(channel)]
    for name in ("video", "audio", "ladder"):
        lines += [f"[channel.{name}]", *pairs] if (pairs := list(_pairs(getattr(channel, name)))) else []
    return "\n".join(lines) + "\n"


def site_toml(number: int, host: str, durability: str) -> str:
    """A site whose hits are counted, and what an acknowledged one outlives. Public: else /metrics needs a token."""
    site = f"[[site]]\nid = {number}\nhosts = [{json.dumps(host)}]\npublic = true\n"
    return f'[hits]\ndurability = "{durability}"\n{site}'


def worker_toml(channel: ChannelSettings | None, data_dir: str, clients: int, more: str = "") -> str:
    """A whole configuration on a port of the kernel's choice; `more` of it as it is."""
    most = max(256, 2 * clients)
    http = f'[http]\nlisten = ["127.0.0.1:0"]\nmax_connections = {most}\nmax_connections_per_address = {most}\n'
    return f"data_dir = {json.dumps(data_dir)}\n{http}{channel_toml(channel) if channel else ''}{more}"


def _pairs(settings: msgspec.Struct) -> Iterator[str]:
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if value not in (field.default, {}) and not isinstance(value, msgspec.Struct):
            yield f"{field.name} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BitRate | Bytes):
        return json.dumps(_quantity(value))
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{json.dumps(k)} = {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()) + " }"
        )
    return json.dumps(value, ensure_ascii=False)


def _quantity(value: Quantity) -> str:
    number = int(value)  # type: ignore[call-overload]
    for prefix, size in _PREFIXES:
        if number >= size and number % size == 0:
            return f"{number // size}{prefix}"
    return str(number)
