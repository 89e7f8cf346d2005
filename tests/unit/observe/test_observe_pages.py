"""The handlers of /metrics and the probes."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.http.message import Request, Response
from edge.observe import pages
from edge.observe.health import Freshness, Readiness
from edge.observe.metrics import Exporter
from edge.observe.snapshot import Build, Snapshot


def request(query: bytes = b"", **headers: str) -> Request:
    return Request("GET", "/", query, headers, "127.0.0.1", "http", "localhost")


def test_metrics_are_not_cached_by_others() -> None:
    handler: Any = pages.metrics(Exporter(lambda: Snapshot(Build("1", "3"))))
    response: Response = asyncio.run(handler(request(accept="application/openmetrics-text")))
    assert response.status == 200
    assert dict(response.headers)["Content-Type"].startswith("application/openmetrics-text")
    assert dict(response.headers)["Cache-Control"] == "no-store"
    assert bytes(response.body).endswith(b"# EOF\n")  # type: ignore[arg-type]


def test_healthz() -> None:
    response = pages.healthz(request())
    assert (response.status, dict(response.headers)["Cache-Control"]) == (200, "no-store")
    assert bytes(response.body).startswith(b"ok, edge ")  # type: ignore[arg-type]


def test_readyz_asks_for_channels_only_when_told() -> None:
    up = Readiness(configuration=True, store=True, listeners=True)
    handler: Any = pages.readyz(lambda: up, lambda: [Freshness("news", True, None)])
    assert handler(request()).status == 200
    assert handler(request(b"x=channels")).status == 200
    for query in (b"channels", b"channels=1", b"a=b&channels"):
        response = handler(request(query))
        assert response.status == 503
        assert b"from news" in response.body
