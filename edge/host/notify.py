"""What a service and systemd tell each other: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).

Outside of systemd nothing here does anything, so callers need not ask where they run.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Mapping, MutableMapping

import msgspec

PATIENCE = 1.0  # seconds for a message that must arrive, if the manager's buffer is full
FIRST = 3  # SD_LISTEN_FDS_START
MAX_DESCRIPTORS = 64  # of the store; the unit's FileDescriptorStoreMax= is far below
_LISTEN = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class NotifyStats(msgspec.Struct, frozen=True):
    """Messages to the manager since the start."""

    sent: int
    failed: int  # refused, or its buffer stayed full


class Notify:
    """Messages to the manager that started this process. Each method says whether the message was sent."""

    def __init__(self, address: str) -> None:
        """`address` is $NOTIFY_SOCKET: a path, `@name` in the abstract namespace, or empty: nobody listens."""
        self._to = _address(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._to else None
        self._sent = self._failed = 0

    def ready(self, status: str = "") -> bool:
        return self._send(f"READY=1\nSTATUS={_line(status)}", PATIENCE)

    def stopping(self) -> bool:
        return self._send("STOPPING=1", PATIENCE)

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(f"STATUS={_line(text)}")

    def watchdog(self) -> bool:
        """Says that the process is well; at least twice in `watchdog_seconds`."""
        return self._send("WATCHDOG=1")

    def store(self, name: str, descriptor: int) -> bool:
        """Has the manager keep a copy of the descriptor, which the next process of the service gets from `listened`.

        It adds to what is kept under `name`: to replace it, `remove` first. The unit needs FileDescriptorStoreMax=.
        """
        return self._send(f"FDSTORE=1\nFDNAME={name}", PATIENCE, descriptor)

    def remove(self, name: str) -> bool:
        """Has the manager close all that it keeps under `name`."""
        return self._send(f"FDSTOREREMOVE=1\nFDNAME={name}", PATIENCE)

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._to = self._socket = None

    def stats(self) -> NotifyStats:
        return NotifyStats(self._sent, self._failed)

    def _send(self, message: str, patience: float = 0.0, descriptor: int | None = None) -> bool:
        """Not connected, so that a manager that was executed anew and listens again is reached too."""
        if self._socket is None or self._to is None:
            return False
        rights = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
        try:
            self._socket.settimeout(patience)
            self._socket.sendmsg([message.encode()], rights, socket.MSG_NOSIGNAL, self._to)
        except OSError:
            self._failed += 1
            return False
        self._sent += 1
        return True


def _address(text: str) -> str | None:
    """As socket.sendmsg wants it. Other kinds (`vsock:`) are for virtual machines, not for services."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _line(text: str) -> str:
    return " ".join(text.split())


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """After how long without `Notify.watchdog` the manager ends this process; None: it does not watch. Pure."""
    usec = _count(environ.get("WATCHDOG_USEC"))
    if not usec or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return usec / 1e6


def listened(environ: MutableMapping[str, str]) -> dict[str, list[int]]:
    """The descriptors that the manager passed to this process, by name: sockets that it listens on, and what an earlier
    process put into the store. They belong to the caller; none is inherited by other programs, and the variables are
    removed, so that no child takes them for its own. A second call finds nothing."""
    pid, count, names, _ = (environ.pop(name, "") for name in _LISTEN)
    number = _count(count) or 0
    if pid != str(os.getpid()) or number > MAX_DESCRIPTORS:
        return {}
    named = names.split(":") if names else []
    found: dict[str, list[int]] = {}
    for i in range(number):
        descriptor = FIRST + i
        try:
            os.set_inheritable(descriptor, False)
        except OSError:  # not open: whoever set the variables was wrong
            continue
        found.setdefault(named[i] if i < len(named) else "unknown", []).append(descriptor)
    return found


def _count(text: str | None) -> int | None:
    if text and len(text) <= 18 and text.isascii() and text.isdigit():
        return int(text)
    return None
