"""kill -9 at random moments: what was acknowledged is in the database exactly once, whatever was under way."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random

from hitsload import A_DAY, Verdict, acknowledged, command, judge

ENDLESS = 10**9


class Killing:
    """Rounds on one database: each begins with what the last one left, log and all."""

    def __init__(self, folder: Path, seed: int, durability: str = "power") -> None:
        self._path = folder / "hits.db"
        self._chance = Random(seed)
        self._durability = durability
        self.first = 0
        self.told: list[int] = []

    def round(self, longest: float) -> Verdict:
        """Kills after at most `longest` seconds of work; one in ten while it starts. Judges all rounds so far."""
        child = subprocess.Popen(
            command(self._path, self._durability, self.first, ENDLESS), stdout=subprocess.PIPE, bufsize=0
        )
        assert child.stdout
        lines = [] if self._chance.random() < 0.1 else [child.stdout.readline()]
        # The pipe holds 64 KB, some 6 000 acknowledgements: then clients would wait for us.
        time.sleep(self._chance.uniform(0.0, longest))
        child.kill()
        lines += child.communicate()[0].splitlines(keepends=True)
        child.wait()
        told = acknowledged(lines)
        self.told += told
        self.first = (max([self.first, *told]) // A_DAY + 20) * A_DAY  # beyond what was sent and not acknowledged
        return judge(self._path, self.told)
