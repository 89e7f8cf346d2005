"""A power cut, emulated, at random moments under load: is every acknowledged hit in the database exactly once?

strace records what a process writes and syncs; the files are put together with what was synced and a random part of
what was not (`tests/powercut.py`). Each recording goes on with what a cut of the one before left. The same with
`durability = "process"`, which promises nothing after a power cut but a database that is whole: its losses show that
the emulation would see one. A hit counts as lost again at each cut that comes after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import common
from cutting import Cutting

if TYPE_CHECKING:
    from pathlib import Path

CUTS = 20  # of a recording
FAULTS = ("lost", "doubled", "integrity", "sums")
COLUMNS = ("acknowledged", *FAULTS, "extra")


def run(work: Path, durability: str, seed: int, hits: int, cuts: int) -> dict[str, int]:
    """The sums of all verdicts. `lost` and `extra` count a hit again for each cut."""
    work.mkdir()
    cutting = Cutting(work, seed, durability)
    sums = dict.fromkeys(COLUMNS, 0)
    for _ in range(0, cuts, CUTS):
        verdicts = cutting.recording(hits, CUTS)
        for word in (*FAULTS, "extra"):
            sums[word] += sum(verdict[word] for verdict in verdicts)
        sums["acknowledged"] = verdicts[-1]["acknowledged"]
    return sums


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=120, quick=10, cuts=200, hits=3000, seed=1)
    common.need("strace")
    cuts, hits = (20, 400) if options.quick else (options.cuts, options.hits)
    with common.folder() as work:
        runs = {word: run(work / word, word, options.seed, hits, cuts) for word in ("power", "process")}
    common.table(("durability", "cuts", *COLUMNS), [(word, cuts, *sums.values()) for word, sums in runs.items()])
    bounds = [common.verdict(word, runs["power"][word], 0) for word in FAULTS]
    bounds += [common.verdict(f"process: {word}", runs["process"][word], 0) for word in FAULTS[1:]]
    bounds += [common.at_least("process: lost", runs["process"]["lost"], 1), common.at_least("cuts", cuts, 100)]
    common.save(options, "powercut", {"runs": runs, "cuts": cuts, "seed": options.seed, "bounds": bounds})


if __name__ == "__main__":
    main()
