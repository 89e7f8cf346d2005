"""Versions in a scrape, whatever is loaded by then."""

from __future__ import annotations

import sys
from types import ModuleType

import av
import pytest

from edge import __version__
from edge.observe import gather


def test_versions_of_what_is_loaded() -> None:
    found = gather.build()
    assert (found.version, found.pyav, found.ffmpeg) == (__version__, av.__version__, str(av.ffmpeg_version_info))
    assert found.release == f"{__version__}-source"  # a checkout is no release


def test_a_scrape_while_a_thread_imports_av_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", ModuleType("av"))
    assert (gather.build().pyav, gather.build().ffmpeg) == ("", "")
