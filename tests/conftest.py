"""Fixtures for all tests: peers (programs that are not Python packages), sample media, free ports. How tests are shared
out with `-n`: most of their time they wait for media, so several wait at once."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import media
import ports
import pytest
from hypothesis import HealthCheck, settings
from programs import peer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says how busy the host is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

SHARED_MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
SHARED_HITS = SHARED_MEDIA.with_name("hits")
LONGEST = ("tests/peers/", "tests/unit/ansible/", "tests/unit/test_worker")  # they come first, so that none ends alone
APART = ("test_browser_rungs.py", "test_browser_players.py")  # long tests that share nothing


class Files(LoadScopeScheduling):
    """A file for a worker, as its tests share what is set up once; the tests of some files each by itself."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.endswith(APART) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    config.option.loadscopereorder = False  # the order is ours
    return Files(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`."""
    return min(2 * len(os.sched_getaffinity(0)), ports.WORKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    return peer("ffmpeg")


@pytest.fixture(scope="session")
def ffprobe() -> str:
    return peer("ffprobe")


@pytest.fixture(scope="session")
def chromium() -> str:
    return peer("chromium", "chromium-browser")


@pytest.fixture(scope="session")
def firefox() -> str:
    return peer("firefox-esr", "firefox")


@pytest.fixture(scope="session")
def promtool() -> str:
    return peer("promtool")


@pytest.fixture(scope="session")
def nginx() -> str:
    return peer("nginx")


@pytest.fixture(scope="session")
def node() -> str:
    return peer("node", "nodejs")


@pytest.fixture(scope="session")
def curl() -> str:
    return peer("curl")


@pytest.fixture(scope="session")
def openssl() -> str:
    return peer("openssl")


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """Files of public test suites, beside the checkout on developers' machines. Data, not a peer: never required."""
    if not SHARED_MEDIA.is_dir():
        pytest.skip("needs the sample files in ../shared/media, which are not there")
    return SHARED_MEDIA


@pytest.fixture(scope="session")
def shared_hits() -> Path:
    """Requests as trackers really sent them, and lists of referrers, beside the checkout on developers' machines."""
    if not SHARED_HITS.is_dir():
        pytest.skip("needs the sample files in ../shared/hits, which are not there")
    return SHARED_HITS


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    return ports.free()


@pytest.fixture
def udp_port() -> int:
    return ports.free(socket.SOCK_DGRAM)


@pytest.fixture(scope="session")
def source_sample() -> Path:
    """19.2 s like the source that everything is judged by: H.264 High 960x540@50, AAC 48 kHz, from 30472 s on."""
    return media.sample("source")


@pytest.fixture(scope="session")
def small_sample() -> Path:
    """5.12 s of H.264 320x180@25 and AAC: quick to decode, loops without a seam."""
    return media.sample("small")
