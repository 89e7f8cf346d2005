"""What a router's handler says to a request, as the connection would ask it."""

from __future__ import annotations

from collections.abc import Awaitable

from edge.http.message import Answer, Later, Request
from edge.http.router import Endpoint, Router


def answered(router: Router, request: Request) -> Answer | Later | Awaitable[Answer]:
    """Raises what the handler raises."""
    endpoint = router.endpoint(request)
    return endpoint.handler(request) if isinstance(endpoint, Endpoint) else endpoint
