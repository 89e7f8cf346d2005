"""The file of `edge backup`: a tar whose first member says what the others are, each with its SHA-256.

Only the files named here are ever written or read: tokens (their hashes), the state, the database of hits. The secrets
that tell visits apart are in the worker's memory alone, so no backup holds them.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge import __version__
from edge.errors import StoreError
from edge.hits.schema import APPLICATION, OLDEST, VERSION, versions
from edge.hits.service import DATABASE

FORMAT = 1
MANIFEST = "manifest.json"
SMALL = ("tokens.json", "state.json")
NAMES = (*SMALL, DATABASE)
_MOST_MANIFEST = 65_536
_CHUNK = 1 << 20


class Item(msgspec.Struct, frozen=True):
    """`size` in bytes, `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`edge`: the version that made it; `made`: wall second; `database`: the version of it that an
    edge must know at least, if there is one."""

    format: int
    edge: str
    made: int
    database: int | None
    files: tuple[Item, ...]


def write(to: BinaryIO, files: dict[str, Path], made: int, *, packed: bool) -> Manifest:
    """`files` by name; they must not change any more. `packed`: by gzip."""
    items = tuple(Item(name, path.stat().st_size, digest(path)) for name, path in files.items())
    manifest = Manifest(FORMAT, __version__, made, OLDEST if DATABASE in files else None, items)
    with tarfile.open(fileobj=to, mode="w|gz" if packed else "w|") as tar:
        _add(tar, MANIFEST, made, io.BytesIO(msgspec.json.encode(manifest)))
        for name, path in files.items():
            with path.open("rb") as file:
                _add(tar, name, made, file)
    return manifest


def _add(tar: tarfile.TarFile, name: str, made: int, file: BinaryIO) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = file.seek(0, 2)
    file.seek(0)
    entry.mode, entry.mtime = 0o600, made
    tar.addfile(entry, file)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(source: BinaryIO, backup: str, folder: Path) -> Manifest:
    """Writes the files into the empty `folder`, verified; `backup`: the name of `source`. StoreError: it is no backup,
    it is damaged, or a later version's."""
    try:
        with tarfile.open(fileobj=source, mode="r:*") as tar:
            manifest = _manifest(tar, backup)
            for item in manifest.files:
                _extract(tar, item, folder, backup)
    except (tarfile.TarError, EOFError, KeyError, zlib.error) as error:
        raise StoreError(f"{backup}: expected a whole backup of edge, got {type(error).__name__}: {error}") from None
    except OSError as error:
        raise StoreError(f"{error.filename or backup}: {error.strerror or error}") from None
    if manifest.database is not None:
        check(folder / DATABASE)
    return manifest


def _manifest(tar: tarfile.TarFile, backup: str) -> Manifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > _MOST_MANIFEST:
        raise StoreError(f"{backup}: expected a backup of edge, which begins with {MANIFEST}")
    data = _file(tar, entry).read()
    try:
        form = msgspec.json.decode(data, type=dict[str, object]).get("format")
        if form != FORMAT:
            raise StoreError(f"{backup}: expected a backup of format {FORMAT}, got {form}: use the edge that made it")
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError:
        raise StoreError(f"{backup}: expected a backup of edge, its {MANIFEST} is damaged") from None
    names = [item.name for item in manifest.files]
    if not set(names) <= set(NAMES) or len(set(names)) != len(names) or (DATABASE in names) != bool(manifest.database):
        raise StoreError(f"{backup}: expected files of edge, got {', '.join(names)}")
    if manifest.database is not None and manifest.database > VERSION:
        raise StoreError(
            f"{backup}: made by a later edge ({manifest.edge}; its database needs version {manifest.database}, this "
            f"one knows {VERSION}): install that edge first"
        )
    return manifest


def _extract(tar: tarfile.TarFile, item: Item, folder: Path, backup: str) -> None:
    entry = tar.getmember(item.name)
    if not entry.isreg() or entry.size != item.size:
        raise StoreError(f"{backup}: expected {item.name} of {item.size} bytes")
    target = folder / item.name
    target.touch(0o600, exist_ok=False)
    source = _file(tar, entry)
    with target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest(target) != item.sha256:
        raise StoreError(f"{backup}: {item.name} is damaged (its SHA-256 is another)")


def _file(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> BinaryIO:
    found = tar.extractfile(entry)
    if found is None:
        raise tarfile.TarError(f"{entry.name} is no file")
    return found  # type: ignore[return-value]  # typeshed: IO[bytes]


def check(path: Path) -> None:
    """StoreError: it is no sound database of edge that this version can use."""
    with _opened(path) as db:
        application, found = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        oldest, version = versions(found)
        if application != APPLICATION or not 0 < oldest <= VERSION:
            raise StoreError(f"{path.name}: expected a database of edge up to version {VERSION}, got version {version}")
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreError(f"{path.name}: expected a sound database, SQLite finds: {found}")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        yield db
    except sqlite3.Error as error:
        raise StoreError(f"{path.name}: expected a sound database, SQLite says: {error}") from None
    finally:
        db.close()
