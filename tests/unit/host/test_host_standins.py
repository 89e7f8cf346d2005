"""Modules that a library names and edge never uses are not loaded with it, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge.host.standins import standins


@pytest.fixture(autouse=True)
def _not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test may have loaded it."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)


def test_what_is_missing_seems_to_be_there_and_is_gone_afterwards() -> None:
    with standins("colorsys", "no_such_package", "no_such_package.inner"):
        import colorsys  # noqa: PLC0415

        from no_such_package import inner  # noqa: PLC0415

        assert type("Both", (inner.One, inner.Other), {})
        assert inner.SOME_NUMBER == 0
        assert isinstance(colorsys.rgb_to_hsv, type)
    import colorsys as real  # noqa: PLC0415

    assert real.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
    with pytest.raises(ImportError):
        __import__("no_such_package")


def test_who_still_names_it_afterwards_gets_the_real_one() -> None:
    with standins("colorsys", "no_such_package"):
        import colorsys  # noqa: PLC0415

        import no_such_package  # noqa: PLC0415
    assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
    with pytest.raises(ImportError):
        no_such_package.anything  # noqa: B018


def test_what_is_loaded_stays_what_it_is() -> None:
    with standins("json"):
        import json  # noqa: PLC0415

        assert json.loads("[1]") == [1]
    assert sys.modules["json"] is json


def test_nothing_stays_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), standins("no_such_package"):
        raise ZeroDivisionError
    assert "no_such_package" not in sys.modules


def test_a_scrape_loads_no_server_and_the_client_answers_all_the_same() -> None:
    """In a process of its own, where nothing else has loaded them."""
    script = """
import asyncio, sys
from edge.observe.metrics import Exporter
from edge.observe.snapshot import Build, Snapshot
exporter = Exporter(lambda: Snapshot(Build("0.1.0", "3.11.7", "18.1.0", "8.1.2")))
for accept in ("", "application/openmetrics-text"):
    kind, text = asyncio.run(exporter.scrape(accept))
    assert b"process_open_fds" in text and b"edge_build_info" in text, text
print(sorted({"http.server", "socketserver", "urllib.request", "wsgiref.simple_server"} & set(sys.modules)))
import urllib.request, http.server
assert issubclass(http.server.HTTPServer, __import__("socketserver").BaseServer)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
