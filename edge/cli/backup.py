"""`edge backup`: what a worker keeps, in one file, consistent also while it runs.

The database is copied by SQLite from a read transaction: commits go on meanwhile, and none is half in it. The other
files are always replaced as a whole.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from edge.cli.backupfile import SMALL, Manifest, check, write
from edge.cli.local import PLACES, acting, settings_of
from edge.errors import ConfigError, StoreError
from edge.hits.schema import connect_reading
from edge.hits.service import DATABASE
from edge.units import show_bytes

HELP = "copy what a worker keeps into one file, also while it runs"
EXAMPLES = (
    "edge backup --config /etc/edge/edge.toml --output edge.tar.gz",
    "edge backup --output - | gpg --encrypt --recipient me > edge.tar.gpg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help=f"whose data_dir is copied; default: {' or '.join(PLACES)}")
    parser.add_argument(
        "--output", metavar="FILE", help="default: edge-backup-TIME.tar; a name that ends in .gz is packed, - is stdout"
    )


def run(args: argparse.Namespace) -> int:
    """0: the file is on the disk. What it says goes to standard error, as the backup may be standard output."""
    data_dir = Path(settings_of(args.config).data_dir)
    if not data_dir.is_dir():
        raise ConfigError(f"data_dir: expected a directory, got {data_dir}; edge run makes it")
    made = int(time.time())
    name = args.output or f"edge-backup-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(made))}.tar"
    try:
        with _output(name) as (to, beside):
            manifest = make(data_dir, to, beside, made, packed=name.endswith(".gz"))
    except OSError as error:
        raise StoreError(f"{error.filename or name}: {error.strerror}") from None
    print(f"{name}: {', '.join(f'{item.name} {show_bytes(item.size)}' for item in manifest.files)}", file=sys.stderr)
    return 0


@contextmanager
def _output(name: str) -> Iterator[tuple[BinaryIO, Path]]:
    """The file and where copies may stand meanwhile. It has its name once it is whole; nobody else may read it."""
    if name == "-":
        if sys.stdout.isatty():
            raise ConfigError("--output -: expected a pipe or a file, got a terminal")
        yield sys.stdout.buffer, Path(tempfile.gettempdir())
        return
    target = Path(name)
    if target.exists():
        raise ConfigError(f"--output: expected a new file, {name} is there already")
    part = target.with_name(f".{target.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as to:  # noqa: PTH123
            yield to, target.parent
            to.flush()
            os.fsync(to.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def make(data_dir: Path, to: BinaryIO, beside: Path, made: int, *, packed: bool) -> Manifest:
    """Copies first, so that what is written does not change meanwhile."""
    with tempfile.TemporaryDirectory(prefix=".edge-backup-", dir=beside) as name:
        copies = Path(name)
        files = {each: copies / each for each in SMALL if _copied(data_dir / each, copies / each)}
        if (data_dir / DATABASE).exists():
            files[DATABASE] = copies / DATABASE
            copy_database(data_dir, files[DATABASE])
        if not files:
            raise StoreError(
                f"{data_dir}: expected what a worker keeps there, found nothing; is it the right data_dir?"
            )
        return write(to, files, made, packed=packed)


def _copied(source: Path, target: Path) -> bool:
    """Whether there is one. Root reads the service's folder: a link in it is not followed, nor a pipe waited for."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _strange(source) from None
        raise
    with os.fdopen(descriptor, "rb") as file, target.open("wb") as copy:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _strange(source)
        shutil.copyfileobj(file, copy)
    return True


def _strange(source: Path) -> StoreError:
    return StoreError(f"{source}: expected a file of the worker's, got a link, folder or pipe, which edge never makes")


def copy_database(data_dir: Path, target: Path) -> None:
    """One read transaction: what is committed meanwhile is not in it. StoreError: the disk refuses, or the database is
    not sound."""
    try:
        with acting(str(data_dir)):
            source = connect_reading(str(data_dir / DATABASE))
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        finally:
            with acting(str(data_dir)):
                source.close()
    except sqlite3.Error as error:
        raise StoreError(f"{data_dir / DATABASE}: SQLite says: {error}") from None
    check(target)
