"""Figure 1: a source cut every 12 s, 2 s replayed, 0.1 % of its packets damaged; one connection to /live/news.ts.

Beside it, each on a source of its own with the same seed: ffmpeg's command line, plain and with its reconnect options,
and a second edge whose source is cut and replays alike but is not damaged. A decoder hides damage by showing parts of
an earlier picture, and after a loss the last picture stands until the next keyframe: in the damaged run such pictures
carry an earlier number. That no cut makes a picture come twice, or go missing, is judged on the undamaged run.
"""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import common
import media
from judge import judge
from record import Recorder, get, longest_silence, media_between

if TYPE_CHECKING:
    from pathlib import Path

CUTS = ("--cut=12", "--replay=2")
FAULTS = (*CUTS, "--damage=0.001")
RECONNECT = (
    "-reconnect 1 -reconnect_at_eof 1 -reconnect_streamed 1 -reconnect_on_network_error 1 -reconnect_delay_max 2"
)
SETTLE = 10.0  # seconds at the start that do not count for the rate: the first GOP comes at once
COLUMNS = ("lived", "media_seconds", "source_seconds", "pictures", "distinct", "shown_again", "went_back")
MORE = ("dts_not_rising", "longest_step", "longest_jump", "unreadable", "connections", "log_lines", "end")


class Ffmpeg:
    """ffmpeg's command line on a source of its own, never started again: what a user without edge has."""

    def __init__(self, work: Path, name: str, options: str, sample: Path) -> None:
        self.path = work / f"{name}.ts"
        self.log = work / f"{name}.log"
        self.source = common.Source(sample, *FAULTS)
        command = [common.need("ffmpeg"), "-nostdin", "-hide_banner", "-nostats", *options.split()]
        command += ["-i", self.source.url, *common.ENCODE.split(), str(self.path)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._started = time.monotonic()
        self.lived = 0.0  # seconds, once it has ended by itself
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        self.lived = time.monotonic() - self._started

    def result(self) -> dict[str, Any]:
        alone = self.process.poll()
        lived = self.lived or time.monotonic() - self._started
        common.stop(self.process)
        connections = sum(event["what"] == "begin" for event in self.source.events())
        self.source.stop()
        log = self.log.read_text(errors="replace").splitlines()
        found = {
            "end": "still running" if alone is None else f"ended by itself with {alone}",
            "lived": lived,
            "log_lines": len(log),
            "last_words": log[-3:],
            "connections": connections,
        }
        return found | (judge(self.path) if self.path.exists() and self.path.stat().st_size else {})


def run_edge(folder: Path, sample: Path, seconds: float, faults: tuple[str, ...]) -> dict[str, Any]:
    """One viewer for `seconds`, who keeps all he gets."""
    folder.mkdir()
    with common.Source(sample, *faults) as source, common.Edge(folder, source.url) as edge:
        edge.wait_live()
        recorder = Recorder(get(f"{edge.url}/live/news.ts"), folder / "edge.ts")
        opened = time.monotonic()
        while time.monotonic() - opened < seconds and recorder.is_alive():
            time.sleep(0.5)
        recorder.finish()
        figures = {
            "end": recorder.ended,
            "lived": recorder.arrivals[-1][0] - opened if recorder.arrivals else 0.0,
            "metrics": edge.metrics(),
            "memory": common.memory(edge.process.pid),
            "connections": sum(event["what"] == "begin" for event in source.events()),
            "log_lines": len(edge.log().splitlines()),
            "last_words": edge.log().splitlines()[-3:],
        }
    begin, end = opened + min(SETTLE, seconds / 3), opened + seconds + 1
    real, span = media_between(folder / "edge.ts", recorder.arrivals, begin, end)
    figures |= {"real": real, "media": span, "ratio": span / real, "silence": longest_silence(recorder.arrivals)}
    return figures | judge(folder / "edge.ts")


def bounds(edge: dict[str, Any], undamaged: dict[str, Any]) -> list[dict[str, Any]]:
    of_both = [
        verdict
        for name, run in (("", edge), ("undamaged: ", undamaged))
        for verdict in (
            common.verdict(f"{name}connection not kept", float(run["end"] != "by us"), 0),
            common.verdict(f"{name}DTS that do not rise", run["dts_not_rising"], 0),
            common.verdict(f"{name}output differs from real time by a share of", abs(run["ratio"] - 1), 0.005),
        )
    ]
    return [
        *of_both,
        common.verdict("undamaged: pictures that went back", undamaged["went_back"], 0),
        common.verdict("undamaged: pictures shown again", undamaged["shown_again"], 0),
        common.verdict("undamaged: pictures unreadable", undamaged["unreadable"], 0),
    ]


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=600, quick=30)
    sample = media.sample("source")
    with common.folder() as work:
        peers = [Ffmpeg(work, "ffmpeg", "", sample), Ffmpeg(work, "ffmpeg reconnecting", RECONNECT, sample)]
        try:
            with ThreadPoolExecutor() as pool:
                runs = {
                    name: pool.submit(run_edge, work / name, sample, options.seconds, faults)
                    for name, faults in (("edge", FAULTS), ("edge, undamaged", CUTS))
                }
                found = {name: run.result() for name, run in runs.items()}
        finally:
            found_peers = {peer.path.stem: peer.result() for peer in peers}
        found |= found_peers
    for columns in (COLUMNS, MORE):
        common.table(("", *columns), [(name, *(one.get(c, "-") for c in columns)) for name, one in found.items()])
        print()
    common.save(options, "steady", found | {"bounds": bounds(found["edge"], found["edge, undamaged"])})


if __name__ == "__main__":
    main()
