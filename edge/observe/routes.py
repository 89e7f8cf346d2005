"""Where what is watched is asked for: beside the viewers, or on a listener of its own."""

from __future__ import annotations

from collections.abc import Callable

from edge.http.message import Request, json
from edge.http.router import Router
from edge.observe.metrics import Exporter
from edge.observe.pages import Allowed, healthz, metrics, readyz
from edge.observe.statuspages import StatusPages
from edge.observe.whole import Whole


class Watching:
    """Handlers over `whole`. `well`: whether every thread that matters goes on."""

    def __init__(self, whole: Whole, well: Callable[[], bool]) -> None:
        self._whole = whole
        self._well = well
        self._exporter = Exporter(whole.snapshot)

    def add_to_viewers(self, router: Router, *, scraped: bool) -> None:
        """Private channels are for tokens of scope stats. `scraped`: `/metrics` is here too."""

        def allowed(request: Request) -> bool:
            return router.refusal(request, "stats") is None

        whole = self._whole
        router.add("GET", "/api/v1/channels", lambda _request: json(200, whole.snapshot().channels), scope="stats")
        StatusPages(whole.status, router.refusal).add_to(router)
        self._add_probes(router, allowed)
        if scraped:
            router.add("GET", "/metrics", metrics(self._exporter, allowed))

    def add_to_operators(self, router: Router) -> None:
        """Whoever reaches that listener may know everything that is counted."""
        self._add_probes(router, _everybody)
        router.add("GET", "/metrics", metrics(self._exporter, _everybody))

    def add_local(self, router: Router) -> None:
        """For `edge top` on this host."""
        router.add("GET", "/local/status", lambda _request: json(200, self._whole.status()))

    def _add_probes(self, router: Router, allowed: Allowed) -> None:
        router.add("GET", "/healthz", healthz(self._well))
        router.add("GET", "/readyz", readyz(self._whole.readiness, self._whole.freshness, allowed))


def _everybody(_request: Request) -> bool:
    return True
