"""Figure 5: delay from source to picture. The pictures carry a number, and the source sends number n at a known time.

Measured at a TS client (libavformat and a decoder), and in Chromium at the moment each picture is to be shown, by MSE
and by the browser's own HLS, from the player page. The number's time is when the source put that picture on the wire:
what its encoder needed before is not in it. The clock's resolution is one picture, 20 ms.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import av
import common
import media
from faultsource import marker
from judge import LOOP

if TYPE_CHECKING:
    from collections.abc import Sequence

READ = """async ([seconds, cells, share]) => {
  const video = document.querySelector("video"), canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", {willReadFrequently: true}), seen = [];
  const look = (now, about) => {
    const w = canvas.width = video.videoWidth, h = canvas.height = video.videoHeight;
    pen.drawImage(video, 0, 0, w, h);
    const row = pen.getImageData(0, Math.floor(h / share / 2), w, 1).data;
    const strip = Array.from({length: cells}, (_, i) => row[4 * Math.floor((2 * i + 1) * w / (2 * cells)) + 1] > 128);
    seen.push([(performance.timeOrigin + about.expectedDisplayTime) / 1000, strip]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  return {seen, current: video.currentTime, error: String(video.error && video.error.message)};
}"""
PLAYED = "() => (document.querySelector('video') || {currentTime: 0}).currentTime"
BOUNDS = {"ts": 1.5, "mse": 1.5, "hls": 15.0}


def age(source: common.Source, number: int, now: float) -> float:
    """Seconds since picture `number` (of the loop) was last sent; `now` is monotonic."""
    lap = int((now - source.about["epoch"]) // source.about["period"]) + 1
    found = now - source.sent_at(lap * LOOP + number)
    while found < -0.05:
        found += source.about["period"]
    return found


def summary(delays: Sequence[float]) -> dict[str, Any]:
    if len(delays) < 10:
        return {"pictures": len(delays)}
    ordered = sorted(delays)
    return {
        "pictures": len(ordered),
        "median": statistics.median(ordered),
        "p95": ordered[int(len(ordered) * 0.95)],
        "least": ordered[0],
        "most": ordered[-1],
    }


def ts(edge: common.Edge, source: common.Source, seconds: float) -> dict[str, Any]:
    """A plain client: demux, decode, note the time each picture leaves the decoder. The first second is not counted."""
    delays: list[float] = []
    over = time.monotonic() + seconds
    options = {"fflags": "nobuffer", "probesize": "100000", "analyzeduration": "500000"}
    with av.open(f"{edge.url}/live/news.ts", options=options, timeout=(10, 10)) as container:
        begun = time.monotonic()
        for frame in container.decode(video=0):
            now, number = time.monotonic(), marker.read(frame)
            if number is not None and number < LOOP and now > begun + 1:
                delays.append(age(source, number, now))
            if now > over:
                break
    return summary(delays)


def chromium(edge: common.Edge, source: common.Source, mode: str, seconds: float) -> dict[str, Any]:
    """The player page by one way, after it has played for five seconds."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only needed here

    flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=common.need("chromium"), args=flags)
        try:
            page = browser.new_page()
            page.goto(f"{edge.url}/live/news?mode={mode}")
            common.until(lambda: page.evaluate(PLAYED) > 0, 60, f"the page to play by {mode}", edge.log)
            time.sleep(5)
            found = page.evaluate(READ, [seconds, marker.CELLS, marker.SHARE])
        finally:
            browser.close()
    to_monotonic = time.monotonic() - time.time()
    numbers = ((shown + to_monotonic, marker.number(strip)) for shown, strip in found["seen"])
    delays = [age(source, number, shown) for shown, number in numbers if number is not None and number < LOOP]
    return summary(delays) | {"shown": len(found["seen"]), "error": found["error"]}


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=30, quick=8)
    runs: dict[str, dict[str, Any]] = {}
    with (
        common.folder() as work,
        common.Source(media.sample("source"), "--replay=2") as source,
        common.Edge(work, source.url) as edge,
    ):
        edge.wait_live()
        runs["ts"] = ts(edge, source, options.seconds)
        for mode in ("mse", "hls"):
            runs[mode] = chromium(edge, source, mode, options.seconds)
    columns = ("pictures", "median", "p95", "least", "most")
    common.table(("", *columns), [(name, *(run.get(c, "-") for c in columns)) for name, run in runs.items()])
    print()
    medians = {name: runs[name].get("median", float("inf")) for name in BOUNDS}
    bounds = [common.verdict(f"{name}: seconds, median", medians[name], bound) for name, bound in BOUNDS.items()]
    common.save(options, "delay", {"runs": runs, "bounds": bounds})


if __name__ == "__main__":
    main()
