"""`/matomo.php`: reads requests, has the collector take their hits, answers once they are kept. Logs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import msgspec

from edge.errors import OverloadError, StoreError
from edge.hits import answer
from edge.hits.kept import Kept, Refusing
from edge.hits.query import Malformed
from edge.hits.request import Asked, is_bulk, read
from edge.http.message import Later, Request, Response
from edge.http.router import Router, Tokens

PATHS = ("/matomo.php", "/piwik.php")
MOST_BODY = 524_288  # bytes: `request.MOST_ITEMS` hits of 1 kB
_RETRY_SECONDS = 10
_GET = Response(*answer.counted(answer.GET, silent=False))
_GET_SILENT = Response(*answer.counted(answer.GET, silent=True))


class Sorted(msgspec.Struct, gc=False):
    """What became of a request's hits. Excluded ones are tracked too: their senders need not know.

    `invalid`: the places of those that are none. `reason` is of the one hit that is no bulk: why it was excluded
    (`Excluded`) or, where it is invalid, refused (`timing.Refusal`).
    """

    tracked: int
    invalid: tuple[int, ...] = ()
    reason: str = ""
    future: Kept | None = None  # settled after the commit; None: there is nothing to wait for


class Collector(Protocol):
    """What takes the hits. May raise OverloadError and StoreError at once, too."""

    def collect(
        self, items: list[dict[str, str]], address: str, headers: Mapping[str, str], allowed: bool, proxied: bool
    ) -> Sorted:
        """`allowed`: the request has a token that may publish. `proxied`: a trusted proxy passed it on. `headers` with
        lower-case names."""
        ...


class EndpointStats(msgspec.Struct, frozen=True):
    """Counted since the start. What became of readable hits is the collector's to count, what could not be kept the
    store's."""

    rejected: dict[str, int]  # requests that are malformed, too_large, empty; entry: those of bulks that can be no hits


class Endpoint:
    """`tokens`: those of the worker; `publish` lets a request set address, country and old times."""

    def __init__(self, collector: Collector, tokens: Tokens) -> None:
        self._collector = collector
        self._tokens = tokens
        self._rejected = dict.fromkeys(("malformed", "too_large", "empty", "entry"), 0)

    def add_to(self, router: Router) -> None:
        for path in PATHS:
            router.add("GET", path, self.take)
            router.add("POST", path, self.take, body=MOST_BODY, cors=answer.cors)
            router.add("OPTIONS", path, _preflight)

    def take(self, request: Request) -> Response | Later:
        headers = request.headers
        try:
            asked = read(request.method, request.query, request.body, headers.get("referer", ""))
        except Malformed as error:
            return self._malformed(request, error)
        own = answer.GET if request.method != "POST" else answer.cors(headers.get("origin"))
        if asked is None:
            return self._empty(own)
        allowed = bool(asked.token) and "publish" in self._tokens.find(asked.token)
        try:
            found = self._collector.collect(asked.items, request.peer, headers, allowed, request.proxied)
        except (OverloadError, StoreError) as error:
            return self._unavailable(error, own, bulk=asked.bulk, silent=asked.silent)
        told = self._told(asked, found, own, allowed)
        return told if found.future is None else self._wait(found.future, told, own, asked)

    def _told(self, asked: Asked, found: Sorted, own: answer.Fields, allowed: bool) -> Response:
        if asked.bulk:
            self._rejected["entry"] += asked.dropped
            tracked, invalid = found.tracked, found.invalid
            return Response(*answer.bulk(own, silent=asked.silent, tracked=tracked, invalid=invalid, show=allowed))
        if found.invalid:
            return Response(*answer.refused(own, silent=asked.silent, reason=found.reason))
        if own is answer.GET and not found.reason:
            return _GET_SILENT if asked.silent else _GET
        return Response(*answer.counted(own, silent=asked.silent, reason=found.reason))

    def _wait(self, kept: Kept, told: Response, own: answer.Fields, asked: Asked) -> Later:
        """Of the request only what its answer needs is kept meanwhile."""
        later = Later()
        kept.then(partial(self._settle, later, told, own, asked.bulk, asked.silent))
        return later

    def _settle(  # noqa: PLR0917 - bound by partial, by place
        self, later: Later, told: Response, own: answer.Fields, bulk: bool, silent: bool, error: Refusing | None
    ) -> None:
        later.give(told if error is None else self._unavailable(error, own, bulk=bulk, silent=silent))

    def _unavailable(self, error: Refusing, own: answer.Fields, *, bulk: bool, silent: bool) -> Response:
        retry = error.retry_after if isinstance(error, OverloadError) else _RETRY_SECONDS
        if bulk:
            return Response(*answer.bulk_failed(own, 503, "Nothing is kept now: send it again later.", retry))
        return Response(*answer.unavailable(own, silent=silent, retry_after=retry))

    def _malformed(self, request: Request, error: Malformed) -> Response:
        self._rejected["too_large" if error.status == 413 else "malformed"] += 1
        own = answer.GET if request.method != "POST" else answer.cors(request.headers.get("origin"))
        if request.body and is_bulk(request.body):
            return Response(*answer.bulk_failed(own, error.status, str(error)))
        return Response(*answer.refused(own, silent=False, reason=str(error), status=error.status))

    def _empty(self, own: answer.Fields) -> Response:
        self._rejected["empty"] += 1
        return Response(*answer.nothing(None if own is answer.GET else own))

    def stats(self) -> EndpointStats:
        return EndpointStats(dict(self._rejected))


def _preflight(request: Request) -> Response:
    return Response(*answer.preflight(request.headers.get("origin")))
