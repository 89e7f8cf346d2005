"""What do exclusion and scrubbing cost a hit: a usual one, a new one, a hostile one? And what does the list of robots?

Processor time, the least of all turns. The list is measured in processes of their own: private anonymous memory.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from common import ROOT, arguments, save, table, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(ROOT))
from edge.hits.admit import Admit, Client
from edge.hits.query import parse
from edge.hits.scrub import Scrubber
from edge.hits.settings import HitsSettings, SiteSettings

CALLS = 300
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
USUAL = (
    b"action_name=Welcome%20to%20the%20caf%C3%A9&idsite=1&rec=1&r=859069&h=12&m=18&s=14&uid=alice%40example.com&_id="
    b"&url=https%3A%2F%2Fwww.example.org%2Fproducts%2Fshoes%3Fcolour%3Dred%26size%3D42%23top&_idn=1&send_image=0"
    b"&urlref=https%3A%2F%2Fsearch.example%2Fsearch%3Fq%3Dred%2520shoes&_refts=1795486694&pv_id=zITYbh&pf_net=12"
    b"&pf_srv=85&pf_tfr=3&uadata=%7B%7D&cookie=1&res=1920x1080"
)
HOSTILE = {
    "letters": "a", "digits": "1", "letters and digits": "a1", "cases": "aB", "escapes": "%40",
    "escapes of escapes": "%25", "identifiers": "0123abcd-", "numbers in groups": "1-", "parts of a path": "/1",
    "parameters": "&a=1", "controls": "\x00", "full width": "％４０", "at signs": "@", "words": "Current ",
}  # fmt: skip
SITE = SiteSettings(
    id=1, hosts=("www.example.org",), titles=True, event_names=True, query_allow=("page",), path_rules=("/user/*",)
)
CHILD = """
import re, sys, time, msgspec, json, pathlib, importlib.machinery
import edge.hits.recent, edge.errors
def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))
before, begun = anonymous(), time.process_time()
if sys.argv[1] == "edge":
    from edge.hits.robots import Robots
    ask = Robots().decide
else:
    from crawleruseragents import is_crawler as ask
ask(sys.argv[2])
first = time.process_time() - begun
begun = time.process_time()
for _ in range(500):
    ask(sys.argv[2])
print(anonymous() - before, first * 1e3, (time.process_time() - begun) / 500 * 1e6)
"""


class Parts:
    """The two parts, and a number that makes each hit a new one."""

    def __init__(self) -> None:
        self.admit = Admit([SITE], HitsSettings(), frozenset({"spam.example"}))
        self.scrubber = Scrubber([SITE], HitsSettings())
        self.number = count()

    def both(self, fields: dict[str, str], agent: str = AGENT) -> None:
        self.admit.reason(SITE, fields, Client("192.0.2.1", agent, "fr-FR,fr;q=0.9", {}))
        self.scrubber.scrub(SITE, fields, agent, "fr-FR,fr;q=0.9", "FR", 1)

    def new(self) -> None:
        """A page, a title, a referrer and an agent that were never seen."""
        n = f"{next(self.number)}"
        page = f"https://www.example.org/p/{n}?size=42"
        self.both(parse(USUAL) | {"url": page, "urlref": f"https://h{n}.example/", "action_name": n}, AGENT + n)

    def hostile(self, unit: str, size: int) -> None:
        text = (f"{next(self.number)}" + unit * (size // len(unit) + 1))[:size]
        url = f"https://www.example.org/{text}?page={text}&utm_source={text}"
        fields = {"rec": "1", "url": url, "urlref": f"https://{text}", "e_c": text, "e_a": text, "e_n": text}
        self.both(fields | {"action_name": text, "uadata": text, "lang": text, "res": text, "e_v": text}, text)


def spent(work: Callable[[], object], calls: int) -> float:
    """Processor microseconds of one call."""
    begun = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - begun) / calls * 1e6


def least(works: dict[Any, Callable[[], object]], seconds: float, calls: int) -> dict[Any, float]:
    found = dict.fromkeys(works, math.inf)
    end = time.monotonic() + seconds
    while True:
        for name, work in works.items():
            found[name] = min(found[name], spent(work, calls))
        if time.monotonic() > end:
            return found


def usual(seconds: float) -> dict[str, float]:
    parts = Parts()
    text = USUAL.decode()
    works = {
        "read by the standard library": lambda: parse_qsl(text, keep_blank_values=True),
        "read": lambda: parse(USUAL),
        "read, excluded or not, scrubbed": lambda: parts.both(parse(USUAL)),
        "the same, all of it new": parts.new,
    }
    found = least(works, seconds, CALLS)
    found["excluded or not, scrubbed"] = found["read, excluded or not, scrubbed"] - found["read"]
    return found


def hostile(seconds: float) -> list[dict[str, Any]]:
    parts = Parts()
    works = {
        (name, size): lambda unit=unit, size=size: parts.hostile(unit, size)
        for name, unit in HOSTILE.items()
        for size in (1_000, 4_000, 64_000)
    }
    times = least(works, seconds, 5)
    return [{"input": name, "us": [round(times[name, n]) for n in (1_000, 4_000, 64_000)]} for name in HOSTILE]


def robots() -> dict[str, dict[str, float]]:
    found = {}
    for who in ("edge", "package"):
        command = [sys.executable, "-c", CHILD, who, AGENT]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout.split()
        found[who] = dict(zip(("kib", "first_ms", "us"), map(float, said), strict=True))
    return found


def main() -> None:
    options = arguments("What do exclusion and scrubbing cost?", 20, 1)
    micros = usual(options.seconds * 0.4)
    table(["a usual hit", "us"], [[name, each] for name, each in micros.items()])
    rows = hostile(options.seconds * 0.6)
    table(["each value is", "us at 1 kB", "4 kB", "64 kB"], [[row["input"], *row["us"]] for row in rows])
    lists = robots()
    table(["list of robots", "KiB", "first ms", "us an agent"], [[who, *each.values()] for who, each in lists.items()])
    library = micros["read by the standard library"]
    wanted = [
        verdict("scrubbing, beside reading by the library", micros["excluded or not, scrubbed"] / library, 0.6),
        verdict("64 kB of anything, beside 4 kB", max(row["us"][2] / row["us"][1] for row in rows), 3.0),
        verdict("memory of the list, beside the package's own", lists["edge"]["kib"] / lists["package"]["kib"], 0.3),
    ]
    save(options, "scrubbing", {"usual_us": micros, "hostile": rows, "robots": lists, "wanted": wanted})


if __name__ == "__main__":
    main()
