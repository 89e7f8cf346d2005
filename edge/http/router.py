"""From method and path to a handler. Everything that is the same for all handlers is answered here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import msgspec

from edge.http.head import Head
from edge.http.message import Handler, Headers, Request, Response, text

_NAME = re.compile(r"\{([a-z_]+)\}")
_CORS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", "Authorization, Range"),
    ("Access-Control-Max-Age", "86400"),
)


class Tokens(Protocol):
    """`edge.access.tokens.Tokens`, as far as it is needed here."""

    def find(self, secret: str) -> frozenset[str]: ...


class Endpoint(msgspec.Struct, frozen=True):
    """Who answers a request."""

    handler: Handler
    scope: str | None
    body: int
    cors: Callable[[str | None], Headers] | None


class _Route(msgspec.Struct, frozen=True):
    """One pattern with its methods. `weight` counts the literal characters: the most literal pattern wins."""

    pattern: str
    match: re.Pattern[str]
    weight: int
    endpoints: dict[str, Endpoint]


class Router:
    """Routes by pattern: `{name}` is one segment or a part of one. Without `tokens` no scope is ever granted."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens
        self._exact: dict[str, _Route] = {}
        self._by_depth: dict[int, list[_Route]] = {}

    def add(
        self,
        methods: str,
        pattern: str,
        handler: Handler,
        *,
        scope: str | None = None,
        body: int = 0,
        cors: Callable[[str | None], Headers] | None = None,
    ) -> None:
        """`methods` are separated by spaces; GET brings HEAD with it. A request may have up to `body` bytes of body.
        `cors`: the fields, by the request's Origin, with which other sites' scripts may read what the server answers in
        the handler's place, as a body that is too long; for a pattern without names.

        ValueError when one of the methods is there already.
        """
        route = self._route(pattern)
        for method in methods.split():
            if method in route.endpoints:
                raise ValueError(f"{method} {pattern} is there already")
            route.endpoints[method] = Endpoint(handler, scope, body, cors)

    def _route(self, pattern: str) -> _Route:
        routes = self._by_depth.setdefault(pattern.count("/"), [])
        known = [route for route in (*routes, *self._exact.values()) if route.pattern == pattern]
        if known:
            return known[0]
        names = _NAME.sub("\0", pattern)
        expression = re.escape(names).replace(re.escape("\0"), "{}").format(*_groups(pattern))
        route = _Route(pattern, re.compile(expression), len(names.replace("\0", "")), {})
        if "\0" in names:
            routes.append(route)
            routes.sort(key=lambda each: -each.weight)
        else:
            self._exact[pattern] = route
        return route

    def cors(self, head: Head) -> Headers:
        """What an answer that is no handler's needs to be read by the scripts that the path is for."""
        route = self._exact.get(head.target.path)
        endpoint = route.endpoints.get(head.method) if route else None
        return endpoint.cors(head.headers.get("origin")) if endpoint and endpoint.cors else ()

    def endpoint(self, request: Request) -> Endpoint | Response:
        """Who answers the request, of which only the head need be there, and how long a body it may have; or the
        answer that needs neither."""
        route = self._exact.get(request.path)
        if route is None:
            route = self._find(request)
        if route is None:
            return self._unknown(request)
        method = request.method
        endpoint = route.endpoints.get(method)
        if endpoint is None and method == "HEAD":
            endpoint = route.endpoints.get("GET")
        if endpoint is None:
            return _other_method(route, method)
        if endpoint.scope is not None and (refusal := self.refusal(request, endpoint.scope)):
            return refusal
        return endpoint

    def _find(self, request: Request) -> _Route | None:
        path = request.path
        for route in self._by_depth.get(path.count("/"), ()):
            match = route.match.fullmatch(path)
            if match is not None:
                request.params = match.groupdict()
                return route
        return None

    def _unknown(self, request: Request) -> Response:
        if request.method == "OPTIONS" and request.path == "*":
            return Response(204, (("Allow", "GET, HEAD, OPTIONS"),))
        return text(404, "There is nothing here.")

    def refusal(self, request: Request, scope: str) -> Response | None:
        """None when the request's Bearer token has `scope`; else the 401 or 403 to answer (RFC 6750 3)."""
        secret = bearer(request)
        if not secret:
            return _challenge(401, "This needs a token: Authorization: Bearer ...", "")
        scopes = self._tokens.find(secret) if self._tokens else frozenset()
        if not scopes:
            return _challenge(401, "The token is unknown or revoked.", ', error="invalid_token"')
        if scope not in scopes:
            message = f"The token has no scope {scope}."
            return _challenge(403, message, f', error="insufficient_scope", scope="{scope}"')
        return None


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer`, empty without."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def _groups(pattern: str) -> list[str]:
    return [f"(?P<{name}>[^/]+?)" for name in _NAME.findall(pattern)]


def _challenge(status: int, message: str, more: str) -> Response:
    headers = (("WWW-Authenticate", f'Bearer realm="edge"{more}'), ("Cache-Control", "no-store"))
    return text(status, message, headers)


def _other_method(route: _Route, method: str) -> Response:
    endpoints = route.endpoints
    methods = {*endpoints, "OPTIONS", *(["HEAD"] if "GET" in endpoints else [])}
    allow = ", ".join(sorted(methods))
    if method != "OPTIONS":
        return text(405, f"Expected one of the methods {allow}.", (("Allow", allow),))
    return Response(204, (("Allow", allow), ("Access-Control-Allow-Methods", allow), *_CORS))
