"""`/status` and `/api/v1/status`: the whole state, for a token of the scope `admin`.

The page is made here; a few lines of script fetch it again and put the new one in place. Rates need two readings: the
last one that was shown is remembered, whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edge.http.compress import maybe_gzip
from edge.http.door import BODY, Door, Refusal
from edge.http.html import HTML, WEB, asset, document, read, send, spoken, watched_safety
from edge.http.message import Headers, Request, Response, json
from edge.http.router import Router
from edge.observe.status import Rates, Status, rates
from edge.observe.statushtml import StatusHtml

LEAST, MOST = 1.0, 60.0  # seconds between the two readings of a rate
_FRESH: Headers = (("Cache-Control", "no-store"), ("Vary", "Accept-Language"))


class StatusPages:
    """Handlers over `ask`, which reads the state of now."""

    def __init__(self, ask: Callable[[], Status], refusal: Refusal) -> None:
        self._ask = ask
        self._door = Door(refusal, "admin", "edge_status", "/status")
        self._files = {name: asset(WEB, name) for name in ("status.css", "status.js")}
        tags = {name: file.tag for name, file in self._files.items()}
        self._html = StatusHtml(document(WEB, "status.html"), read(WEB, "status.json"), tags)
        self._before: Status | None = None
        self._rates: Rates | None = None

    def add_to(self, router: Router) -> None:
        router.add("GET", "/api/v1/status", lambda _request: json(200, self._ask(), _FRESH), scope="admin")
        router.add("GET", "/status", self.page)
        router.add("POST", "/status", self.enter, body=BODY)
        for name, file in self._files.items():
            router.add("GET", f"/status/{name}", partial(send, file))

    def page(self, request: Request) -> Response:
        if not self._door.admits(request):
            return self._closed(request)
        now = self._ask()
        self._note(now)
        body = self._html.page(now, self._rates, spoken(request), request.arg("lang"))
        return maybe_gzip(request, body, HTML, _FRESH + watched_safety())

    def enter(self, request: Request) -> Response:
        lang = request.arg("lang")
        to = f"/status?lang={spoken(request)}" if lang else "/status"
        return self._door.enter(request, to) or self._closed(request, wrong=True)

    def _closed(self, request: Request, *, wrong: bool = False) -> Response:
        body = self._html.door(spoken(request), request.arg("lang"), wrong=wrong)
        headers: Headers = (("Content-Type", HTML), ("WWW-Authenticate", 'Bearer realm="edge"'))
        return Response(401, (*headers, *_FRESH, *watched_safety()), body)

    def _note(self, now: Status) -> None:
        """Several who look at once share the rates: readings too near to each other tell nothing."""
        before = self._before
        if before is None or now.uptime - before.uptime > MOST:
            self._before, self._rates = now, None
        elif now.uptime - before.uptime >= LEAST:
            self._before, self._rates = now, rates(before, now)
