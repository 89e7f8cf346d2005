"""What a user can set about the HTTP server."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge.units import BitRate, Bytes

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[http]`. Addresses are `host:port`, IPv6 in brackets."""

    listen: tuple[str, ...] = ("127.0.0.1:8080",)
    metrics_listen: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    egress: BitRate | None = None
    max_viewers: Count | None = None
    traffic_per_month: Bytes | None = None
    max_connections: Count = 1000
    max_connections_per_address: Count = 256
