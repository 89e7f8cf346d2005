"""`/metrics`, `/healthz` and `/readyz` as handlers; the composition root puts them on the listeners they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.http.message import Handler, Request, Response, text
from edge.observe.health import Freshness, Readiness, health, ready, ready_channels
from edge.observe.metrics import Exporter

Allowed = Callable[[Request], bool]  # whether the request may learn of private channels

_FRESH = (("Cache-Control", "no-store"),)


def metrics(exporter: Exporter, allowed: Allowed) -> Handler:
    """Without private channels for those who are not `allowed` to know of them."""

    async def answer(request: Request) -> Response:
        kind, body = await exporter.scrape(request.headers.get("accept", ""), private=allowed(request))
        return Response(200, (("Content-Type", kind), *_FRESH), body)

    return answer


def healthz(well: Callable[[], bool]) -> Handler:
    """`well`: whether the watchdog would be fed. Containers ask here instead of a watchdog."""
    return lambda _request: text(*health(well=well()), _FRESH)


def readyz(state: Callable[[], Readiness], channels: Callable[[], Sequence[Freshness]], allowed: Allowed) -> Handler:
    """`?channels` asks for the channels too: a source that is away must not fail a deployment by itself.

    A private channel counts for everybody and is named to those who are `allowed` to know of it.
    """

    def answer(request: Request) -> Response:
        if request.arg("channels") is None:
            return text(*ready(state()), _FRESH)
        return text(*ready_channels(state(), channels(), private=allowed(request)), _FRESH)

    return answer
