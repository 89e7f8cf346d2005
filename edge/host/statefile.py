"""Small state that outlives the process: one JSON file, replaced as a whole."""

from __future__ import annotations

import os
from typing import Generic, TypeVar

import msgspec

from edge.errors import StoreError
from edge.log import Log

MAX_BYTES = 2**20
State = TypeVar("State", bound=msgspec.Struct)


class StateFile(Generic[State]):
    """A `State` (a Struct that can be made without arguments) at `path`. Blocks on the disk: not for the loop."""

    def __init__(self, path: str, kind: type[State], log: Log) -> None:
        self.path = path
        self._kind = kind
        self._log = log

    def load(self) -> State:
        """What was saved last; a fresh `State` if nothing was, or if it is damaged: then the file is kept as `.bad`.

        Raises StoreError if the file is there and the disk does not give it.
        """
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - the worker does without pathlib
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return self._kind()
        except OSError as error:
            raise self._error("read", error) from None
        return self._decode(data)

    def _decode(self, data: bytes) -> State:
        try:
            if len(data) > MAX_BYTES:
                raise msgspec.ValidationError(f"more than {MAX_BYTES} bytes")
            return msgspec.json.decode(data, type=self._kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._set_aside(str(error))
            return self._kind()

    def _set_aside(self, reason: str) -> None:
        kept = f"{self.path}.bad"
        try:
            os.replace(self.path, kept)  # noqa: PTH105
        except OSError as error:
            raise self._error("set aside", error) from None
        self._log.warning("state_damaged", file=self.path, kept_as=kept, reason=reason)

    def save(self, state: State) -> None:
        """Replaces the file: after a power cut it holds the old or the new state, never a part. Raises StoreError."""
        data = msgspec.json.encode(state)
        if len(data) > MAX_BYTES:
            raise StoreError(f"{self.path}: expected a state of at most {MAX_BYTES} bytes, got {len(data)}")
        fresh = f"{self.path}.new"
        try:
            _write(fresh, data)
            os.replace(fresh, self.path)  # noqa: PTH105
            sync_directory(os.path.dirname(self.path) or ".")  # noqa: PTH120
        except OSError as error:
            raise self._error("write", error) from None

    def _error(self, what: str, error: OSError) -> StoreError:
        return StoreError(
            f"cannot {what} {self.path}: {error.strerror}; free space there or give user {os.geteuid()} the right to it"
        )


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def sync_directory(path: str) -> None:
    """A rename is on the disk when its directory is."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
