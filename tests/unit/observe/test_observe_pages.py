"""The handlers of /metrics and the probes."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.http.message import Request, Response
from edge.observe import pages
from edge.observe.health import Freshness, Readiness
from edge.observe.metrics import Exporter
from edge.observe.snapshot import Build, ChannelSnapshot, Snapshot


def request(query: bytes = b"", **headers: str) -> Request:
    return Request("GET", "/", query, headers, "127.0.0.1", "http", "localhost")


def test_metrics_are_not_cached_by_others() -> None:
    handler: Any = pages.metrics(Exporter(lambda: Snapshot(Build("1", "3"))), lambda _: True)
    response: Response = asyncio.run(handler(request(accept="application/openmetrics-text")))
    assert response.status == 200
    assert dict(response.headers)["Content-Type"].startswith("application/openmetrics-text")
    assert dict(response.headers)["Cache-Control"] == "no-store"
    assert bytes(response.body).endswith(b"# EOF\n")  # type: ignore[arg-type]


def test_healthz() -> None:
    well = [True, False]
    handler: Any = pages.healthz(lambda: well.pop(0))
    response = handler(request())
    assert (response.status, dict(response.headers)["Cache-Control"]) == (200, "no-store")
    assert bytes(response.body).startswith(b"ok, edge ")
    response = handler(request())
    assert response.status == 503
    assert bytes(response.body).startswith(b"hung, edge ")


def test_readyz_asks_for_channels_only_when_told() -> None:
    up = Readiness(configuration=True, store=True, listeners=True)
    handler: Any = pages.readyz(lambda: up, lambda: [Freshness("news", True, None)], lambda _: True)
    assert handler(request()).status == 200
    assert handler(request(b"x=channels")).status == 200
    for query in (b"channels", b"channels=1", b"a=b&channels"):
        response = handler(request(query))
        assert response.status == 503
        assert b"from news" in response.body


def knows(request: Request) -> bool:
    return request.headers.get("authorization") == "good"


def test_metrics_name_private_channels_to_those_who_may_know() -> None:
    snapshot = Snapshot(Build("1", "3"), (ChannelSnapshot("news"), ChannelSnapshot("secret", public=False)))
    handler: Any = pages.metrics(Exporter(lambda: snapshot), knows)

    async def ask() -> list[bytes]:
        """In turns, as the texts are kept for a second."""
        return [bytes((await handler(request(authorization=word))).body) for word in ("", "good", "bad", "good")]

    found = [(b'"news"' in body, b"secret" in body) for body in asyncio.run(ask())]
    assert found == [(True, False), (True, True), (True, False), (True, True)]


def test_readyz_counts_private_channels_and_names_them_to_those_who_may_know() -> None:
    up = Readiness(configuration=True, store=True, listeners=True)
    late = [Freshness("news", True, None), *(Freshness(f"secret{n}", True, None, public=False) for n in range(2))]
    handler: Any = pages.readyz(lambda: up, lambda: late, knows)
    stranger, friend = handler(request(b"channels")), handler(request(b"channels", authorization="good"))
    assert (stranger.status, friend.status) == (503, 503)
    assert stranger.body.endswith(b"from news, a private channel\n")
    assert friend.body.endswith(b"from news, secret0, secret1\n")
