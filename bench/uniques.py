"""How far off are daily uniques? The error of HyperLogLog, and how many visitors are taken for one another.

The first is a matter of arithmetic. The second depends on who visits a site: what is assumed stands below, as tables,
and in the results; no part of it was measured.
"""

from __future__ import annotations

import math
import random
import sys
import time
from hashlib import blake2b
from statistics import fmean, quantiles
from typing import Any

from common import ROOT, arguments, save, table, verdict

sys.path.insert(0, str(ROOT))
from edge.hits.uniques import EMPTY, MAX_RANK, P, estimate, place

RUNS = 200
REAL = {1_000: 200, 100_000: 200, 1_000_000: 10}  # runs with real keys; the rest is simulated
BOUND = 0.018
VISITORS = {100: 400, 1_000: 100, 10_000: 20}  # and days simulated of each


# ---- HyperLogLog


def real(number: int, run: int) -> bytes:
    """Registers after `number` keys: eight of every digest of BLAKE2b, as long as there are keys to make."""
    registers = bytearray(EMPTY)
    secret = b"edge bench uniques" + run.to_bytes(4, "big")
    for start in range(0, number, 8):
        digest = blake2b(start.to_bytes(8, "big"), key=secret).digest()
        for i in range(0, 8 * min(8, number - start), 8):
            register, rank = place(digest[i : i + 8])
            if rank > registers[register]:
                registers[register] = rank
    return bytes(registers)


def simulated(number: int, rng: random.Random) -> bytes:
    """The same, without making keys; exact in distribution for keys of random bits.

    Each bit of a key's first 12 sends half of the keys one way: how many is binomial (n, 1/2), that is the number of
    ones among n random bits. Of the k keys of a register all have a rank of at most r with probability
    (1 - 2^-r)^k, which is turned around to draw their highest.
    """
    counts = [number]
    for _ in range(P):
        counts = [half for count in counts for half in _halve(count, rng)]
    return bytes(_highest(count, rng) for count in counts)


def _halve(count: int, rng: random.Random) -> tuple[int, int]:
    ones = rng.getrandbits(count).bit_count() if count else 0
    return ones, count - ones


def _highest(count: int, rng: random.Random) -> int:
    if not count:
        return 0
    chance = 1.0 - rng.random()  # never 0
    share = -math.expm1(math.log(chance) / count)
    return min(math.ceil(-math.log2(share)), MAX_RANK) if share else MAX_RANK


def error(estimates: list[float], number: int) -> dict[str, float]:
    errors = [each / number - 1 for each in estimates]
    return {
        "runs": len(errors),
        "rms": math.sqrt(fmean(e * e for e in errors)),
        "mean": fmean(errors),
        "worst": max(map(abs, errors)),
    }


