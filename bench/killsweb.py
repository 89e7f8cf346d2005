"""Hits over HTTP to a real `edge run` that is killed: which were answered, and what the database then holds of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import common

from edge.hits.schema import connect
from edge.log import Log

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

A_SITE = 400  # hits: no table is full, so each has a row of its own
SITES = 100
CONNECTIONS = 16
CONFIG = "".join(f'[[site]]\nid = {site}\nhosts = ["www.example.org"]\n' for site in range(1, SITES + 1))
REQUEST = (
    "GET /matomo.php?idsite={site}&rec=1&send_image=0&url=http%3A%2F%2Fwww.example.org%2Fp{page} HTTP/1.1\r\n"
    "Host: h.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept-Language: fr\r\n\r\n"
)
PAGES = "SELECT site, text, sum(hits) FROM names WHERE dimension = 1 AND id > 0 GROUP BY site, text"


class Senders:
    def __init__(self, port: int) -> None:
        self._port = port
        self._next = 0
        self.answered: list[int] = []

    async def send(self) -> None:
        """One connection, until it ends or all hits are used up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            while self._next < A_SITE * SITES:
                n, self._next = self._next, self._next + 1
                writer.write(REQUEST.format(site=n // A_SITE + 1, page=n % A_SITE).encode())
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"HTTP/1.1 204") and b"X-Edge-Excluded" not in head:
                    self.answered.append(n)


async def _load(edge: common.Edge, senders: Senders, seconds: float) -> None:
    sending = [asyncio.ensure_future(senders.send()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(seconds)
    edge.process.kill()
    await asyncio.wait_for(asyncio.gather(*sending), 20)


def kill(work: Path, chance: Random, longest: float) -> dict[str, int]:
    """One worker, killed under load."""
    edge = common.Edge(work, "", channel=CONFIG)
    senders = Senders(edge.port)
    asyncio.run(_load(edge, senders, chance.uniform(0.02, longest)))
    edge.process.wait(20)
    return _judge(work / f"edge-data-{edge.port}" / "hits.db", senders.answered)


def _judge(path: Path, answered: list[int]) -> dict[str, int]:
    db = connect(str(path), "process", Log("error"))
    with contextlib.closing(db):
        whole = db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        kept = Counter({(site - 1) * A_SITE + int(text[2:]): hits for site, text, hits in db.execute(PAGES)})
    return {
        "acknowledged": len(answered),
        "lost": sum(not kept[n] for n in answered),
        "doubled": sum(hits > 1 for hits in kept.values()),
        "integrity": int(not whole),
        "extra": len(kept.keys() - set(answered)),
    }
