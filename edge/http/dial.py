"""Connections to sources: look-up, connect and TLS, each with a deadline that holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from edge.errors import SourceError
from edge.http.origin import Origin
from edge.http.tls import Tls, TlsTransport, default_tls

if TYPE_CHECKING:
    import ssl

Address: TypeAlias = tuple[int, Any]  # family, and what connect takes
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[Address]]]
_MOST_ADDRESSES = 8
_TICK = 0.01  # the loop's timers count in milliseconds: less than some is nothing


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds. All hold whatever the peer does."""

    lookup: float = 5.0
    connect: float = 5.0  # per address
    connect_all: float = 10.0  # all addresses, and TLS
    head: float = 10.0  # from the request to the whole response head
    silence: float = 5.0  # from the last byte to the next, while we read


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of `host`, in the system's order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


async def dial(
    origin: Origin,
    protocol: asyncio.Protocol,
    deadlines: Deadlines,
    resolver: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> asyncio.Transport:
    """Connects `protocol` to the origin. SourceError says at which step it failed."""
    addresses = await _look_up(origin, deadlines.lookup, resolver)
    end = asyncio.get_running_loop().time() + deadlines.connect_all
    sock = await _connect_any(origin, addresses, deadlines.connect, end)
    try:
        return await _wrap(origin, sock, protocol, end, tls)
    except BaseException:
        sock.close()
        raise


async def _look_up(origin: Origin, seconds: float, resolver: Resolve) -> list[Address]:
    """A look-up that never returns goes on in its own thread; we do not wait for it."""
    try:
        async with asyncio.timeout(seconds):
            addresses = await resolver(origin.host, origin.port)
    except TimeoutError:
        raise SourceError("dns", f"expected an address for {origin.host} within {seconds:g} s") from None
    except (OSError, UnicodeError) as error:
        raise SourceError("dns", f"expected an address for {origin.host}: {_words(error)}") from None
    if not addresses:
        raise SourceError("dns", f"expected an address for {origin.host}, got none")
    return addresses[:_MOST_ADDRESSES]


async def _connect_any(origin: Origin, addresses: list[Address], each: float, end: float) -> socket.socket:
    """The first address that answers; the last one's reason when none does."""
    now = asyncio.get_running_loop().time
    failure = SourceError("timeout_connect", f"expected {origin.authority} to answer in time")
    for family, address in addresses:
        left = end - now()
        if left < _TICK:
            break
        try:
            return await _connect(family, address, min(each, left))
        except TimeoutError:
            failure = SourceError("timeout_connect", f"expected {origin.authority} to answer within {each:g} s")
        except ConnectionRefusedError:
            failure = SourceError("refused", f"{origin.authority} refuses connections")
        except OSError as error:
            failure = SourceError("unreachable", f"cannot reach {origin.authority}: {_words(error)}")
    raise failure


async def _connect(family: int, address: Any, seconds: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _wrap(
    origin: Origin, sock: socket.socket, protocol: asyncio.Protocol, end: float, tls: ssl.SSLContext | None
) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    if origin.scheme == "http":
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
        return transport
    if tls is None:
        tls = await loop.run_in_executor(None, default_tls)  # reads files: not on the loop
    wrapped = Tls(protocol, tls, origin.host)
    plain, _ = await loop.create_connection(lambda: wrapped, sock=sock)
    try:
        async with asyncio.timeout_at(end):
            error = await wrapped.ready
    except TimeoutError:
        error = TimeoutError()
    except BaseException:
        plain.abort()
        raise
    if error is not None:
        plain.abort()
        raise SourceError("tls", f"expected a TLS handshake with {origin.authority}: {_words(error)}")
    return TlsTransport(wrapped)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
