"""What is allowed and still probably not meant."""

from __future__ import annotations

from typing import Any

import pytest

from edge.config.advice import is_wildcard, warnings
from edge.config.load import settle
from edge.config.model import demo

NEWS: dict[str, Any] = {"name": "a", "source": "https://h/"}


def keys(**tree: Any) -> list[str]:
    return [warning.split(":")[0] for warning in warnings(settle({"channel": [NEWS]} | tree, "f"))]


def channel(**table: Any) -> list[str]:
    return keys(channel=[NEWS | table])


def test_the_demo_needs_no_advice() -> None:
    assert list(warnings(demo())) == []


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ({"listen": ["127.0.0.1:1"]}, []),
        ({"listen": ["0.0.0.0:1"]}, ["http.listen"]),
        ({"listen": ["127.0.0.1:1", "[::]:1"]}, ["http.listen"]),
        ({"listen": ["0.0.0.0:1"], "max_viewers": 3}, []),
        ({"listen": ["0.0.0.0:1"], "egress": "1M"}, []),
        ({"metrics_listen": ["0.0.0.0:2"]}, ["http.metrics_listen"]),
        ({"trusted_proxies": ["0.0.0.0/0"]}, ["http.trusted_proxies"]),
    ],
)
def test_http(http: dict[str, Any], expected: list[str]) -> None:
    assert keys(http=http) == expected


def test_a_bound_on_every_channel_bounds_the_host() -> None:
    assert keys(http={"listen": ["0.0.0.0:1"]}, channel=[NEWS | {"max_viewers": 3}]) == []


def test_private_channels_and_metrics_on_the_viewers_listener() -> None:
    private = [NEWS | {"public": False}]
    assert keys(channel=private) == ["http.metrics_listen"]
    assert keys(channel=private, http={"metrics_listen": ["127.0.0.1:9109"]}) == []


def test_no_channel() -> None:
    assert keys(channel=[]) == ["channel, site"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"source": "http://h/"}, []),
        ({"source": "http://u:p@h/"}, ["channel[0].source"]),
        ({"source": "rtsp://h/", "headers": {"A": "b"}}, ["channel[0].headers"]),
        ({"video": {"codec": "copy", "width": 352}}, ["channel[0].video"]),
        ({"video": {"codec": "copy"}}, []),
        ({"video": {"fit": "pad", "width": 352}}, ["channel[0].video.fit"]),
        ({"video": {"fit": "pad", "width": 352, "height": 240}}, []),
        ({"audio": {"codec": "copy", "channels": 1}}, ["channel[0].audio"]),
        ({"audio": {"codec": "aac", "channels": 1}}, []),
        ({"ladder": {"highest": "full", "lowest": "key", "allow_copy": True}}, []),
        ({"ladder": {"lowest": "fps-10", "allow_copy": True}}, ["channel[0].ladder.allow_copy"]),
        ({"ladder": {"highest": "key", "allow_copy": True}}, ["channel[0].ladder.allow_copy"]),
        ({"ladder": {"highest": "key"}, "video": {"codec": "copy"}}, ["channel[0].ladder"]),
        ({"ladder": {"lowest": "audio"}, "video": {"codec": "copy"}}, []),
    ],
)
def test_channels(table: dict[str, Any], expected: list[str]) -> None:
    assert channel(**table) == expected


@pytest.mark.parametrize(("address", "every"), [("0.0.0.0:1", True), ("[::]:1", True), ("127.0.0.1:1", False)])
def test_wildcards(address: str, every: bool) -> None:
    assert is_wildcard(address) is every
