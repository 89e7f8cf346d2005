"""A socket in the file system, for the verbs of one host: `unix:PATH`. Who may open the file is the operator.

A process that is killed leaves its file behind. Whether somebody listens is therefore told by a lock beside it, which
ends with its process, and not by the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat

from edge.errors import ConfigError

PREFIX = "unix:"
SOCKET = "edge.sock"  # in data_dir: where a worker answers the verbs of its host
MAX_PATH = 107  # bytes: sun_path has 108 (unix(7)), and one ends it


def path_of(text: str) -> str:
    """The path of `unix:PATH`. ConfigError for one that the kernel would not take."""
    path = text.removeprefix(PREFIX)
    size = len(os.fsencode(path))
    if not path or "\0" in path:
        raise ConfigError(f'expected a path behind "{PREFIX}", got "{text}"')
    if size > MAX_PATH:
        raise ConfigError(
            f"{path}: the path of a socket may have {MAX_PATH} bytes, this one has {size}: "
            "choose a shorter data_dir, or one relative to the working directory"
        )
    return path


class UnixListener(socket.socket):
    """Bound and listening, mode 0600. It holds the lock on its path until it is closed, and the file goes with it."""

    def __init__(self, path: str, backlog: int) -> None:
        """ConfigError says why the path cannot be had."""
        self._path = path
        self._inode = -1
        self._lock = locked(path)
        try:
            super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
            self.setblocking(False)
            _remove_stale(path)
            self.bind(path)
            os.chmod(path, 0o600)  # noqa: PTH101 - before listen(): until then nobody gets in
            self._inode = os.stat(path).st_ino  # noqa: PTH116
            self.listen(backlog)
        except OSError as error:
            self.close()
            raise ConfigError(f"cannot listen on {PREFIX}{path}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Twice is as good as once."""
        with contextlib.suppress(OSError):
            if self._lock >= 0 and os.stat(self._path).st_ino == self._inode:  # noqa: PTH116
                os.unlink(self._path)  # noqa: PTH108
        super().close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def locked(path: str) -> int:
    """The open lock file; ConfigError: another edge has the lock. The file stays for ever: to remove it would let two
    processes lock two files."""
    name = f"{path}.lock"
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write {name}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno == errno.EWOULDBLOCK:
            raise ConfigError(
                f"{path} is in use: another edge runs with this data_dir; stop it or name another"
            ) from None
        raise ConfigError(f"cannot lock {name}: {error.strerror}") from None
    return lock


def _remove_stale(path: str) -> None:
    """Under the lock a socket that is there is nobody's. What is no socket is not ours to remove."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(
            f"{path}: expected a socket or nothing there, got another file; remove it or name another data_dir"
        )
    os.unlink(path)  # noqa: PTH108
