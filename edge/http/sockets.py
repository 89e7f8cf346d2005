"""Listening addresses and what is set on sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import sys

from edge.errors import ConfigError
from edge.http.inherited import Inherited
from edge.http.limits import Limits
from edge.http.unix import PREFIX, UnixListener, path_of

BACKLOG = 511  # as nginx; with 128 the slowest of 900 who connect at once lost its SYN: 1.0 s, not 0.1
_FAMILY_MISSING = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # localhost may be ::1 too where IPv6 is switched off
_RESERVED = 64  # descriptors for everything that is no connection of ours: sources, files, the loop
_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)
_MEMINFO, _WMEM_QUEUED = 55, 5  # SO_MEMINFO (Linux 4.12): nine counts of 32 bits; the one of what waits to be sent


def parse_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`. ConfigError for all else."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = not any(sign in host for sign in "[]:")
    if not (colon and (bracketed or plain) and port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise ConfigError(f'expected an address such as "127.0.0.1:8080" or "[::1]:8080" to listen on, got "{text}"')
    return (host[1:-1] if bracketed else host), int(port)


async def listeners(text: str, limits: Limits, inherited: Inherited) -> list[socket.socket]:
    """The sockets of one address (a name may have several), bound or taken from those that systemd passed. ConfigError
    says why it cannot be had."""
    if text.startswith(PREFIX):
        return [_local(path_of(text), limits)]
    host, port = parse_address(text)
    loop = asyncio.get_running_loop()
    flags = socket.AI_PASSIVE
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        raise ConfigError(f'expected an address of this host to listen on, got "{text}": {error.strerror}') from None
    opened: list[socket.socket] = []
    failed: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            opened.append(_taken(inherited, family, address, limits) or _bound(family, address, limits))
        except OSError as error:
            failed = error
    if failed and not (opened and failed.errno in _FAMILY_MISSING):
        for each in opened:
            each.close()
        raise ConfigError(_refusal(text, failed, inherited.addresses()))
    return opened


def _taken(inherited: Inherited, family: int, address: object, limits: Limits) -> socket.socket | None:
    found = inherited.take(family, address)
    if found is not None:
        _prepare(found, limits)
    return found


def _bound(family: int, address: object, limits: Limits) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _prepare(bound, limits)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)  # type: ignore[arg-type]
        bound.listen(BACKLOG)  # here, so that a port in use is noticed here too
    except OSError:
        bound.close()
        raise
    return bound


def _local(path: str, limits: Limits) -> socket.socket:
    bound = UnixListener(path, BACKLOG)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)
    return bound


def _prepare(bound: socket.socket, limits: Limits) -> None:
    """What accepted connections inherit: bounds of what the kernel holds for them, an end for peers that vanished."""
    for level, option, value in (
        (socket.SOL_SOCKET, socket.SO_RCVBUF, limits.receive_buffer),  # of a request; one read of ours is no larger
        (socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer),
        (socket.IPPROTO_TCP, _NOTSENT_LOWAT, limits.not_sent_low),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.keepalive_seconds),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.keepalive_seconds),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limits.user_timeout_seconds * 1000),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ):
        bound.setsockopt(level, option, value)


def queued(transport: asyncio.BaseTransport) -> int:
    """Bytes of the kernel's memory that hold what the peer has not acknowledged. 0 where the kernel does not say."""
    try:
        counts = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, _MEMINFO, 36)
    except (OSError, AttributeError):
        return 0
    return int.from_bytes(counts[4 * _WMEM_QUEUED : 4 * _WMEM_QUEUED + 4], sys.byteorder)


def set_send_buffers(transport: asyncio.WriteTransport, limits: Limits, *, short: bool) -> None:
    """What may wait for a connection's peer from now on, in the kernel and with us. What waits already stays."""
    with contextlib.suppress(OSError, AttributeError):
        size = limits.short_send_buffer if short else limits.send_buffer
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
    transport.set_write_buffer_limits(high=limits.short_write_high if short else limits.write_high)


def _refusal(text: str, error: OSError, inherited: str) -> str:
    if error.errno == errno.EADDRINUSE and inherited:
        return f"{text} is in use, perhaps by systemd, which listens on {inherited}: ListenStream= must name the same"
    if error.errno == errno.EADDRINUSE:
        return f"{text} is in use: stop what listens there (`ss -ltnp` names it) or set another address in http.listen"
    if error.errno == errno.EACCES:
        return f"{text} is not allowed: take a port from 1024 on, or grant CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{text} is no address of this host: see `ip address`, or listen on 0.0.0.0"
    return f"cannot listen on {text}: {error.strerror}"


def affordable(connections: int, lingering: int) -> int:
    """How many connections the process's descriptors leave room for, at most `connections`."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return min(connections, max(8, soft - lingering - _RESERVED))
