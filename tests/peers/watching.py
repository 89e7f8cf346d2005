"""A Prometheus that watches a worker: Debian's program, on the loopback, for as long as a test."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 120.0
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: edge
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """What its HTTP interface tells."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **query: str) -> Any:
        """The `data` of an answer, or what it has against the question, as {"error": …}."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                return {"error": json.load(error)["error"]}

    def query(self, expression: str) -> list[dict[str, Any]]:
        found = self.ask("query", query=expression)
        assert "error" not in found, f"{expression}: {found['error']}"
        return found["result"] if found["resultType"] == "vector" else [found]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def alerts(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Those that fire or are about to, by severity and channel."""
        found = [each for each in self.ask("alerts")["alerts"] if each["labels"]["alertname"] == name]
        return {(each["labels"]["severity"], each["labels"].get("channel", "")): each for each in found}


def until(look: Callable[[], Any], good: Callable[[Any], object], what: str) -> Any:
    end = time.monotonic() + PATIENCE
    while not good(found := look()):
        assert time.monotonic() < end, f"waited in vain for {what}: {found}"
        time.sleep(0.2)
    return found


@contextmanager
def prometheus(program: str, folder: Path, rules: Path, target: str) -> Iterator[Prometheus]:
    """It scrapes `target` every second and evaluates `rules` as often."""
    port = ports.free()
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    config.write_text(CONFIG.format(rules=rules, target=target))
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=warn"]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=out, stderr=out)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is None and _ready(address), bool, f"Prometheus: {log.read_text()}")
        yield Prometheus(address)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
