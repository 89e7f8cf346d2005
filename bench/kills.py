"""kill -9 at random moments under load: is every acknowledged hit in the database exactly once, and the database whole?

A process keeps hits from eight clients at once and says which were acknowledged; it is killed within `--longest`
seconds (one in ten while it starts), and the next one goes on with the database as it was left. A hit that was kept but
not yet acknowledged is no fault: its sender does not know, and a retry is another hit. Some more rounds kill the real
worker under 16 connections, each on a database of its own.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import common
import killsweb
from killing import Killing

if TYPE_CHECKING:
    from pathlib import Path

SERIES = 20  # rounds on one database
FAULTS = ("lost", "doubled", "integrity", "sums")


def series(folder: Path, seed: int, rounds: int, longest: float) -> list[dict[str, int]]:
    folder.mkdir()
    killing = Killing(folder, seed)
    before, found = 0, []
    for _ in range(rounds):
        verdict = killing.round(longest)
        found.append(dict(verdict) | {"acknowledged": verdict["acknowledged"] - before})
        before = verdict["acknowledged"]
    return found


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=150, quick=5, rounds=200, web=30, seed=1, longest=0.4)
    rounds, web = (10, 2) if options.quick else (options.rounds, options.web)
    with common.folder() as work:
        found: list[dict[str, Any]] = []
        for start in range(0, rounds, SERIES):
            found += series(work / str(start), options.seed + start, min(SERIES, rounds - start), options.longest)
        chance = Random(options.seed)
        over_http = [killsweb.kill(work, chance, options.longest) for _ in range(web)]
    sums = {word: sum(each[word] for each in found) for word in ("acknowledged", *FAULTS)}
    sums["extra"] = sum(found[min(last, rounds) - 1]["extra"] for last in range(SERIES, rounds + SERIES, SERIES))
    http = {word: sum(each.get(word, 0) for each in over_http) for word in sums}
    common.table(("", "kills", *sums), [("the store", rounds, *sums.values()), ("edge run, HTTP", web, *http.values())])
    bounds = [common.verdict(word, sums[word] + http[word], 0) for word in FAULTS]
    bounds.append(common.at_least("kills", rounds + web, 200))
    early = sum(not each["acknowledged"] for each in (*found, *over_http))
    result = {"kills": rounds, "store": sums, "http_kills": web, "http": http, "before_the_first": early}
    common.save(options, "kills", result | {"seed": options.seed, "bounds": bounds})


if __name__ == "__main__":
    main()
