"""A page that asks for a token by a form. The token then is a cookie of this browser session, for the page's path alone
and out of scripts' reach; it never stands in an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from edge.http.message import Request, Response
from edge.http.router import bearer
from edge.http.target import query_value

Refusal: TypeAlias = Callable[[Request, str], Response | None]

MAX_TOKEN = 200  # characters
BODY = 1024  # bytes of the form


class Door:
    """`refusal(request, scope)` is the router's: None when the request's token has the scope. `path`: of the pages."""

    def __init__(self, refusal: Refusal, scope: str, cookie: str, path: str) -> None:
        self._refusal, self._scope, self._cookie, self._path = refusal, scope, cookie, path

    def admits(self, request: Request) -> bool:
        """By `Authorization: Bearer`, or by the cookie."""
        if bearer(request):
            return self._refusal(request, self._scope) is None
        token = _value(request.headers.get("cookie", ""), self._cookie)
        return bool(token) and self._good(token)

    def enter(self, request: Request, to: str) -> Response | None:
        """What answers the form: leads to `to` with the token as a cookie, without one if the form was empty. None: the
        token does not open this."""
        token = (query_value(request.body, "token") or "")[:MAX_TOKEN]
        if token and not self._good(token):
            return None
        secure = "; Secure" if request.scheme == "https" else ""
        gone = "" if token else "; Max-Age=0"
        cookie = f"{self._cookie}={token}; Path={self._path}; HttpOnly; SameSite=Strict{secure}{gone}"
        return Response(303, (("Location", to), ("Set-Cookie", cookie), ("Cache-Control", "no-store")))

    def _good(self, token: str) -> bool:
        probe = Request("GET", self._path, b"", {"authorization": f"Bearer {token}"}, "", "http", "")
        return token.isascii() and token.isprintable() and ";" not in token and not self._refusal(probe, self._scope)


def _value(field: str, cookie: str) -> str:
    for part in field[:4096].split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie:
            return value[:MAX_TOKEN]
    return ""
