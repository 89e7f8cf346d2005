"""Secrets over restarts under a real systemd."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from usermanager import managing

from edge.hits import reading
from edge.hits.calendar import Calendar

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
UNIT = """
[Service]
Type=notify
NotifyAccess=main
FileDescriptorStoreMax=4
Restart=always
RestartSec=0
WatchdogSec=60
ExecStart={python} -m edge run --config {config}
"""
CONFIG = """
data_dir = "{folder}/data"
[http]
listen = ["127.0.0.1:{port}"]
[[site]]
id = 1
hosts = ["www.example.org"]
timezone = "{timezone}"
"""


def zone() -> str:
    """One whose midnight is far: between 6 and 18 o'clock there. Their signs are turned around in the tz database."""
    hour = time.gmtime().tm_hour
    return f"Etc/GMT{hour - 12:+d}" if hour != 12 else "UTC"


def visit(port: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/matomo.php?idsite=1&rec=1&url=http://www.example.org/", headers={"User-Agent": AGENT}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
        assert "X-Edge-Excluded" not in answer.headers


def day(folder: Path) -> tuple[int, int | None, bool]:
    """Page views, visitors, and whether the day may over-count."""
    today = Calendar(zone()).day(time.time())
    with closing(sqlite3.connect(f"file:{folder}/data/hits.db?mode=ro", uri=True)) as db:
        found = reading.totals(db, 1, today, today)
    return (found[0].pageviews, found[0].uniques, found[0].restarted) if found else (0, None, False)


def until_day(folder: Path, *wanted: object) -> None:
    """A hit is there when it is answered; that the secret was lost is written soon after the start."""
    deadline = time.monotonic() + 60
    while day(folder) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert day(folder) == wanted


@pytest.mark.peer
def test_a_visitor_is_known_over_a_restart_and_a_kill_but_not_after_a_stop(tmp_path: Path, free_port: int) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG.format(folder=tmp_path, port=free_port, timezone=zone()))
    with managing(tmp_path, {"edge.service": UNIT.format(python=sys.executable, config=config)}) as manager:
        manager("start")
        assert "sites: 1" in manager("show", "--property=StatusText")
        visit(free_port)
        until_day(tmp_path, 1, 1, False)

        manager("restart")
        visit(free_port)
        until_day(tmp_path, 2, 1, False)

        killed = manager.pid()
        os.kill(killed, 9)
        manager.until_another(killed)
        visit(free_port)
        until_day(tmp_path, 3, 1, False)
        assert manager.show("NFileDescriptorStore") == "1"  # older copies are removed

        manager("stop")  # nothing waits for this service any more: systemd closes what it kept
        manager("start")
        visit(free_port)
        until_day(tmp_path, 4, 2, True)
