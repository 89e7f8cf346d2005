"""Figure 2, the playlists: every one of five minutes (cuts, damage, an outage) read by hls-parser, m3u8 and a checker.

hls-parser (npm, strict) throws at what breaks a rule within a playlist; `tests/hlscheck.py` enforces what holds over
successive ones (R4, R7 to R11 of RFC 8216's live rules); every listed segment is fetched once.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import common
import hlscheck
import m3u8
import media
from common import ROOT
from faultsource import Faults, FaultSource

NODE = ROOT / "tests" / "peers" / "node"
POLL = 0.25  # seconds
OUTAGE = 15.0


class Reader:
    """Follows the playlist as a player does, and fetches each new segment."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._checker = hlscheck.Checker(slack=1.0)
        self.texts: list[str] = []
        self.segments: dict[str, int] = {}  # status by name
        self.broken: list[str] = []

    def follow(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            status, body = common.fetch(self._url)
            self._look(now, body.decode() if status == 200 else "")
            time.sleep(POLL)

    def _look(self, now: float, text: str) -> None:
        self.texts.append(text)
        try:
            self._checker(now, text)
        except AssertionError as error:
            self.broken.append(f"{len(self.texts)}: {error}")
        for segment in m3u8.loads(text).segments:
            if not segment.gap_tag and segment.uri not in self.segments:
                self.segments[segment.uri], _ = common.fetch(self._url.rsplit("/", 1)[0] + "/" + segment.uri)

    def finish(self) -> None:
        try:
            self._checker.finish(time.monotonic())
        except AssertionError as error:
            self.broken.append(f"end: {error}")


def parse_strictly(texts: list[str]) -> list[str]:
    """What hls-parser has against them."""
    if not (NODE / "node_modules").is_dir():
        subprocess.run([common.need("npm"), "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, capture_output=True)
    command = [common.need("node"), str(NODE / "parse.mjs")]
    done = subprocess.run(command, input="\0".join(texts), capture_output=True, text=True, check=True)
    return [f"{n}: {verdict}" for n, verdict in enumerate(json.loads(done.stdout), 1) if verdict]


def run(seconds: float) -> dict[str, Any]:
    source = FaultSource(media.sample("source"), Faults(cut=12, replay=2, damage=0.001))
    with common.folder() as work, source as address, common.Edge(work, address) as edge:
        url = f"{edge.url}/live/news/index.m3u8"
        edge.wait_live()
        common.until(lambda: common.fetch(url)[0] == 200, 30, "a playlist")
        reader = Reader(url)
        outage = min(OUTAGE, seconds / 4)
        reader.follow((seconds - outage) / 2)
        source.down()
        reader.follow(outage)
        source.up()
        reader.follow((seconds - outage) / 2)
        reader.finish()
    lists = [m3u8.loads(text) for text in reader.texts]
    return {
        "playlists": len(lists),
        "versions": len(set(reader.texts)),
        "segments": len(reader.segments),
        "segments_not_served": sorted(uri for uri, status in reader.segments.items() if status != 200),
        "gaps": len({s.uri for one in lists for s in one.segments if s.gap_tag}),
        "discontinuities": len({s.uri for one in lists for s in one.segments if s.discontinuity}),
        "target_durations": sorted({one.target_duration for one in lists}),
        "hls_parser": parse_strictly(reader.texts),
        "m3u8_without_segments": sum(not one.segments for one in lists),
        "sequence": reader.broken,
    }


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=300, quick=40)
    found = run(options.seconds)
    numbers = {name: value if isinstance(value, int) else len(value) for name, value in found.items()}
    common.table(tuple(numbers), [tuple(numbers.values())])
    print()
    bounds = [
        common.verdict("playlists that hls-parser refuses", len(found["hls_parser"]), 0),
        common.verdict("playlists without a segment for m3u8", found["m3u8_without_segments"], 0),
        common.verdict("rules broken from one to the next", len(found["sequence"]), 0),
        common.verdict("listed segments not served", len(found["segments_not_served"]), 0),
        common.verdict("target durations beyond the first", len(found["target_durations"]) - 1, 0),
    ]
    common.save(options, "playlists", found | {"bounds": bounds})


if __name__ == "__main__":
    main()
