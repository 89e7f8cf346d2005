"""`edge restore`: puts a backup back, while no worker runs. What stood there is kept beside, never overwritten."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from edge.cli.backupfile import NAMES, Manifest, unpack
from edge.cli.local import PLACES, acting, settings_of
from edge.errors import ConfigError, StoreError
from edge.hits.service import DATABASE
from edge.host.datadir import prepare
from edge.host.statefile import sync_directory
from edge.http.unix import SOCKET, locked

HELP = "put a backup back, while no worker runs"
EXAMPLES = ("edge restore edge.tar.gz --config /etc/edge/edge.toml",)
_OURS = (*NAMES, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="FILE", help="as edge backup made it")
    parser.add_argument("--config", metavar="FILE", help=f"whose data_dir is filled; default: {' or '.join(PLACES)}")
    parser.add_argument("--force", action="store_true", help="also if data_dir holds something, which is kept beside")


def run(args: argparse.Namespace) -> int:
    """0: it is in place and on the disk."""
    data_dir = Path(settings_of(args.config).data_dir).absolute()
    try:
        with Path(args.backup).open("rb") as backup, acting(str(data_dir)):  # who acts may not open the backup
            prepare(str(data_dir))
            manifest, kept = _locked(data_dir, backup, args.backup, force=args.force)
    except OSError as error:
        raise StoreError(f"{error.filename or data_dir}: {error.strerror}") from None
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.made))
    print(f"{data_dir}: as of {made}, edge {manifest.edge}: {', '.join(item.name for item in manifest.files)}")
    if kept:
        print(f"what was there is in {kept}")
    return 0


def _locked(data_dir: Path, backup: BinaryIO, name: str, *, force: bool) -> tuple[Manifest, Path | None]:
    """With the lock that a running worker has: none may start meanwhile."""
    lock = locked(str(data_dir / SOCKET))
    try:
        there = [each for each in _OURS if (data_dir / each).exists()]
        if there and not force:
            raise ConfigError(
                f"{data_dir}: expected an empty data_dir, it holds {', '.join(there)}; --force keeps that beside"
            )
        return restore(backup, name, data_dir, there)
    finally:
        os.close(lock)


def restore(backup: BinaryIO, name: str, data_dir: Path, there: list[str]) -> tuple[Manifest, Path | None]:
    """Everything is verified before anything is touched. A log of the old database must not stay beside the new one:
    SQLite would take it for its own."""
    kept = None
    with tempfile.TemporaryDirectory(prefix=".edge-restore-", dir=data_dir) as folder:
        manifest = unpack(backup, name, Path(folder))
        if there:
            kept = data_dir / f"before-restore-{time.time_ns()}"
            kept.mkdir(0o700)
            for each in there:
                (data_dir / each).rename(kept / each)
        for item in manifest.files:
            (Path(folder) / item.name).rename(data_dir / item.name)
    sync_directory(str(data_dir))
    return manifest, kept
