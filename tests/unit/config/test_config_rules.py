"""What types cannot say: sources, addresses, headers, credentials, and values that contradict one another."""

from __future__ import annotations

from typing import Any

import pytest

from edge.config import rules
from edge.config.mistake import Mistake


def paths(mistakes: Any) -> list[str]:
    return [mistake.path for mistake in mistakes]


@pytest.mark.parametrize(
    "source",
    [
        "demo:",
        "http://source.example/1034.ts",
        "https://user:pass@source.example:8443/live?token=1#x",
        "http://[2001:db8::1]:80/x",
        "http://source.example",
        "http://source.example?x=1",
        "rtmp://source.example/app/key",
        "rtmps://source.example/app",
        "rtsp://source.example:554/cam",
        "rtsps://source.example/cam",
        "udp://239.0.0.1:1234",
        "udp://@239.0.0.1:1234?localaddr=10.0.0.1",
        "udp://:1234",
        "rtp://0.0.0.0:5004",
        "/srv/film.ts",
        "film.mp4",
        "./odd:name.ts",
        "films/a b.ts",
    ],
)
def test_sources_that_edge_opens(source: str) -> None:
    assert list(rules.source(source, "p")) == []


@pytest.mark.parametrize(
    "source",
    [
        "file:/etc/passwd",
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "concat:/etc/passwd|/etc/group",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "data:text/plain,x",
        "pipe:0",
        "async:file:/etc/passwd",
        "cache:http://x/",
        "crypto+file:/etc/passwd",
        "lavfi:testsrc",
        "gopher://x/",
        "HTTP://source.example/",
        "http:/source.example/",
        "http:source.example",
        "http://",
        "http:///x",
        "http://source.example:/x",
        "http://source.example:0/x",
        "http://source.example:65536/x",
        "http://source.example:12x/",
        "http://source .example/",
        "http://[::1/",
        "udp://239.0.0.1",
        "udp://",
        "rtp://host:0",
        "demo:x",
        "odd:name.ts",
    ],
)
def test_sources_that_edge_refuses(source: str) -> None:
    (mistake,) = rules.source(source, "p")
    assert mistake.path == "p"


@pytest.mark.parametrize("scheme", ["file", "concat", "data", "pipe"])
def test_a_dangerous_scheme_is_refused_with_the_reason(scheme: str) -> None:
    (mistake,) = rules.source(f"{scheme}:x", "p")
    assert f"{scheme}: is refused, " in mistake.got


@pytest.mark.parametrize(
    "source",
    [
        "http://u:hunter2@source.example:0/",
        "http://u:hunter2/@source.example/ x",
        "http://u:hun@ter2@source.example:0/",
        "http://u:#hunter2@source.example:0/",
        "gopher://u:hunter2@source.example/",
        "http://source.example:0/?key=hunter2",
    ],
)
def test_a_refused_source_does_not_show_its_password(source: str) -> None:
    (mistake,) = rules.source(source, "p")
    assert "ter2" not in mistake.got
    assert "source.example" in mistake.got


def test_a_wrong_source_shows_no_path_as_it_may_be_a_key() -> None:
    (mistake,) = rules.source("rtmp://live.example/app/STREAM KEY", "p")
    assert mistake.got == '"rtmp://live.example/…"'


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "0.0.0.0:80", "[::1]:8080", "[::]:0", "edge.example:65535"])
def test_addresses_to_listen_on(address: str) -> None:
    assert list(rules.address(address, "p")) == []


WRONG = [
    "",
    "8080",
    ":8080",
    "*:80",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "::1:80",
    "[::1]",
    "[x]:80",
    "a b:1",
]


@pytest.mark.parametrize("address", [*WRONG, "[1.2.3.4]:1"])
def test_addresses_that_nobody_can_listen_on(address: str) -> None:
    assert paths(rules.address(address, "p")) == ["p"]


@pytest.mark.parametrize("network", ["127.0.0.1/32", "10.0.0.0/8", "::1", "fd00::/8", "192.0.2.1"])
def test_networks(network: str) -> None:
    assert list(rules.network(network, "p")) == []


@pytest.mark.parametrize(
    "network",
    [
        "",
        "x",
        "10.0.0.0/33",
        "10.0.0/8",
        "localhost",
        "fd00::1/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        "fe80::1%eth0",
        "fe80::%1/64",
    ],
)
def test_wrong_networks(network: str) -> None:
    assert paths(rules.network(network, "p")) == ["p"]


def test_an_address_inside_a_network_is_told_its_network() -> None:
    (mistake,) = rules.network("10.1.2.3/8", "p")
    assert mistake.got.endswith("its network is 10.0.0.0/8")


def test_header_names() -> None:
    good = {"User-Agent": "x", "X_Token": "y"}
    assert list(rules.headers(good, "h")) == []
    bad = {"X Y": "", "A:": "", "": "", "Content-Length": "0", "Ok": "", "oK": ""}
    assert paths(rules.headers(bad, "h")) == ['h."X Y"', 'h."A:"', 'h.""', "h.Content-Length", "h.oK"]


@pytest.mark.parametrize("name", ["Host", "expect", "Range", "Connection", "TE", "Trailer", "Upgrade"])
def test_headers_that_are_ours(name: str) -> None:
    assert paths(rules.headers({name: "x"}, "h")) == [f"h.{name}"]


