"""URLs of sources: what to connect to, what to ask for, and what goes along when a server sends us elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote, unquote, urljoin, urlsplit

import msgspec

from edge import __version__
from edge.errors import ConfigError, SourceError
from edge.http.fields import trouble

_PORTS = {"http": 80, "https": 443}
# What may follow a redirect to another host. Everything else a user added could be a secret of the first one.
_HARMLESS = frozenset({"user-agent", "accept", "accept-language", "referer", "origin", "icy-metadata"})


class Origin(msgspec.Struct, frozen=True):
    """A parsed http URL and the credentials for its host. `repr` and `url` are without them."""

    scheme: str
    host: str  # as a name or an address, without brackets
    port: int
    target: str
    authorization: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Origin({self.url})"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def request(self) -> bytes:
        """The GET. One response a connection: live responses are ended by closing anyway."""
        fields = {
            "Host": self.authority,
            "User-Agent": f"edge/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self.authorization:
            fields["Authorization"] = self.authorization
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{name}: {value}\r\n" for name, value in fields.items() if name.lower() not in given]
        lines += [f"{name}: {value}\r\n" for name, value in self.headers]
        return f"GET {self.target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")

    def redirected(self, location: str) -> Origin:
        """Where `location` (as the field came) leads. Credentials stay with the host they are for."""
        text = location.encode("latin-1", "replace").decode("utf-8", "replace")
        try:
            there = _split(urljoin(self.url, text))
        except ValueError:
            message = (
                f"expected {self.authority} to redirect to an http or https URL, got {text.partition(':')[0][:40]}:"
            )
            raise SourceError("redirect", message) from None
        if there.host == self.host and _same_service(self, there):
            return msgspec.structs.replace(there, authorization=self.authorization, headers=self.headers)
        kept = tuple(field for field in self.headers if field[0].lower() in _HARMLESS)
        return msgspec.structs.replace(there, authorization="", headers=kept)


def _same_service(here: Origin, there: Origin) -> bool:
    """The same port and scheme, or the usual step from http to https."""
    same = (here.scheme, here.port) == (there.scheme, there.port)
    return same or (here.scheme, here.port, there.scheme, there.port) == ("http", 80, "https", 443)


def read_origin(url: str, headers: Mapping[str, str], user: str | None, password: str | None) -> Origin:
    """The origin of a configured source. `user` outranks the one in the URL. ConfigError for what cannot be asked."""
    try:
        origin = _split(url)
    except ValueError as error:
        raise ConfigError(f"expected an http or https URL as the source, got one that is not: {error}") from None
    for name, value in headers.items():
        if expected := trouble(name, value):
            raise ConfigError(f"expected a header field that may be set, {expected}, got {name[:40]!r}")
    authorization = basic(user, password or "") if user is not None else origin.authorization
    return msgspec.structs.replace(origin, authorization=authorization, headers=tuple(headers.items()))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _split(url: str) -> Origin:
    """ValueError says what is wrong, without the URL."""
    if not url.isprintable():
        raise ValueError("it has control characters")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"its scheme is {parts.scheme or 'missing'}")
    if not parts.hostname:
        raise ValueError("it names no host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    target = quote(parts.path or "/", safe="/%:=&~+!$,;'@()*|") + (f"?{_query(parts.query)}" if parts.query else "")
    authorization = ""
    if parts.username is not None:
        authorization = basic(unquote(parts.username), unquote(parts.password or ""))
    return Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme], target, authorization)


def _query(query: str) -> str:
    return quote(query, safe="/?%:=&~+!$,;'@()*|[]")
