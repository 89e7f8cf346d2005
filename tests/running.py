"""A running worker, as a user starts it: `edge run` in a process of its own, on free ports of the loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 120.0  # seconds; never reached when all is well, however busy the host is


class Worker:
    """Its process, where it listens, what it logs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log
        self.url = ""

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str, token: str | None = None, method: str = "GET") -> tuple[int, bytes]:
        """Status and body of a finite answer."""
        request = urllib.request.Request(self.url + path, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def head(self, path: str) -> dict[str, str]:
        request = urllib.request.Request(self.url + path, method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return {k.lower(): v for k, v in answer.headers.items()}

    def read(self, path: str, least: int) -> bytes:
        """The first `least` bytes or more of an endless answer."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            data = b""
            while len(data) < least:
                part = answer.read1(65536)
                assert part, f"the stream ended after {len(data)} bytes"
                data += part
            return data

    def state(self, name: str) -> dict:
        return json.loads(self.get(f"/live/{name}/state")[1])

    def until(self, good, what: str) -> None:
        """Waits until `good()`."""
        end = time.monotonic() + PATIENCE
        while not good():
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.log}"
            assert time.monotonic() < end, f"waited in vain for {what}:\n{self.log}"
            time.sleep(0.1)

    def until_live(self, name: str) -> None:
        self.until(lambda: self.state(name)["status"] == "live", f"{name} to be live")

    def stop(self, signal_number: int = 15) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(timeout=PATIENCE)


def write_config(folder: Path, channels: str, http: str = "", top: str = "") -> Path:
    """A configuration that listens on a port of the kernel's choice. `top`: keys that stand before all tables."""
    config = folder / "edge.toml"
    config.write_text(f'data_dir = "{folder}/data"\n{top}\n[http]\nlisten = ["127.0.0.1:0"]\n{http}\n{channels}')
    return config


# Not lowered, however busy the host of the tests is: on its lowest rungs a channel passes on what is damaged.
FULL = 'highest = "full"\nlowest = "full"\n'


def channel(
    name: str,
    source: str | Path,
    more: str = "",
    video: str = "width = 352\nheight = 240\nfps = 15",
    ladder: str = FULL,
) -> str:
    table = f'[[channel]]\nname = "{name}"\nsource = "{source}"\n{more}\n'
    return f"{table}[channel.video]\n{video}\n[channel.ladder]\n{ladder}"


def altered(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python that is started from now on runs `code` first: so a worker's waits are shorter than in life."""
    place = folder / "altered"
    place.mkdir()
    (place / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(place))


@contextmanager
def running(folder: Path, channels: str, http: str = "", top: str = "") -> Iterator[Worker]:
    config = write_config(folder, channels, http, top)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "edge", "run", "--config", str(config)], stderr=out)
    worker = Worker(process, log)
    try:
        worker.until(lambda: re.search(r'event("?)[=:]\1ready', worker.log), "the event ready")
        worker.url = re.search(r'look[":=]+(http://[0-9.:]+)/', worker.log)[1]
        yield worker
    finally:
        process.kill()
        process.wait()
