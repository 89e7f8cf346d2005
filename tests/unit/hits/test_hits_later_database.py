"""A worker that finds a database of a later edge: channels go on, hits are refused, and everybody says so."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from running import PATIENCE, Worker, channel, running

from edge.hits.schema import connect
from edge.log import Log

SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\npublic = true\n'
HIT = "/matomo.php?idsite=1&rec=1&url=https://www.example.org/"


def later_database(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "hits.db"
    connect(str(path), "power", Log("error")).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    return path


def asked(worker: Worker, path: str) -> tuple[int, str]:
    request = urllib.request.Request(worker.url + path, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")


def test_channels_go_on_and_hits_do_when_the_file_is_gone(tmp_path: Path) -> None:
    path = later_database(tmp_path / "data")
    content = path.read_bytes()
    with running(tmp_path, channel("demo", "demo:") + SITE) as worker:
        worker.until_live("demo")
        assert "edge_hits_store_failing 1.0" in asked(worker, "/metrics")[1]  # before any hit
        assert asked(worker, HIT)[0] == 503
        assert asked(worker, "/stats/1") == (503, "The statistics cannot be read now.\n")
        metrics = asked(worker, "/metrics")[1]
        assert "edge_http_failures_total 0.0" in metrics  # no mistake of edge
        assert worker.log.count("store_failing") == 1
        assert "written by a later edge (version 99" in worker.log
        verb = [sys.executable, "-m", "edge", "hits", "report", "--config", str(tmp_path / "edge.toml")]
        told = subprocess.run(verb, capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 1
        assert "install that edge again" in told.stderr
        assert path.read_bytes() == content
        path.rename(tmp_path / "later.db")
        worker.until(lambda: asked(worker, HIT)[0] == 200, "hits to be kept again")
        assert worker.log.count("store_recovered") == 1
        assert asked(worker, "/stats/1")[0] == 200
