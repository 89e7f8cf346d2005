"""What the browser tests share: a running edge, Chromium by Playwright, Firefox by WebDriver BiDi, a look at a page."""

from __future__ import annotations

import itertools
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faultsource import FaultSource

# The rendition of the README: small, 15 frames/s, another shape in pixels than on the screen.
SMALL = "width = 352\nheight = 240\nfps = 15"
# Not lowered, however busy the host of the tests is.
FULL = 'highest = "full"\nlowest = "full"\n'
PATIENCE = 90.0  # seconds; never reached when all is well
PLAYED, TIMES = 25 / 30, 12.0  # the share of the time that a page must play, and of how many seconds
NODE = Path(__file__).parent / "node"
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# For `running.altered`: a source is said to be away, and is tried again, after a second instead of five to ten.
SOONER = "import edge.channel.state as state\nstate.AWAY, state.LONGEST = 1.5, 1.0\n"

LOOK = """() => {
    const video = document.getElementById("video"), page = document.body.dataset;
    return {
        mode: page.mode, status: page.status, playing: page.playing === "true",
        at: video.currentTime, now: performance.now() / 1000, width: video.videoWidth, height: video.videoHeight,
        rate: video.playbackRate, muted: video.muted, paused: video.paused, error: video.error && video.error.message,
        ahead: video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0,
        kept: video.buffered.length ? video.currentTime - video.buffered.start(0) : 0,
        state: document.getElementById("state").textContent, words: document.getElementById("words").textContent,
    };
}"""


def until(look: Callable[[], Any], good: Callable[[Any], object], seconds: float = PATIENCE) -> Any:
    """What `look` finds once it is `good`. The failure shows the last find."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if good(found):
            return found
        assert time.monotonic() < end, f"still {found}"
        time.sleep(0.1)


def through_cuts(
    look: Callable[[], dict[str, Any]], source: FaultSource, good: Callable[..., bool] = lambda *_: True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A page before and after seconds in which it played (`at` against `now`) though the source was cut twice: the
    first such that are `good`. A page that stops or jumps at cuts has none; where the host is busy they come later."""
    seen: list[tuple[int, dict[str, Any]]] = []

    def span() -> list[dict[str, Any]]:
        seen.append((source.responses, look()))
        responses, now = seen[-1]
        earlier = [page for count, page in seen if now["now"] - page["now"] >= TIMES and responses - count >= 2]
        return [*earlier[-1:], now]

    def played(pages: list[dict[str, Any]]) -> bool:
        one, other = pages[0], pages[-1]
        return one is not other and other["at"] - one["at"] >= PLAYED * (other["now"] - one["now"]) and good(one, other)

    before, after = until(span, played, 2 * PATIENCE)
    return before, after


def channel(name: str, source: str, more: str = "", video: str = SMALL, ladder: str = FULL) -> str:
    """A `[[channel]]` table."""
    audio = '[channel.audio]\nbitrate = "64k"\nchannels = 1\n'
    table = f'[[channel]]\nname = "{name}"\nsource = "{source}"\n{more}\n'
    return f'{table}[channel.video]\n{video}\nbitrate = "256k"\n{audio}[channel.ladder]\n{ladder}'


@contextmanager
def edge(folder: Path, port: int, *channels: str) -> Iterator[str]:
    """`edge run` with these `[[channel]]` tables; its address, once every listener is up."""
    config = folder / "edge.toml"
    config.write_text(f'data_dir = "{folder / "data"}"\n[http]\nlisten = ["127.0.0.1:{port}"]\n' + "".join(channels))
    command = [sys.executable, "-m", "edge", "run", "--config", config]
    with (folder / "edge.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{url}/readyz", process, folder / "edge.log"), bool)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def chromium(path: str, *arguments: str) -> Iterator[Any]:
    """A headless Chromium, asked for nothing beyond the loopback."""
    with sync_playwright() as play:
        words = [*CHROMIUM, *arguments]
        browser = play.chromium.launch(executable_path=path, args=words, headless=True, timeout=1000 * PATIENCE)
        try:
            yield _patient(browser)
        finally:
            browser.close()


def _patient(browser: Any) -> Any:
    """Playwright waits for half a minute unless each page or context is told otherwise."""
    for name in ("new_context", "new_page"):
        setattr(browser, name, partial(_made, getattr(browser, name)))
    return browser


def _made(make: Callable[..., Any], **options: Any) -> Any:
    found = make(**options)
    found.set_default_timeout(1000 * PATIENCE)
    return found


@contextmanager
def site(pages: dict[str, str], folder: Path | None = None) -> Iterator[str]:
    """Another origin than edge's: serves `pages` by path, and scripts from `folder`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            file = folder / self.path[1:] if folder and self.path.endswith(".js") else None
            body = page.encode() if page else file.read_bytes() if file and file.is_file() else b""
            self.send_response(200 if body else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8" if page else "text/javascript; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def node_modules() -> Path:
    """The folder of the npm packages, installed on first use: no other package, and no script of one is run."""
    folder = NODE / "node_modules"
    npm = shutil.which("npm")
    if not folder.is_dir() and npm:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, check=False, capture_output=True, timeout=250)
    if not folder.is_dir():
        reason = "needs the packages of tests/peers/node, which are not installed"
        (pytest.fail if os.environ.get("EDGE_REQUIRE_PEERS") == "1" else pytest.skip)(reason)
    return folder


class Firefox:
    """A headless Firefox driven by WebDriver BiDi, which it speaks itself: no driver program is needed."""

    def __init__(self, path: str, profile: Path) -> None:
        profile.mkdir()
        (profile / "user.js").write_text("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in PREFS))
        command = [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"HOME": str(profile)},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ids = itertools.count(1)
        self._stack = ExitStack()
        self._stack.callback(self._end)
        try:
            self._socket = self._stack.enter_context(connect(f"{self._address()}/session", max_size=None))
            self.call("session.new", capabilities={})
            self._context = self.call("browsingContext.getTree")["contexts"][0]["context"]
        except BaseException:
            self.close()
            raise

    def _address(self) -> str:
        while True:
            if match := re.search(r"BiDi listening on (ws://\S+)", self._lines.get(timeout=PATIENCE)):
                return match[1]

    def _read(self) -> None:
        for line in self._process.stderr or ():
            self._lines.put(line)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def goto(self, url: str) -> None:
        self.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str) -> Any:
        """What the JavaScript function gives; it travels as JSON."""
        expression = f"JSON.stringify(({function})())"
        target = {"context": self._context}
        return json.loads(
            self.call("script.evaluate", expression=expression, target=target, awaitPromise=True)["result"]["value"]
        )

    def close(self) -> None:
        self._stack.close()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._reader.join(60)
        if self._process.stderr:
            self._process.stderr.close()


PREFS = (
    ("media.autoplay.default", 0),
    ("media.autoplay.blocking_policy", 0),
    ("app.update.enabled", False),
    ("browser.shell.checkDefaultBrowser", False),
    ("datareporting.policy.dataSubmissionEnabled", False),
    ("toolkit.telemetry.enabled", False),
    ("network.captive-portal-service.enabled", False),
    ("network.connectivity-service.enabled", False),
    ("media.gmp-manager.url", ""),
    ("services.settings.server", "data:,"),
)
