"""Power cuts under load, judged: each recording goes on with what a cut of the one before left."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from hitsload import A_DAY, Verdict, acknowledged, command, judge
from powercut import cuts, record


class Cutting:
    """`work` is for its files alone."""

    def __init__(self, work: Path, seed: int, durability: str = "power") -> None:
        self._work = work
        self._live, self._before = work / "live", work / "before"
        self._live.mkdir()
        self._durability = durability
        self._chance = Random(seed)
        self._told: list[int] = []  # before this recording
        self._first = 0

    def recording(self, hits: int, count: int) -> list[Verdict]:
        """The verdicts on `count` cuts of a run of `hits` hits; the next one goes on with what the last cut left."""
        shutil.rmtree(self._before, ignore_errors=True)
        shutil.copytree(self._live, self._before)
        steps = record(command(self._live / "hits.db", self._durability, self._first, hits), self._work / "strace")
        self._move(self._live)  # the paths of the record are those of `live`
        verdicts = []
        for left, lines in cuts(self._live, steps, self._chance, count):
            told = self._told + acknowledged(lines)
            verdicts.append(self._judged(left, told))
        self._told = told
        self._first = (max([self._first, *told]) // A_DAY + 20) * A_DAY
        return verdicts

    def _move(self, place: Path) -> None:
        """The folder as it was before the recording, where the recording says it was."""
        shutil.rmtree(place)
        shutil.copytree(self._before, place)

    def _judged(self, left: dict[str, bytes], told: list[int]) -> Verdict:
        shutil.rmtree(self._live)
        self._live.mkdir()
        for path, content in left.items():
            Path(path).write_bytes(content)
        return judge(self._live / "hits.db", told)
