"""`/matomo.php`: reads requests, has the collector take their hits, answers once they are kept. Logs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from edge.errors import OverloadError, StoreError
from edge.hits import answer
from edge.hits.query import Malformed
from edge.hits.request import Asked, is_bulk, read
from edge.hits.rollup import Item
from edge.hits.settings import SiteSettings
from edge.http.message import Constant, Later, Request, Response
from edge.http.router import Router, Tokens

PATHS = ("/matomo.php", "/piwik.php")
MOST_BODY = 524_288  # bytes: `request.MOST_ITEMS` hits of 1 kB
_RETRY_SECONDS = 10
Refusing: TypeAlias = StoreError | OverloadError


class Sorted(msgspec.Struct, gc=False):
    """What became of a request's hits. `batch` is what is to be kept: those that are counted, and those that are not
    for a reason. Excluded ones are tracked too: their senders need not know.

    `invalid`: the places of those that are none. `reason` is of the one hit that is no bulk: why it was excluded
    (`Excluded`) or, where it is invalid, refused (`timing.Refusal`).
    """

    batch: list[Item]
    invalid: Sequence[int] = ()
    reason: str = ""


class Collector(Protocol):
    """What takes the hits."""

    def sort(
        self, items: list[dict[str, str]], address: str, headers: Mapping[str, str], allowed: bool, proxied: bool
    ) -> Sorted:
        """`allowed`: the request has a token that may publish. `proxied`: a trusted proxy passed it on. `headers` with
        lower-case names."""
        ...

    def keep(self, batch: list[Item], done: Callable[[Refusing | None], None]) -> None:
        """Keeps what `sort` has just found, then calls `done` on the loop: with None after the commit, or with why
        nothing of it is kept. OverloadError and StoreError at once, too; then `done` is not called."""
        ...


class EndpointStats(msgspec.Struct, frozen=True):
    """Counted since the start. What became of readable hits is the collector's to count, what could not be kept the
    store's."""

    rejected: dict[str, int]  # requests that are malformed, too_large, empty; entry: those of bulks that can be no hits


class _Own(msgspec.Struct, frozen=True):
    """The fields that a request's answers have, and what most of them are."""

    fields: answer.Fields
    image: Response
    silent: Response


def _own(fields: answer.Fields) -> _Own:
    image, silent = (Constant(*answer.counted(fields, silent=each)) for each in (False, True))
    return _Own(fields, image, silent)


def _origins(sites: Iterable[SiteSettings]) -> Iterator[str]:
    """Where the sites' own pages send from: their answers are the same each time."""
    for site in sites:
        for host in site.hosts:
            yield from (f"https://{host}", f"http://{host}")


class _Pending(Later, kw_only=True):
    """The answer once a request's hits are kept. Of the request only what its answer needs is held meanwhile."""

    told: Response
    own: answer.Fields
    bulk: bool
    silent: bool

    def settle(self, error: Refusing | None) -> None:
        self.give(self.told if error is None else _unavailable(error, self.own, bulk=self.bulk, silent=self.silent))


class Endpoint:
    """`tokens`: those of the worker; `publish` lets a request set address, country and old times."""

    def __init__(self, collector: Collector, tokens: Tokens, sites: Iterable[SiteSettings] = ()) -> None:
        self._collector = collector
        self._tokens = tokens
        self._get = _own(answer.GET)
        self._posts = {origin: _own(answer.cors(origin)) for origin in (None, *_origins(sites))}
        self._rejected = dict.fromkeys(("malformed", "too_large", "empty", "entry"), 0)

    def add_to(self, router: Router) -> None:
        for path in PATHS:
            router.add("GET", path, self.take)
            router.add("POST", path, self.take, body=MOST_BODY, cors=answer.cors)
            router.add("OPTIONS", path, _preflight)

    def take(self, request: Request) -> Response | Later:
        headers = request.headers
        own = self._get if request.method != "POST" else self._post(headers.get("origin"))
        try:
            asked = read(request.method, request.query, request.body, headers.get("referer", ""))
        except Malformed as error:
            return self._malformed(request, own.fields, error)
        if asked is None:
            return self._empty(own)
        allowed = bool(asked.token) and "publish" in self._tokens.find(asked.token)
        found = self._collector.sort(asked.items, request.peer, headers, allowed, request.proxied)
        told = self._bulk_told(asked, found, own, allowed) if asked.bulk else _told(asked, found, own)
        if not found.batch:
            return told
        pending = _Pending(told=told, own=own.fields, bulk=asked.bulk, silent=asked.silent)
        try:
            self._collector.keep(found.batch, pending.settle)
        except (OverloadError, StoreError) as error:
            return _unavailable(error, own.fields, bulk=asked.bulk, silent=asked.silent)
        return pending

    def _post(self, origin: str | None) -> _Own:
        return self._posts.get(origin) or _own(answer.cors(origin))

    def _bulk_told(self, asked: Asked, found: Sorted, own: _Own, allowed: bool) -> Response:
        self._rejected["entry"] += asked.dropped
        tracked, invalid = len(found.batch), found.invalid
        return Response(*answer.bulk(own.fields, silent=asked.silent, tracked=tracked, invalid=invalid, show=allowed))

    def _malformed(self, request: Request, own: answer.Fields, error: Malformed) -> Response:
        self._rejected["too_large" if error.status == 413 else "malformed"] += 1
        if request.body and is_bulk(request.body):
            return Response(*answer.bulk_failed(own, error.status, str(error)))
        return Response(*answer.refused(own, silent=False, reason=str(error), status=error.status))

    def _empty(self, own: _Own) -> Response:
        self._rejected["empty"] += 1
        return Response(*answer.nothing(None if own is self._get else own.fields))

    def stats(self) -> EndpointStats:
        return EndpointStats(dict(self._rejected))


def _told(asked: Asked, found: Sorted, own: _Own) -> Response:
    """To a hit that came alone."""
    if found.invalid:
        return Response(*answer.refused(own.fields, silent=asked.silent, reason=found.reason))
    if found.reason:
        return Response(*answer.counted(own.fields, silent=asked.silent, reason=found.reason))
    return own.silent if asked.silent else own.image


def _unavailable(error: Refusing, own: answer.Fields, *, bulk: bool, silent: bool) -> Response:
    retry = error.retry_after if isinstance(error, OverloadError) else _RETRY_SECONDS
    if bulk:
        return Response(*answer.bulk_failed(own, 503, "Nothing is kept now: send it again later.", retry))
    return Response(*answer.unavailable(own, silent=silent, retry_after=retry))


def _preflight(request: Request) -> Response:
    return Response(*answer.preflight(request.headers.get("origin")))
