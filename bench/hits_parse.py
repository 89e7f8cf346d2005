"""Does reading a tracker's request take time in proportion to its length, whatever it holds? And how much, usually?

Inputs that repeat one thing, of 4, 32 and 256 KiB, in turn, processor time, the least of all turns. The exponent is
log(time) over log(length) from 32 to 256 KiB: 1 is linear, 2 quadratic.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from common import ROOT, TESTS, arguments, save, table, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path[:0] = [str(ROOT), str(TESTS / "fuzz")]
from hits_target import GROWING, taken  # noqa: E402 - this checkout's

from edge.hits.query import parse  # noqa: E402

SIZES = (4_096, 32_768, 262_144)
MOST_EXPONENT = 1.15
SMALLEST = 2e-4  # seconds: less says more of the clock than of the work
# As matomo.js reports a page view: 20 parameters, 420 bytes.
USUAL = (
    b"action_name=Welcome%20to%20the%20caf%C3%A9&idsite=1&rec=1&r=859069&h=12&m=18&s=14&url=https%3A%2F%2Fwww.example.org"
    b"%2Fproducts%2Fshoes%3Fcolour%3Dred%26size%3D42%23top&urlref=https%3A%2F%2Fsearch.example%2Fsearch%3Fq%3Dred%2520shoes"
    b"&_id=&_idn=1&send_image=0&_refts=1795486694&pv_id=zITYbh&pf_net=12&pf_srv=85&pf_tfr=3&uadata=%7B%7D&cookie=1"
    b"&res=1920x1080"
)


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of one call, from as many as it takes to be measurable."""
    calls = 1
    while True:
        begun = time.process_time()
        for _ in range(calls):
            work()
        used = time.process_time() - begun
        if used >= SMALLEST * 10:
            return used / calls
        calls *= 4


def least(works: dict[Any, Callable[[], object]], seconds: float) -> dict[Any, float]:
    """Of each, the least of all turns: noise only adds."""
    found = dict.fromkeys(works, math.inf)
    end = time.monotonic() + seconds
    while True:
        for name, work in works.items():
            found[name] = min(found[name], spent(work))
        if time.monotonic() > end:
            return found


def grown(seconds: float) -> list[dict[str, Any]]:
    inputs = {(name, size): sized(grow, size) for name, grow in GROWING.items() for size in SIZES}
    times = least({key: lambda data=data: taken(data) for key, data in inputs.items()}, seconds)
    rows = []
    for name in GROWING:
        cost = [times[name, size] for size in SIZES]
        lengths = [len(inputs[name, size]) for size in SIZES]
        slope = math.log(cost[2] / cost[1]) / math.log(lengths[2] / lengths[1])
        per_byte = [c / n * 1e9 for c, n in zip(cost, lengths, strict=True)]
        rows.append({"input": name, "ns_a_byte": [round(each, 2) for each in per_byte], "exponent": round(slope, 3)})
    return rows


def sized(grow: Callable[[int], bytes], size: int) -> bytes:
    """About `size` bytes: how many repetitions these are, two of them tell."""
    each = (len(grow(4000)) - len(grow(2000))) / 2000
    return grow(max(20, round(size / each)))


def usual(seconds: float) -> dict[str, float]:
    text = USUAL.decode()
    works = {"edge": lambda: parse(USUAL), "library": lambda: dict(parse_qsl(text, keep_blank_values=True))}
    assert works["edge"]() == works["library"]()
    return {name: round(each * 1e6, 2) for name, each in least(works, seconds).items()}


def main() -> None:
    options = arguments("Is reading a hit linear in its length?", 30, 2)
    rows = grown(options.seconds * 0.8)
    table(
        ["input", "ns a byte at 4 KiB", "32 KiB", "256 KiB", "exponent"],
        [[row["input"], *row["ns_a_byte"], row["exponent"]] for row in rows],
    )
    micros = usual(options.seconds * 0.2)
    table(["a usual query", "us"], [[name, each] for name, each in micros.items()])
    wanted = [
        verdict("largest exponent", max(row["exponent"] for row in rows), MOST_EXPONENT),
        verdict("a usual query, beside the standard library", micros["edge"] / micros["library"], 0.5),
    ]
    save(options, "hits_parse", {"inputs": rows, "usual_us": micros, "wanted": wanted})


if __name__ == "__main__":
    main()
