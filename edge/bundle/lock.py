"""Lock files: one line a package, its exact version and the hash of its one wheel; no address of an index. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from edge.bundle.target import Target
from edge.errors import ConfigError

_LINE = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[A-Za-z0-9.+!]+) --hash=sha256:(?P<hash>[0-9a-f]{64})")


class Pin(NamedTuple):
    """A package as it is in a release."""

    name: str
    version: str
    sha256: str


def pins(text: str, file: str) -> list[Pin]:
    """The packages of a lock file. ConfigError names the first line that is none."""
    found: list[Pin] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise ConfigError(f"{file}:{number}: expected name==version --hash=sha256:…, got {line.strip()!r}")
        found.append(Pin(match["name"], match["version"], match["hash"]))
    if not found:
        raise ConfigError(f"{file}: expected at least one package, got none")
    return found


def resolved(report: Mapping[str, Any]) -> list[Pin]:
    """The packages of `pip install --dry-run --report`."""
    found = []
    for item in report["install"]:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        found.append(Pin(name, item["metadata"]["version"], item["download_info"]["archive_info"]["hashes"]["sha256"]))
    return sorted(found)


def text(target: Target, packages: Iterable[Pin]) -> str:
    """The lock file. Its first lines say how to make it anew."""
    head = (
        f"# What a release for Python {target.minor} on {target.arch} consists of besides edge. Made by:",
        f"# edge bundle --refresh --python {target.minor} --arch {target.arch}",
    )
    return "\n".join((*head, *(f"{p.name}=={p.version} --hash=sha256:{p.sha256}" for p in packages), ""))