def hyperloglog(quick: bool) -> dict[str, Any]:
    rng = random.Random(1)
    results: dict[str, Any] = {}
    for number, runs in REAL.items():
        fewer = 20 if quick else 1
        made = [estimate(real(number, run)) for run in range(max(1, runs // fewer))]
        drawn = [estimate(simulated(number, rng)) for _ in range(RUNS // fewer)]
        results[str(number)] = {"real_keys": error(made, number), "simulated": error(drawn, number)}
    return results


# ---- visitors behind shared addresses

PHONES = {  # shares of agents as browsers send them; a number: so many different ones, by Zipf's law
    "Chrome on Android, current (the model is frozen to K)": (0.33, 1),
    "Chrome on Android, the version before": (0.07, 1),
    "Chrome on Android, older": (0.05, 30),
    "Samsung Internet": (0.06, 3),
    "Safari on iOS": (0.36, 8),
    "browsers inside of apps, with model and build": (0.13, 4000),
}
DESKTOPS = {
    "Chrome on Windows, current": (0.38, 1),
    "Chrome on Windows, the version before": (0.08, 1),
    "Chrome, older or elsewhere": (0.14, 30),
    "Edge, current and before": (0.14, 2),
    "Firefox on Windows, Linux, macOS": (0.08, 6),
    "Safari on macOS": (0.09, 6),
    "others": (0.09, 500),
}
LANGUAGES = {  # of a country, per browser
    "the country's, as the browser is installed": (0.72, 1),
    "the second most frequent": (0.13, 1),
    "the third": (0.05, 1),
    "others": (0.10, 60),
}
MOBILE = {  # networks of one country: share of visitors, number of /16 or /48 in use, all alike
    "carrier A, IPv4 behind NAT": (0.16, 3), "carrier A, IPv6": (0.22, 200),
    "carrier B, IPv4 behind NAT": (0.11, 3), "carrier B, IPv6": (0.16, 200),
    "carrier C, IPv4 behind NAT": (0.08, 2), "carrier C, IPv6": (0.12, 150),
    "carrier D, IPv4 behind NAT": (0.09, 2), "carrier D, IPv6": (0.06, 100),
}  # fmt: skip
FIXED = {
    "provider A, IPv4": (0.14, 60), "provider A, IPv6, a /56 a home": (0.18, 20_000),
    "provider B, IPv4": (0.12, 40), "provider B, IPv6, a /56 a home": (0.12, 15_000),
    "provider C, IPv4": (0.10, 30), "provider C, IPv6, a /56 a home": (0.09, 10_000),
    "small providers": (0.10, 150), "offices, schools, VPNs": (0.15, 120),
}  # fmt: skip
CASES = {
    "one country": {"countries": 1, "phones": 0.55, "networks": "as in the tables"},
    "fifty countries": {
        "countries": 50,
        "phones": 0.55,
        "networks": "as in the tables, in each, by Zipf's law",
    },
    "one carrier": {"countries": 1, "phones": 1.0, "networks": "two /16 of one mobile carrier's NAT"},
    "one campus": {"countries": 1, "phones": 0.4, "networks": "a single /16"},
}
ASSUMED = (
    "Assumed, not measured. A visitor has one device, one browser and one network all day, so nobody counts twice "
    "(who changes from mobile to fixed network does, which these figures leave out). Agent, language and network are "
    "independent but for phone or desktop and the country. Visitors of one key are counted once."
)


class Draw:
    """Draws from {name: (share, number)}: a name by its share, then one of its kind."""

    def __init__(self, shares: dict[str, tuple[float, int]], zipf: bool) -> None:
        self._values: list[tuple[str, int]] = []
        weights: list[float] = []
        for name, (share, number) in shares.items():
            sizes = [1 / (i + 1) if zipf else 1.0 for i in range(number)]
            self._values += [(name, i) for i in range(number)]
            weights += [share * size / sum(sizes) for size in sizes]
        self._sums = list(_running(weights))

    def take(self, rng: random.Random, number: int) -> list[tuple[str, int]]:
        return rng.choices(self._values, cum_weights=self._sums, k=number)


def _running(weights: list[float]) -> Any:
    total = 0.0
    for weight in weights:
        total += weight
        yield total


AGENTS = {True: Draw(PHONES, zipf=True), False: Draw(DESKTOPS, zipf=True)}
NETWORKS = {True: Draw(MOBILE, zipf=False), False: Draw(FIXED, zipf=False)}
SPOKEN = Draw(LANGUAGES, zipf=True)
SMALL = {"one carrier": 2, "one campus": 1}


def day(case: str, number: int, rng: random.Random) -> tuple[int, float]:
    """Different keys among `number` visitors, and what HyperLogLog makes of them."""
    about = CASES[case]
    count: int = about["countries"]  # type: ignore[assignment]
    phone = [rng.random() < about["phones"] for _ in range(number)]  # type: ignore[operator]
    countries = Draw({"": (1.0, count)}, zipf=True).take(rng, number)
    keys = set()
    for which in (True, False):
        mine = [country for country, is_phone in zip(countries, phone, strict=True) if is_phone is which]
        networks = [rng.randrange(SMALL[case]) for _ in mine] if case in SMALL else NETWORKS[which].take(rng, len(mine))
        keys.update(zip(mine, networks, AGENTS[which].take(rng, len(mine)), SPOKEN.take(rng, len(mine)), strict=True))
    registers = bytearray(EMPTY)
    for _ in keys:
        register, rank = place(rng.randbytes(8))
        registers[register] = max(registers[register], rank)
    return len(keys), estimate(bytes(registers))


def shared(quick: bool) -> dict[str, Any]:
    rng = random.Random(2)
    results: dict[str, Any] = {}
    for case in CASES:
        results[case] = {}
        for number, days in VISITORS.items():
            found = [day(case, number, rng) for _ in range(max(4, days // 20) if quick else days)]
            lost = [1 - keys / number for keys, _ in found]
            twentieths = quantiles(lost, n=20, method="inclusive")
            results[case][str(number)] = {
                "days": len(found),
                "under_count": fmean(lost),
                "p5": twentieths[0],
                "p95": twentieths[-1],
                "shown": fmean(shown for _, shown in found),
            }
    return results


def main() -> None:
    options = arguments(__doc__ or "", 0, 0)
    begin = time.process_time()
    errors = hyperloglog(options.quick)
    rows = [
        [number, how, each["runs"], *(f"{100 * each[name]:.2f} %" for name in ("rms", "mean", "worst"))]
        for number, both in errors.items()
        for how, each in both.items()
    ]
    table(["keys", "how", "runs", "rms", "mean", "worst"], rows)
    wanted = [
        verdict(f"RMS error, {number} keys", both["simulated"]["rms"], BOUND) for number, both in errors.items()
    ] + [
        verdict(f"RMS error, {number} real keys", both["real_keys"]["rms"], BOUND)
        for number, both in errors.items()
        if both["real_keys"]["runs"] == RUNS
    ]
    lost = shared(options.quick)
    rows = [
        [case, number, f"{100 * each['under_count']:.1f} %", f"{100 * each['p5']:.1f} to {100 * each['p95']:.1f} %"]
        for case, sizes in lost.items()
        for number, each in sizes.items()
    ]
    print()
    table(["visitors of", "a day", "not counted", "9 of 10 days"], rows)
    assumptions = {
        "what": ASSUMED, "cases": CASES, "phones": PHONES, "desktops": DESKTOPS, "languages": LANGUAGES,
        "mobile_networks": MOBILE, "fixed_networks": FIXED,
    }  # fmt: skip
    spent = time.process_time() - begin
    result = {"hyperloglog": errors, "wanted": wanted, "shared": lost, "assumptions": assumptions, "cpu_seconds": spent}
    save(options, "uniques", result)


if __name__ == "__main__":
    main()
