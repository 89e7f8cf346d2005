"""How verbs reach the worker of this host: HTTP over the socket in its data_dir, and who they are on its files."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import ConfigError
from edge.http.unix import SOCKET, path_of

if TYPE_CHECKING:
    from edge.config.model import Settings

PLACES = ("edge.toml", "/etc/edge/edge.toml")  # of the configuration, if none is named; the role writes the second


class LocalConnection(HTTPConnection):
    """To the worker that runs with `data_dir`."""

    def __init__(self, data_dir: str, timeout: float) -> None:
        super().__init__("edge", timeout=timeout)
        self._path = path_of(os.path.join(data_dir, SOCKET))  # noqa: PTH118 - `path_of` wants text

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def place() -> str:
    """The configuration that is meant when none is named."""
    for name in PLACES:
        if Path(name).is_file():
            return name
    raise ConfigError(f"expected --config FILE, or one of {' and '.join(PLACES)}")


def settings_of(config: str | None) -> Settings:
    """Of that configuration, or of the one that `place` finds; without its secrets, which only the service is shown."""
    from edge.config.load import load  # noqa: PLC0415 - only when a configuration is needed

    return load(config or place(), secrets=False)


def data_dir_of(config: str | None) -> str:
    """As `settings_of`, and where there is none the demo's."""
    if config or any(Path(name).is_file() for name in PLACES):
        return settings_of(config).data_dir
    from edge.config.model import demo  # noqa: PLC0415

    return demo().data_dir


@contextmanager
def acting(data_dir: str) -> Iterator[None]:
    """root acts as the directory's owner meanwhile: what it makes there must be the service's. Where the owner alone
    does not come, as systemd keeps a DynamicUser's directory below one of root's, root works and hands it over."""
    owner = _owner(data_dir)
    if os.geteuid() != 0 or owner is None or owner.st_uid == 0:
        yield
        return
    with _being(owner):
        comes = _owner(data_dir) is not None
        if comes:
            yield
    if not comes:
        try:
            yield
        finally:
            _hand_over(data_dir, owner)


def _owner(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None


@contextmanager
def _being(owner: os.stat_result) -> Iterator[None]:
    before = os.geteuid(), os.getegid()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])


def _hand_over(directory: str, owner: os.stat_result) -> None:
    """SQLite gives its own logs to whom the database belongs; this is for all else. No link below is followed."""
    for _, folders, files, here in os.fwalk(Path(directory).resolve()):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):  # a running worker has replaced it meanwhile
                os.chown(name, owner.st_uid, owner.st_gid, dir_fd=here, follow_symlinks=False)
