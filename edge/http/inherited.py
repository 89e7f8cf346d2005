"""Sockets that systemd listens on for this service: it has them while the service restarts, so nobody is refused.

They come as descriptors (`host.notify.listened`), are told by their addresses, and take the place of sockets of ours.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable

from edge.errors import ConfigError
from edge.http.unix import PREFIX

NAME = "http"  # FileDescriptorName= of the socket unit
_DO = f"let edge.socket have ListenStream=, FileDescriptorName={NAME} and no Accept=yes"


class Inherited:
    """What was passed and is not taken yet."""

    def __init__(self, descriptors: Iterable[int] = ()) -> None:
        """They are closed by whoever takes them. ConfigError: one is no listening TCP socket; all are closed then."""
        self._sockets: list[socket.socket] = []
        waiting = list(descriptors)
        try:
            while waiting:
                self._sockets.append(_listening(waiting[0]))
                del waiting[0]
        except ConfigError:
            self.close()
            for descriptor in waiting:
                os.close(descriptor)
            raise

    def take(self, family: int, address: object) -> socket.socket | None:
        """The one that listens there, a host and a port as the resolver gives them."""
        for each in self._sockets:
            if each.family == family and each.getsockname() == address:
                self._sockets.remove(each)
                return each
        return None

    def addresses(self) -> str:
        """Of what is not taken, in words; "" if nothing is."""
        return ", ".join(show(each.getsockname()) for each in self._sockets)

    def refuse_rest(self) -> None:
        """ConfigError: one was passed for an address that no configuration names. Who connects there would wait for
        ever."""
        if rest := self.addresses():
            self.close()
            raise ConfigError(
                f"systemd listens on {rest} for edge, but neither http.listen nor http.metrics_listen has it: "
                "let ListenStream= of edge.socket and the configuration name the same addresses"
            )

    def close(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()


def _listening(descriptor: int) -> socket.socket:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise ConfigError(f"descriptor {descriptor} ({NAME}): expected a socket from systemd, got another file; {_DO}")
    found = socket.socket(fileno=descriptor)
    wanted = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
    if wanted and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.setblocking(False)
        return found
    found.detach()
    got = "one that does not listen" if wanted else "one of another kind"
    raise ConfigError(f"descriptor {descriptor} ({NAME}): expected a TCP socket that listens, got {got}; {_DO}")


def show(name: tuple[str, int] | str) -> str:
    """A socket's address as the configuration writes it."""
    if isinstance(name, str):
        return f"{PREFIX}{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
