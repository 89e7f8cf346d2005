"""What players make of changes of rung: passed on for a while (another size, rate and profile in the same stream), and
pictures that hardly move."""

import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from browsing import LOOK, channel, chromium, edge, until
from faultsource import FaultSource
from running import altered

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

# In the worker, instead of the governor: again and again the same rungs, by the seconds of media.
PLAN = """
from edge.media.pipeline import Pipeline

place = Pipeline._place
PERIOD, PLAN = {}


def placing(self, placed, now):
    second = (placed.dts / 90_000 - 10) % PERIOD
    due = [rung for at, rung in PLAN if second >= float(at)]
    if due and getattr(self, "due", None) != due[-1]:
        self.due = due[-1]
        self.take(self.due)
    place(self, placed, now)


Pipeline._place = placing
"""
STANDING = 2.5  # seconds
LADDER = 'highest = "full"\nallow_copy = true\n'


@pytest.fixture(name="source")
def _source(source_sample):
    with FaultSource(source_sample) as address:
        yield address


PASSED_ON = 32, ((0, "full"), (8, "copy"), (16, "skip-nonref"), (24, "copy"))
SLOW = 30, ((0, "full"), (4, "key"), (12, "audio"), (22, "gop-half"), (26, "skip-b"))


@pytest.fixture(name="url")
def _url(source, tmp_path, free_port, monkeypatch, request):
    plan = getattr(request, "param", PASSED_ON)
    altered(tmp_path, PLAN.replace("{}", str(plan)), monkeypatch)
    with edge(tmp_path, free_port, channel("news", source, ladder=LADDER)) as url:
        yield url


@pytest.mark.parametrize("mode", ["hls", "mse"])
def test_a_browser_plays_on(mode, url, request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        page = browser.new_page()
        page.goto(f"{url}/live/news?mode={mode}")
        for height in (240, 540, 240):
            found = until(lambda: page.evaluate(LOOK), lambda f, h=height: f["playing"] and f["height"] == h)
            until(lambda: page.evaluate(LOOK), lambda f, at=found["at"]: f["playing"] and f["at"] > at + 3)
            assert found["error"] is None
        assert page.evaluate(LOOK)["mode"] == mode


@pytest.mark.parametrize("url", [SLOW], indirect=True, ids=["slow"])
@pytest.mark.parametrize("mode", ["hls", "mse"])
def test_a_browser_plays_pictures_that_hardly_move(mode, url, request):
    """And it does not stand still itself, though a player may need several pictures in hand to show one."""
    with chromium(request.getfixturevalue("chromium")) as browser:
        page = browser.new_page()
        page.goto(f"{url}/live/news?mode={mode}")
        seen = [until(lambda: page.evaluate(LOOK), lambda f: f["playing"])]
        until(lambda: seen.append(page.evaluate(LOOK)) or seen, flows, 240)
        assert seen[-1]["error"] is None


def flows(seen: list[dict[str, float]]) -> bool:
    """The last time that all rungs went by, it never stood still for long: a player that cannot play one has no such
    time; where the host is busy it comes later. By the browser's clock; a stop for want of media lasts until several
    seconds of it are there."""
    first = max((n for n, look in enumerate(seen) if look["at"] < seen[-1]["at"] - SLOW[0] - 2), default=None)
    if first is None:
        return False
    moved = [look["now"] for before, look in pairwise(seen[first:]) if look["at"] > before["at"]]
    return max(b - a for a, b in pairwise(moved)) < STANDING


def test_ffmpeg_decodes_it_without_a_word(url, tmp_path, request):
    """From before the first change until after the second, every container."""
    ffmpeg, files = request.getfixturevalue("ffmpeg"), [tmp_path / f"news.{kind}" for kind in ("ts", "flv", "mp4")]
    over = threading.Event()
    with ThreadPoolExecutor(len(files)) as pool:
        recording = [pool.submit(record, f"{url}/live/{file.name}", file, over) for file in files]
        try:
            until(files[0].exists, bool)
            until(lambda: time.sleep(3) or sizes(files[0]), lambda count: count >= 3, 240)
        finally:
            over.set()
        for each in recording:
            each.result()
    for file in files:
        data = file.read_bytes()
        file.write_bytes(data[: WHOLE[file.suffix](data)])
        assert sizes(file) >= 3, file.name
        timing = ["-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
        command = [ffmpeg, "-v", "error", "-i", file, *timing, "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
        assert done.stderr == "", file.name


def record(url: str, file: Path, over: threading.Event) -> None:
    with urllib.request.urlopen(url, timeout=90) as answer, file.open("wb") as kept:
        while not over.is_set():
            kept.write(answer.read1(65536))
        kept.write(answer.read(160_000))  # four seconds more


def whole_ts(data: bytes) -> int:
    """Before the last PAT (PID 0) everything is whole."""
    return [at for at in range(0, len(data) - 187, 188) if data[at + 1] & 31 == data[at + 2] == 0][-1]


def whole_flv(data: bytes) -> int:
    """Tags: a header of 11 bytes with the size of the body, then four bytes."""
    at = end = 13
    while at + 11 <= len(data):
        end, at = at, at + 15 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at if at <= len(data) else end


def whole_mp4(data: bytes) -> int:
    """Before the last `moof`, which `mdat` may not have followed."""
    at = end = 0
    while at + 8 <= len(data):
        if data[at + 4 : at + 8] == b"moof":
            end = at
        at += int.from_bytes(data[at : at + 4], "big")
    return end


WHOLE = {".ts": whole_ts, ".flv": whole_flv, ".mp4": whole_mp4}


def sizes(path: Path) -> int:
    """How many runs of pictures of one size there are."""
    code = (
        "import av, sys, itertools; c = av.open(sys.argv[1])\n"
        "print(sum(1 for _ in itertools.groupby(f.width for f in c.decode(video=0))))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=200, check=False)
    return int(done.stdout or 0)
