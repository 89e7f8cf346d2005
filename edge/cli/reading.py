"""Readings of a worker's status for `edge top`: over the socket of this host, or a URL with a token."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

import msgspec

from edge.cli.local import LocalConnection
from edge.errors import ConfigError, SourceError, StoreError
from edge.observe.status import Status

TIMEOUT = 5.0  # seconds
MOST = 8 << 20  # bytes
_TO_TELL = "make one with `edge token new --scope admin` on its host"


class Gone(SourceError):
    """Nobody answers, for now."""

    owner = "peer"

    def __init__(self, message: str) -> None:
        super().__init__("gone", message)


class Reader:
    """Asks anew each time, so that a worker that was started again is found. `where`: for people."""

    def __init__(self, connect: Callable[[], HTTPConnection], path: str, where: str, token: str = "") -> None:
        self._connect, self._path, self.where, self._token = connect, path, where, token

    def raw(self) -> bytes:
        """The status as JSON. Gone: nobody answers; another EdgeError: somebody who says no."""
        connection = self._connect()
        headers = {"Connection": "close", **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        try:
            connection.request("GET", self._path, headers=headers)
            answer = connection.getresponse()
            return _checked(answer, answer.read(MOST), self.where)
        except PermissionError:
            raise StoreError(f"{self.where}: not allowed; be the user that runs edge, or root") from None
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Gone(f"no edge answers at {self.where} ({why})") from None
        finally:
            connection.close()

    def read(self) -> Status:
        return decode(self.raw())


def decode(data: bytes) -> Status:
    try:
        return msgspec.json.decode(data, type=Status)
    except msgspec.MsgspecError:
        raise StoreError("the running edge is of another version: use the `edge top` of that one") from None


def _checked(answer: HTTPResponse, body: bytes, where: str) -> bytes:
    if answer.status == 200:
        return body
    if answer.status in (401, 403):
        raise ConfigError(f"{where}: expected a token of scope admin, which this is not; {_TO_TELL}")
    if answer.status == 404:
        raise ConfigError(f"{where}: expected edge there, of a version that has /api/v1/status; got 404")
    raise Gone(f"{where} answers {answer.status}")


def local(data_dir: str) -> Reader:
    return Reader(lambda: LocalConnection(data_dir, TIMEOUT), "/local/status", f"{data_dir}/edge.sock")


def remote(url: str, token: str) -> Reader:
    """`url`: of the worker, or of the proxy in front of it; a path before `/api` is kept."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query:
        raise ConfigError("--url: expected http:// or https:// with a host, without user, password and query")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    path = f"{parts.path.rstrip('/')}/api/v1/status"
    return Reader(lambda: kind(host, port, timeout=TIMEOUT), path, f"{parts.scheme}://{parts.netloc}", token)
