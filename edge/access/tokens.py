"""Tokens: 160 random bits each, known to us only as a hash, in one small file.

A worker sees a change of the file (`edge token revoke` is another process) within `CHECK_SECONDS`: `find` looks at the
file's status, nothing else, at most that often; a changed file is read by `background`, for a worker a thread. Until it
is read the old tokens count; a file that cannot be read means no tokens at all.
"""

from __future__ import annotations

import base64
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec

from edge.access.scopes import SCOPES, granted
from edge.errors import ConfigError, StoreError
from edge.host.blake import blake2b
from edge.host.statefile import sync_directory

CHECK_SECONDS = 2.0
MOST_TOKENS = 1000
LONGEST_NOTE = 200
_MOST_BYTES = 1_048_576
_PREFIX = "edge_"
_NOBODY: frozenset[str] = frozenset()


class Token(msgspec.Struct, frozen=True):
    """What is kept of a token: `created` in wall-clock seconds, `hash` BLAKE2b-256 of the secret in hexadecimal."""

    id: str
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[str, ...]
    note: str
    created: int


class _File(msgspec.Struct):
    tokens: list[Token]


class TokenStats(msgspec.Struct, frozen=True):
    tokens: int
    readable: bool


class Tokens:
    """The tokens of one data directory. `find` may be called from the loop; the rest does disk work."""

    def __init__(
        self,
        path: str,
        background: Callable[[Callable[[], None]], object] = lambda work: work(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._directory = os.path.dirname(path) or "."  # noqa: PTH120
        self._background = background
        self._monotonic = monotonic
        self._checked = monotonic()
        self._seen: tuple[int, ...] = ()
        self._known: tuple[tuple[bytes, frozenset[str]], ...] = ()
        self._readable = True
        self._reload()

    def find(self, secret: str) -> frozenset[str]:
        """What `secret` allows; nothing if it is no token. The time does not tell how near it was."""
        self.refresh()
        found = _NOBODY
        if not self._known:
            return found
        from hmac import compare_digest  # noqa: PLC0415 - see _hash

        wanted = _hash(secret)
        for digest, scopes in self._known:
            if compare_digest(digest, wanted):
                found = scopes
        return found

    def new(self, scopes: Iterable[str], note: str = "", now: float | None = None) -> str:
        """Makes a token and returns its secret, which is kept nowhere."""
        wanted = _checked(scopes)
        if len(note) > LONGEST_NOTE or not note.isprintable():
            raise ConfigError(f"expected a note of at most {LONGEST_NOTE} printable characters")
        secret = _PREFIX + base64.b32encode(os.urandom(20)).decode("ascii").lower()
        created = int(time.time() if now is None else now)
        with self._exclusive():
            tokens = self.list()
            if len(tokens) >= MOST_TOKENS:
                raise StoreError(f"{self._path} holds {MOST_TOKENS} tokens, which is the most: revoke some")
            taken = {token.id for token in tokens}
            token = Token(_new_id(taken), _hash(secret).hex(), wanted, note, created)
            self._write([*tokens, token])
        return secret

    def list(self) -> list[Token]:
        """The tokens as the file has them now. StoreError when it cannot be read."""
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123 - pathlib would cost a worker 0.4 MB
                raw = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._path}: {error.strerror}") from None
        if len(raw) > _MOST_BYTES:
            raise StoreError(f"expected {self._path} to be at most {_MOST_BYTES} bytes")
        try:
            return msgspec.json.decode(raw, type=_File).tokens
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise StoreError(f"{self._path} is damaged ({error}): mend or remove it, then make new tokens") from None

    def revoke(self, identity: str) -> bool:
        """Whether there was such a token; it is gone now."""
        with self._exclusive():
            tokens = self.list()
            kept = [token for token in tokens if token.id != identity]
            if len(kept) != len(tokens):
                self._write(kept)
        return len(kept) != len(tokens)

    def stats(self) -> TokenStats:
        return TokenStats(len(self._known), self._readable)

    def refresh(self) -> None:
        """Looks whether the file has changed, at most every `CHECK_SECONDS`; cheap enough for each `find`."""
        now = self._monotonic()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        seen = self._status()
        if seen != self._seen:
            self._seen = seen
            self._background(self._reload)

    def _status(self) -> tuple[int, ...]:
        try:
            status = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_ino, status.st_size)

    def _reload(self) -> None:
        """One assignment at the end, so that `find` on another thread sees the old or the new."""
        self._seen = self._status()  # before reading: a change meanwhile is seen by the next check
        try:
            tokens = self.list()
            self._readable = True
        except StoreError:
            tokens = []
            self._readable = False
        self._known = tuple((bytes.fromhex(token.hash), granted(token.scopes)) for token in tokens)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Two `edge token` at once must not lose each other's change."""
        with _refusals(self._path):
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                _give_to_owner(lock, self._directory)
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
        self._reload()

    def _write(self, tokens: Iterable[Token]) -> None:
        raw = msgspec.json.format(msgspec.json.encode(_File(list(tokens))), indent=1)
        fresh = f"{self._path}.new"  # ours alone under the lock; a crash may have left one
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(fresh, flags, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            _give_to_owner(handle, self._directory)
            file.write(raw)
            file.flush()
            os.fsync(handle)
        os.replace(fresh, self._path)  # noqa: PTH105
        sync_directory(self._directory)


def _hash(secret: str) -> bytes:
    return blake2b(secret.encode("utf-8", "replace"), digest_size=32, person=b"edge token").digest()


def _new_id(taken: set[str]) -> str:
    while (identity := os.urandom(4).hex()) in taken:
        pass
    return identity


def _checked(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(scopes))
    wrong = [scope for scope in wanted if scope not in SCOPES]
    if wrong or not wanted:
        raise ConfigError(f"expected scopes out of {', '.join(SCOPES)}, got {', '.join(wrong) or 'none'}")
    return wanted


def _give_to_owner(handle: int, directory: str) -> None:
    """root makes tokens for the service: what it writes must be the service's, or the worker could not read it."""
    if os.geteuid() == 0:
        status = os.stat(directory)  # noqa: PTH116
        os.fchown(handle, status.st_uid, status.st_gid)


@contextmanager
def _refusals(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
