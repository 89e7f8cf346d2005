"""What viewers and visitors do to a machine: watch, send hits, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import quote

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PATIENCE = 120.0  # seconds; starting edge takes 10 to 40 on an emulated host


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
    """The channel has had a frame in the last 15 s."""
    until(port, "/readyz?channels", lambda status, _: status == 200, seconds)


def watch(port: int, least: int, seconds: float = 60.0) -> bytes:
    """The first `least` bytes of the channel as MPEG-TS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/live/news.ts")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return answer.read(least)
    finally:
        connection.close()


def send_hit(port: int, page: str, timeout: float = 60.0) -> bool:
    """Whether it was acknowledged; OSError or HTTPException if there was no answer."""
    url = quote(f"http://www.example.org{page}", safe="")
    return get(port, f"/matomo.php?idsite=1&rec=1&send_image=0&url={url}", timeout)[0] == 204


def kept(port: int) -> Counter[str]:
    """Page views by path, of the last 7 days, by the site's own report."""
    body = until(port, "/api/v1/sites/1/stats", lambda status, _: status == 200)
    return Counter({row["name"]: row["hits"] for row in json.loads(body)["top"]["page"]})


class Visitors(threading.Thread):
    """Sends a hit at a time until told to stop; each is another page. `refused` counts refused connections."""

    def __init__(self, port: int, word: str, pause: float = 0.3) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.refused = self.unanswered = self.turned_away = 0
        self.longest = 0.0  # seconds until an answer
        self._port, self._word, self._pause = port, word, pause
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        n = 0
        while not self._over.wait(self._pause):
            n += 1
            began = time.monotonic()
            self._send(f"/{self._word}{n}")
            self.longest = max(self.longest, time.monotonic() - began)

    def _send(self, page: str) -> None:
        try:
            if send_hit(self._port, page, 120):
                self.acknowledged.append(page)
            else:
                self.turned_away += 1
        except ConnectionRefusedError:
            self.refused += 1
        except (OSError, http.client.HTTPException):
            self.unanswered += 1

    def stop(self) -> None:
        self._over.set()
        self.join(130)

    def lost(self) -> list[str]:
        """Acknowledged and not kept."""
        there = kept(self._port)
        return [page for page in self.acknowledged if not there[page]]