def test_what_a_run_would_refuse_is_a_mistake_that_shows_no_value() -> None:
    (mistake,) = rules.headers({"User-Agent": "secret…"}, "h")
    assert (mistake.path, "secret" in mistake.got) == ("h.User-Agent", False)
    for value in ("café", "a\tb", 3, None):
        assert list(rules.headers({"User-Agent": value}, "h")) == []  # a wrong type is the walk's to tell


@pytest.mark.parametrize("source", ["http://" + "ü" * 70 + "/", "http://a..ü/x", "https://[::1/x"])
def test_http_sources_that_cannot_be_asked(source: str) -> None:
    assert paths(rules.source(source, "p")) == ["p"]


def test_headers_are_bounded() -> None:
    assert paths(rules.headers({f"h{i}": "" for i in range(32)}, "h")) == []
    assert paths(rules.headers({f"h{i}": "" for i in range(33)}, "h")) == ["h"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, []),
        ({"user_file": "u", "password_file": "p", "source": "https://h/"}, []),
        ({"user_file": "u", "source": "https://h/"}, ["c.password_file"]),
        ({"password_file": "p", "source": "https://h/"}, ["c.user_file"]),
        ({"user_file": "u", "password_file": "p", "source": "https://a:b@h/"}, ["c.user_file"]),
        ({"user_file": "u", "password_file": "p", "source": "https://h/?mail=a@b"}, []),
        ({"user_file": "u", "password_file": "p", "source": "udp://h:1"}, ["c.user_file"]),
        ({"user_file": "u", "password_file": "p", "source": "film.ts"}, ["c.user_file"]),
        ({"user_file": "u", "password_file": "p", "source": 3}, []),
        ({"video": {"codec": "none"}}, []),
        ({"video": {"codec": "none"}, "audio": {"codec": "none"}}, ["c.audio.codec"]),
        ({"source": "demo:", "video": {"codec": "copy"}}, ["c.video.codec"]),
        ({"source": "demo:", "audio": {"codec": "copy"}}, ["c.audio.codec"]),
        ({"video": 3, "audio": [], "source": None}, []),
    ],
)
def test_a_channel_must_not_contradict_itself(table: dict[str, Any], expected: list[str]) -> None:
    assert paths(rules.channel(table, "c")) == expected


def test_channels_have_names_of_their_own() -> None:
    tables = [{"name": "a"}, {"name": "b"}, 3, {}, {"name": 4}, {"name": "a"}, {"name": "a"}]
    assert list(rules.channels(tables, "channel")) == [
        Mistake("channel[5].name", "a name of its own", '"a", as channel[0] has'),
        Mistake("channel[6].name", "a name of its own", '"a", as channel[0] has'),
    ]


def test_the_number_of_channels_is_bounded() -> None:
    tables = [{"name": str(i)} for i in range(rules.MAX_CHANNELS + 1)]
    assert paths(rules.channels(tables[:-1], "channel")) == []
    assert paths(rules.channels(tables, "channel")) == ["channel"]


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"width": 4096, "height": 2304}, False),
        ({"width": 4096, "height": 2306}, True),
        ({"width": 4096}, False),
        ({"width": 100_000, "height": 4096}, False),  # the range of `width` says it
        ({"width": "x", "height": 4096}, False),
    ],
)
def test_the_area_of_a_picture_is_bounded(table: dict[str, Any], wrong: bool) -> None:
    assert bool(list(rules.video(table, "v"))) is wrong


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({}, []),
        ({"highest": "full", "lowest": "full"}, []),
        ({"highest": "skip-b", "lowest": "key"}, []),
        ({"highest": "auto", "lowest": "full"}, []),
        ({"highest": "key", "lowest": "skip-b"}, ["l.lowest"]),
        ({"highest": "audio-copy"}, []),
        ({"lowest": "audio-copy"}, []),
        ({"highest": "nonsense", "lowest": "key"}, []),  # the names are said by their type
        ({"highest": 3, "lowest": []}, []),
    ],
)
def test_the_ladder_has_its_top_above_its_foot(table: dict[str, Any], wrong: list[str]) -> None:
    assert paths(rules.ladder(table, "l")) == wrong


def test_each_address_is_listened_on_once() -> None:
    table = {"listen": ["a:1", "a:0", "a:0", 3, "a:1"], "metrics_listen": ["b:1", "a:1"]}
    assert paths(rules.http(table, "http")) == ["http.listen[4]", "http.metrics_listen[1]"]


@pytest.mark.parametrize(("listen", "wrong"), [([], ["http.listen"]), ("a:1", []), (None, [])])
def test_there_is_an_address_to_listen_on(listen: object, wrong: list[str]) -> None:
    assert paths(rules.http({"listen": listen}, "http")) == wrong


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("channel[].video.bitrate", "8k", False),
        ("channel[].video.bitrate", "100M", False),
        ("channel[].video.bitrate", "7.9k", True),
        ("channel[].video.bitrate", "101M", True),
        ("channel[].audio.bitrate", "512k", False),
        ("channel[].audio.bitrate", "513k", True),
        ("http.egress", "10M", False),
        ("http.egress", "999", True),
        ("http.traffic_per_month", "500G", False),
        ("http.traffic_per_month", "1k", True),
        ("data_dir", "/var/lib/edge", False),
        ("data_dir", "  ", True),
    ],
)
def test_rules_on_single_values(key: str, value: str, wrong: bool) -> None:
    assert bool(list(rules.RULES[key](value, "p"))) is wrong
