"""The directory that holds what outlives the process."""

from __future__ import annotations

import os

from edge.errors import ConfigError


def prepare(path: str) -> None:
    """Makes the directory (0700) and proves that it can be written. ConfigError says why it cannot and what to do."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103 - the worker does without pathlib
        _try(f"{path}/.try")
    except OSError as error:
        raise ConfigError(
            f"data_dir: expected a directory that edge can write to, got {path} ({error.strerror}); "
            f"make it, give it to user {os.geteuid()}, or name another"
        ) from None


def _try(path: str) -> None:
    """tempfile would do it for 0.4 MB. A file that a crash has left is taken over."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, b"edge")
    finally:
        os.close(handle)
        os.unlink(path)  # noqa: PTH108


def trouble(path: str) -> str | None:
    """Why `prepare` would fail, without making anything; None if it should succeed."""
    place = os.path.abspath(path)  # noqa: PTH100
    while not os.path.lexists(place):
        place = os.path.dirname(place)  # noqa: PTH120
    if not os.path.isdir(place):  # noqa: PTH112
        return f"{place} is not a directory"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"user {os.geteuid()} may not write in {place}"
    return None
