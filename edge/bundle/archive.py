"""A release as one file: tar.gz without times, owners or an order of their own, its hash, and what it is."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge import __version__
from edge.bundle.lock import Pin
from edge.bundle.target import Target
from edge.bundle.tree import PACKAGE

EPOCH = 1_700_000_000  # the time of every file; 0 makes some tools believe that it is missing
LAST = "RELEASE"  # the last member, so that a release that was unpacked in part has none


class Manifest(NamedTuple):
    """What stands in `FILE.json`; `release` is the name of the folder on a host, and what the worker answers with.
    `inputs` tells whether FILE is made of what would be bundled now."""

    release: str
    version: str
    sha256: str
    python: str
    arch: str
    inputs: str


def inputs(target: Target, pins: list[Pin], python: str) -> str:
    """A hash of everything that a bundle is made of; `python` is the full version of the one that compiles."""
    digest = hashlib.sha256(repr((target, pins, python)).encode())
    for path in sorted(_sources()):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    return (p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def name(made_of: str) -> str:
    """A release's own, VERSION-SHA8: by what it is made of, as it cannot hold the hash of the archive that it is in."""
    return f"{__version__}-{made_of[:8]}"


def describe(folder: Path, release: str, target: Target, pins: list[Pin]) -> None:
    """Writes RELEASE: for people, and the sign that all is there."""
    said = {"release": release, "version": __version__, "python": target.minor, "arch": target.arch}
    packages = {pin.name: pin.version for pin in pins}
    (folder / LAST).write_text(json.dumps({**said, "packages": packages}, indent=2) + "\n")


def pack(folder: Path, output: Path) -> str:
    """Writes the archive and returns its SHA-256; a half-written one never has the name."""
    part = output.with_name(output.name + ".part")
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _ordered(folder):
            _add(archive, path, path.relative_to(folder).as_posix())
    digest = hash_of(part)
    part.replace(output)
    return digest


def _ordered(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"), key=lambda path: (path.name == LAST and path.parent == folder, path.as_posix()))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    info = archive.gettarinfo(path, name)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = EPOCH
    info.mode = 0o755 if path.is_dir() or info.mode & 0o100 else 0o644
    if path.is_dir():
        archive.addfile(info)
        return
    with path.open("rb") as file:
        archive.addfile(info, file)


def hash_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def manifest(target: Target, sha256: str, made_of: str) -> Manifest:
    return Manifest(name(made_of), __version__, sha256, target.minor, target.arch, made_of)


def save(described: Manifest, output: Path) -> None:
    """Beside the archive: what `sha256sum --check` reads, and what the role reads."""
    output.with_name(output.name + ".sha256").write_text(f"{described.sha256}  {output.name}\n")
    output.with_name(output.name + ".json").write_text(json.dumps(described._asdict(), indent=2) + "\n")


def saved(output: Path) -> Manifest | None:
    """What is beside the archive, if that is the archive it was written for."""
    try:
        described = Manifest(**json.loads(output.with_name(output.name + ".json").read_text()))
        return described if hash_of(output) == described.sha256 else None
    except (OSError, ValueError, TypeError):
        return None
