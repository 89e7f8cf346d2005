"""Viewers who come and go, of every output, for the soak."""

from __future__ import annotations

import contextlib
import http.client
import random
import re
import threading
import time

import common

ENDLESS = ("ts", "flv", "mp4")
PAGES = ("", ".jpg", "/state")
SHORTEST, LONGEST = 1.0, 12.0  # seconds of a visit


class Visitors:
    """`count` at once; `visits` and `failed` count what they did, by output."""

    def __init__(self, edge: common.Edge, count: int) -> None:
        self.visits: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self._edge, self._count = edge, count
        self._leave = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def come(self) -> None:
        self._leave.clear()
        self._threads = [threading.Thread(target=self._visit, args=(seed,), daemon=True) for seed in range(self._count)]
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """All, within a second or two."""
        self._leave.set()
        for thread in self._threads:
            thread.join(15)

    def _visit(self, seed: int) -> None:
        chance = random.Random(time.monotonic() + seed)
        while not self._leave.is_set():
            kind = chance.choice([*ENDLESS, *ENDLESS, "hls", "page"])
            try:
                self._look(kind, chance)
                good = True
            except (OSError, http.client.HTTPException, ValueError):
                good = False
            with self._lock:
                counts = self.visits if good else self.failed
                counts[kind] = counts.get(kind, 0) + 1
            self._leave.wait(chance.uniform(0.0, 1.0))

    def _look(self, kind: str, chance: random.Random) -> None:
        seconds = chance.uniform(SHORTEST, LONGEST)
        if kind in ENDLESS:
            self._watch(f"/live/news.{kind}", seconds)
        elif kind == "hls":
            self._follow(seconds)
        else:
            self._get(f"/live/news{chance.choice(PAGES)}")

    def _watch(self, path: str, seconds: float) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._edge.port, timeout=10)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(answer.status)
            end = time.monotonic() + seconds
            while time.monotonic() < end and not self._leave.is_set():
                if not answer.read1(65536):
                    raise ValueError("it ended")

    def _follow(self, seconds: float) -> None:
        """As a player does: the playlist every second, new segments once."""
        seen: set[str] = set()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._leave.is_set():
            playlist = self._get("/live/news/index.m3u8").decode()
            for name in re.findall(r"^[^#\s].*$", playlist, re.MULTILINE):
                if name not in seen:
                    seen.add(name)
                    self._get(f"/live/news/{name}")
            self._leave.wait(1.0)

    def _get(self, path: str) -> bytes:
        status, body = common.fetch(f"{self._edge.url}{path}")
        if status != 200:
            raise ValueError(status)
        return body
