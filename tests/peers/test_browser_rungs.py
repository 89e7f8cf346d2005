"""What players make of changes of rung: passed on for a while (another size, rate and profile in the same stream), and
pictures that hardly move."""

import subprocess
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from browsing import LOOK, channel, chromium, edge, until
from faultsource import FaultSource

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

# In the worker, instead of the governor: encoded, passed on, encoded again, by the seconds of media.
PLAN = """
from edge.media.pipeline import Pipeline

place = Pipeline._place
PLAN = {}


def placing(self, placed, now):
    second = placed.dts / 90_000 - 10
    due = [rung for at, rung in PLAN if second >= float(at)]
    if due and getattr(self, "due", None) != due[-1]:
        self.due = due[-1]
        self.take(self.due)
    place(self, placed, now)


Pipeline._place = placing
"""
LADDER = 'highest = "full"\nallow_copy = true\n'


@pytest.fixture(name="source")
def _source(source_sample):
    with FaultSource(source_sample) as address:
        yield address


PASSED_ON = ((8, "copy"), (20, "skip-nonref"), (32, "copy"), (44, "full"))
SLOW = ((6, "key"), (16, "audio"), (30, "gop-half"), (36, "skip-b"))


@pytest.fixture(name="url")
def _url(source, tmp_path, free_port, monkeypatch, request):
    plan = getattr(request, "param", PASSED_ON)
    (tmp_path / "sitecustomize.py").write_text(PLAN.replace("PLAN = {}", f"PLAN = {plan}"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with edge(tmp_path, free_port, channel("news", source, ladder=LADDER)) as url:
        yield url


@pytest.mark.parametrize("mode", ["hls", "mse"])
def test_a_browser_plays_on(mode, url, request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        page = browser.new_page()
        page.goto(f"{url}/live/news?mode={mode}")
        for height in (240, 540, 240):
            found = until(lambda: page.evaluate(LOOK), lambda f, h=height: f["playing"] and f["height"] == h, 60)
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
        until(lambda: seen.append(page.evaluate(LOOK)) or seen[-1], lambda f: f["at"] > seen[0]["at"] + 45, 100)
        assert longest_standing(seen) < 2.5
        assert seen[-1]["error"] is None


def longest_standing(seen: list[dict[str, float]]) -> float:
    """Seconds by the browser's clock; a stop for want of media lasts until several seconds of it are there."""
    moved = [look["now"] for before, look in pairwise(seen) if look["at"] > before["at"]]
    return max(b - a for a, b in pairwise(moved))


@pytest.mark.parametrize("path", ["news.ts", "news.flv", "news.mp4"])
def test_ffmpeg_decodes_it_without_a_word(path, url, tmp_path, request):
    """From before the first change until after the second."""
    ffmpeg, kept = request.getfixturevalue("ffmpeg"), tmp_path / path
    with urllib.request.urlopen(f"{url}/live/{path}", timeout=30) as answer, kept.open("wb") as file:
        until(lambda: file.write(answer.read1(65536)) and kept.stat().st_size, lambda _: sizes(kept) >= 3, 90)
        file.write(answer.read(120_000))  # three seconds more
    if path == "news.ts":
        end_at_tables(kept)
    timing = ["-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
    command = [ffmpeg, "-v", "error", "-i", kept, *timing, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert complaints(done.stderr) == []


def end_at_tables(path: Path) -> None:
    """Before the last PAT (PID 0) everything is whole; the other containers carry lengths."""
    data = path.read_bytes()
    ends = [at for at in range(0, len(data) - 187, 188) if data[at + 1] & 31 == data[at + 2] == 0]
    path.write_bytes(data[: ends[-1]])


def complaints(words: str) -> list[str]:
    """The file was cut anywhere, perhaps in a packet of sound: about one of those ffmpeg may complain last."""
    lines = [line for line in words.splitlines() if "truncat" not in line and "partial" not in line]
    cut = [line.partition(" ")[0] for line in lines[-2:]] == ["[aac", "Error"]
    return lines[:-2] if cut else lines


def sizes(path: Path) -> int:
    """How many runs of pictures of one size there are."""
    code = (
        "import av, sys, itertools; c = av.open(sys.argv[1])\n"
        "print(sum(1 for _ in itertools.groupby(f.width for f in c.decode(video=0))))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=False)
    return int(done.stdout or 0)
