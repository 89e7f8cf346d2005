"""What viewers and visitors do to a machine: watch, send hits, and remember what was acknowledged."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Self
from urllib.parse import quote

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_PACKET = 188  # bytes; each begins with G
PATIENCE = 180.0  # seconds; starting edge takes 10 to 40 on an emulated host, and twice that beside other work
PAGES = 390  # of one site on one day; with 400 names some would be folded into "(other)"


def get(port: int, path: str, timeout: float = 60.0) -> tuple[int, bytes]:
    """Status and body of a finite answer; OSError or HTTPException if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": _BROWSER, "Accept-Language": "fr"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until(port: int, path: str, good, seconds: float = PATIENCE) -> bytes:
    """Asks until `good(status, body)`; its body."""
    end, last = time.monotonic() + seconds, "no answer"
    while time.monotonic() < end:
        try:
            status, body = get(port, path)
            if good(status, body):
                return body
            last = f"{status} {body[:300]!r}"
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        time.sleep(1)
    raise AssertionError(f"{path}: waited {seconds:.0f} s in vain; the last answer: {last}")


def until_ready(port: int, seconds: float = PATIENCE) -> None:
    until(port, "/readyz", lambda status, _: status == 200, seconds)


def until_live(port: int, seconds: float = PATIENCE) -> None:
    """Somebody who watches the channel gets a good piece of it, as MPEG-TS."""
    until(port, "/readyz", lambda status, _: status == 200, seconds)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    with contextlib.closing(connection):
        connection.request("GET", "/live/news.ts")
        answer = connection.getresponse()
        data = answer.read(_PACKET * 50)
    assert answer.status == 200, data[:300]
    assert data[::_PACKET] == b"G" * 50


def send_hit(port: int, page: str, site: int = 1, timeout: float = 60.0) -> int:
    """Its status, 204 if it was acknowledged; OSError or HTTPException if there was no answer."""
    url = quote(f"http://www.example.org{page}", safe="")
    return get(port, f"/matomo.php?idsite={site}&rec=1&send_image=0&url={url}", timeout)[0]


def kept(port: int, site: int = 1) -> Counter[str]:
    """Page views by path, of the last 7 days, by the site's own report; at most 500 pages."""
    body = until(port, f"/api/v1/sites/{site}/stats", lambda status, _: status == 200)
    return Counter({row["name"]: row["hits"] for row in json.loads(body)["top"].get("page", [])})


class Told(NamedTuple):
    """What became of the hits of `Visitors`, and how long the slowest answer took, in seconds.

    `unanswered`: the connection was refused or cut; qemu accepts on the guest's behalf, so the two look the same.
    """

    acknowledged: int
    lost: int
    doubled: int
    turned_away: int
    unanswered: int
    longest: float


class Visitors(threading.Thread):
    """`with Visitors(port, site) as visitors:` one hit after the other, each of another page of a site of its own.

    They begin `when()`: there are PAGES of them, and what they are to meet may come after minutes.
    """

    def __init__(self, port: int, site: int, pause: float = 0.7, when: Callable[[], bool] = lambda: True) -> None:
        super().__init__(daemon=True)
        self._port, self._site, self._pause, self._when = port, site, pause, when
        self._acknowledged: list[str] = []
        self._unanswered = self._turned_away = 0
        self._longest = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._when() and not self._over.is_set():
            time.sleep(1)
        for n in range(PAGES):
            if self._over.wait(self._pause):
                return
            self._send(f"/{n}")

    def _send(self, page: str) -> None:
        began = time.monotonic()
        outcome = self._outcome(page)
        seconds = time.monotonic() - began
        self._longest = max(self._longest, seconds)
        if outcome != "204":
            print(f"{time.strftime('%H:%M:%S')} site {self._site} {page}: {outcome} after {seconds:.1f} s", flush=True)

    def _outcome(self, page: str) -> str:
        try:
            status = send_hit(self._port, page, self._site, PATIENCE)
        except (OSError, http.client.HTTPException) as error:
            self._unanswered += 1
            return repr(error)
        if status == 204:
            self._acknowledged.append(page)
        else:
            self._turned_away += 1
        return str(status)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(PATIENCE + 10)

    @property
    def acknowledged(self) -> int:
        return len(self._acknowledged)

    def told(self) -> Told:
        """Once the worker answers again. Reports may be some seconds old, so it looks twice before it says lost."""
        for _ in range(2):
            there = kept(self._port, self._site)
            lost = [page for page in self._acknowledged if not there[page]]
            if not lost:
                break
            time.sleep(15)
        doubled = sum(hits > 1 for hits in there.values())
        longest = round(self._longest, 1)
        return Told(len(self._acknowledged), len(lost), doubled, self._turned_away, self._unanswered, longest)


class Viewer(threading.Thread):
    """`with Viewer(port) as viewer:` watches, and connects again when it is cut. `vain`: connections without a byte.

    It begins `when()`: an emulated processor does little else beside a channel.
    """

    def __init__(self, port: int, when: Callable[[], bool] = lambda: True) -> None:
        super().__init__(daemon=True)
        self.connections = self.vain = self.bytes = 0
        self.silence = 0.0  # the longest, in seconds
        self._port, self._when, self._last = port, when, 0.0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._when() and not self._over.is_set():
            time.sleep(1)
        self._last = time.monotonic()
        while not self._over.is_set():
            before = self.bytes
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._watch()
            self.vain += self.bytes == before and not self._over.is_set()
            time.sleep(0.5)

    def _watch(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        with contextlib.closing(connection):
            self.connections += 1
            connection.request("GET", "/live/news.ts")
            answer = connection.getresponse()
            while not self._over.is_set() and (data := answer.read1(65536)):
                self.bytes += len(data)
                now = time.monotonic()
                self.silence, self._last = max(self.silence, now - self._last), now

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(PATIENCE + 10)
