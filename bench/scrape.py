"""What does a scrape of /metrics cost, with ten sites and two channels: processor time, series, bytes?

Spells of a second each, in turn with a scrape (one more than a second after the last, as answers are kept for a second)
and without; the difference of their medians is a scrape's, connection and thread included. The channels have been live
and are off again, as nobody watches: their series are there, their work is not. The first scrape, which imports
prometheus_client, stands apart.
"""

from __future__ import annotations

import statistics
import sys
import urllib.request
from pathlib import Path
from typing import Any

import common
from together import rest

sys.path.insert(0, str(common.TESTS))
import media

SPELL = 1.1  # seconds
SITES = 10
MOST_SERIES, MOST_SECONDS = 300, 0.010
CHANNELS = """
[[channel]]
name = "news"
source = "{source}"
on_demand = true
[[channel]]
name = "sport"
source = "{source}"
on_demand = true
""" + "".join(f'[[site]]\nid = {n}\nhosts = ["www{n}.example.org"]\npublic = true\n' for n in range(1, SITES + 1))
ACCEPT = {"text": "text/plain", "openmetrics": "application/openmetrics-text"}


def spent(pid: int) -> float:
    """Processor seconds of all its threads, by the scheduler's own clock: /proc/PID/stat counts in 10 ms."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def scrape(url: str, kind: str) -> bytes:
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": ACCEPT[kind]})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def series(text: bytes) -> int:
    return sum(1 for line in text.splitlines() if line and not line.startswith(b"#"))


def visit(url: str) -> None:
    """Both channels have been live and are off again, every site has had a hit."""
    for name in ("news", "sport"):
        with urllib.request.urlopen(f"{url}/live/{name}.ts", timeout=30) as stream:
            stream.read(50_000)
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    for n in range(1, SITES + 1):
        hit = f"{url}/matomo.php?idsite={n}&rec=1&url=https://www{n}.example.org/"
        with urllib.request.urlopen(urllib.request.Request(hit, headers=agent), timeout=20) as answer:
            answer.read()


def off(url: str) -> bool:
    return all(b'"off"' in common.fetch(f"{url}/live/{name}/state")[1] for name in ("news", "sport"))


def spells(edge: common.Edge, seconds: float) -> dict[str, Any]:
    """Processor seconds of a spell: quiet, and with a scrape in each format."""
    found: dict[str, list[float]] = {"quiet": [], **{kind: [] for kind in ACCEPT}}
    for _ in range(max(3, round(seconds / SPELL / len(found)))):
        for kind, several in found.items():
            before = spent(edge.process.pid)
            if kind != "quiet":
                scrape(edge.url, kind)
            rest(SPELL)
            several.append(spent(edge.process.pid) - before)
    return found


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=120, quick=10)
    with (
        common.folder() as work,
        common.Source(media.sample("small")) as source,
        common.Edge(work, source.url, channel=CHANNELS) as edge,
    ):
        visit(edge.url)
        common.until(lambda: off(edge.url), 90, "the channels to be off", edge.log)
        before = spent(edge.process.pid)
        text = scrape(edge.url, "text")
        rest(SPELL)
        first = spent(edge.process.pid) - before
        found = spells(edge, options.seconds)
    medians = {kind: statistics.median(several) for kind, several in found.items()}
    costs = {kind: medians[kind] - medians["quiet"] for kind in ACCEPT}
    common.table(("scrape", "ms"), [(kind, cost * 1000) for kind, cost in (("first", first), *costs.items())])
    bounds = [
        common.verdict("processor seconds of a scrape, text", costs["text"], MOST_SECONDS),
        common.verdict("processor seconds of a scrape, OpenMetrics", costs["openmetrics"], MOST_SECONDS),
        common.verdict("series", series(text), MOST_SERIES),
    ]
    result = {"series": series(text), "bytes": len(text), "first": first, "costs": costs, "medians": medians}
    common.save(options, "scrape", result | {"spells": len(found["quiet"]), "bounds": bounds})


if __name__ == "__main__":
    main()
