"""A running edge that counts sites, and what its report says."""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ports
from browsing import edge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A person's: the library's own or none would be a robot's.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
SITE = """[[site]]
id = {number}
hosts = {hosts}
public = true
{more}
"""


def table(number: int, *hosts: str, more: str = "") -> str:
    """A `[[site]]` whose statistics anybody may see."""
    return SITE.format(number=number, hosts=json.dumps(hosts), more=more)


@contextmanager
def collector(folder: Path, *tables: str) -> Iterator[str]:
    """Its address."""
    with edge(folder, ports.free(), *tables) as address:
        yield address


def report(address: str, site: int = 1) -> Report:
    with urllib.request.urlopen(f"{address}/api/v1/sites/{site}/stats?days=2", timeout=60) as answer:
        return Report(json.load(answer))


class Report:
    """What `/api/v1/sites/ID/stats` says of yesterday and today: a test may run through midnight."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.excluded: dict[str, int] = told["excluded"]

    def sums(self, *words: str) -> dict[str, float]:
        return {word: self.told["sums"][word] for word in words}

    def top(self, dimension: str) -> dict[str, int]:
        """Hits by name."""
        return {row["name"]: row["hits"] for row in self.told["top"].get(dimension, ())}
