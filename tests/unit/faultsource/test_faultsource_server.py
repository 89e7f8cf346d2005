"""The source over real sockets, read by http.client and PyAV."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import media
import pytest
from faultsource import Faults, FaultSource, open_loop

FAST = 20.0  # seconds of the stream in a real second


def get(url: str, path: str | None = None, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(method, path or parts.path, headers={"User-Agent": "test"})
        answer = connection.getresponse()
        try:
            return answer, answer.read()
        except http.client.IncompleteRead as cut:
            return answer, cut.partial
    finally:
        connection.close()


def test_a_response_is_cut_and_the_next_replays(small_sample: Any) -> None:
    source = FaultSource(small_sample, Faults(cut=6.0, replay=2.0), speed=FAST)
    with source as url:
        (answer, first), (_, second) = get(url), get(url)
    assert answer.getheader("Content-Length") is None
    assert [event.what for event in source.events] == ["begin", "end"] * 2
    begin, end, again = (source.events[i].position for i in range(3))
    assert again < end
    assert end - begin == len(first)
    assert second[: end - again] == first[again - begin :]
    assert source.asked[0].headers["user-agent"] == "test"


def test_pyav_reads_what_is_sent(small_sample: Any) -> None:
    with FaultSource(small_sample, Faults(cut=8.0, begin="keyframe", end="exact"), speed=FAST) as url:
        shown = media.pictures(url)
    numbers = [number for number in shown if number is not None][:-4]  # B frames before the cut may be missing
    assert len(numbers) > 100
    assert all((later - earlier) % 128 == 1 for earlier, later in itertools.pairwise(numbers))


def test_flv_is_served_with_its_headers_each_time() -> None:
    sample = media.sample("flv")
    with FaultSource(sample, Faults(cut=4.0, replay=1.0, begin="keyframe", first_timestamp=100.0), speed=FAST) as url:
        for _ in range(2):
            answer, data = get(url)
            assert answer.getheader("Content-Type") == "video/x-flv"
            assert data.startswith(open_loop(sample).head)


@pytest.mark.parametrize(
    ("end", "header"),
    [("chunked", ("Transfer-Encoding", "chunked")), ("truncated", ("Transfer-Encoding", "chunked"))],
)
def test_chunked_endings(small_sample: Any, end: Any, header: tuple[str, str]) -> None:
    source = FaultSource(small_sample, Faults(cut=4.0, end=end), speed=FAST)
    with source as url:
        answer, data = get(url)
    assert answer.getheader(header[0]) == header[1]
    assert len(data) == source.events[1].position - source.events[0].position


@pytest.mark.parametrize(("end", "missing"), [("exact", 0), ("length", 100_000)])
def test_content_length_kept_or_broken(small_sample: Any, end: Any, missing: int) -> None:
    with FaultSource(small_sample, Faults(cut=4.0, end=end), speed=FAST) as url:
        answer, data = get(url)
    assert int(answer.getheader("Content-Length") or 0) - len(data) == missing


def test_a_reset_is_one(small_sample: Any) -> None:
    with (
        FaultSource(small_sample, Faults(cut=2.0, end="reset"), speed=FAST) as url,
        pytest.raises(ConnectionResetError),
    ):
        get(url)


def test_refusals_statuses_redirects_and_bodies(small_sample: Any) -> None:
    faults = Faults(cut=2.0, refuse_every=2, status_every=3, status=404, redirect_every=5, body_every=7, body="html")
    with FaultSource(small_sample, faults, speed=FAST) as url:
        seen: list[object] = []
        for _ in range(7):
            try:
                answer, body = get(url)
                seen.append((answer.status, answer.getheader("Location"), body[:9]))
            except (ConnectionError, http.client.HTTPException):
                seen.append("reset")
    assert seen[1] == seen[3] == seen[5] == "reset"
    assert seen[2] == (404, None, b"")
    assert seen[4] == (302, "/hop.ts", b"")
    assert seen[6] == (200, None, b"<!doctype")


def test_an_empty_body_and_a_head_request(small_sample: Any) -> None:
    with FaultSource(small_sample, Faults(body_every=2, body="empty"), speed=FAST) as url:
        assert get(url, method="HEAD")[1] == b""
        assert get(url)[1] == b""


@pytest.mark.parametrize(
    ("body", "first"), [("endless-head", b"X-More"), ("trickle", b"GG"), ("noise", bytes(range(256)))]
)
def test_bodies_that_never_end(small_sample: Any, body: Any, first: bytes) -> None:
    with (
        FaultSource(small_sample, Faults(body_every=1, body=body), speed=200.0) as url,
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        data = b""
        while first not in data:
            more = client.recv(65536)
            assert more, "it ended"
            data += more


def test_another_sample_from_the_second_response_on(small_sample: Any) -> None:
    other = media.sample("other_size")
    with FaultSource(small_sample, Faults(cut=4.0, begin="keyframe", switch=((2, str(other)),)), speed=FAST) as url:
        sizes = []
        for _ in range(2):
            with av.open(url) as container:
                sizes.append((container.streams.video[0].width, container.streams.video[0].height))
                container.demux()
    assert sizes == [(320, 180), (480, 360)]


def test_down_refuses_and_up_serves_again(small_sample: Any) -> None:
    source = FaultSource(small_sample, Faults(cut=2.0), speed=FAST)
    with source as url:
        source.down()
        with pytest.raises(ConnectionRefusedError):
            get(url)
        source.up()
        assert get(url)[1]


def test_cut_by_hand_ends_what_is_under_way(small_sample: Any) -> None:
    source = FaultSource(small_sample, Faults(replay=2.0))
    with (
        source as url,
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=60) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100)
        source.cut()
        while client.recv(65536):
            pass
    assert source.events[-1].what == "cut"


def test_it_is_an_asynchronous_context_too(small_sample: Any) -> None:
    async def use() -> bytes:
        async with FaultSource(small_sample, Faults(cut=2.0), speed=FAST) as url:
            return (await asyncio.to_thread(get, url))[1]

    assert asyncio.run(use())


def test_the_command_line_says_where_it_is_and_logs(small_sample: Any) -> None:
    tests = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "faultsource", "--cut=2", "--speed=20", "--log", "--tied", "--set", "end=exact"]
    with subprocess.Popen(
        [*command, str(small_sample)], cwd=tests, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        assert get(about["url"])[1]
        assert json.loads(process.stdout.readline())["what"] == "begin"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def test_the_time_of_a_picture(small_sample: Any) -> None:
    source = FaultSource(small_sample, Faults(replay=2.0))
    with source:
        least = time.monotonic() - source.sent_at(0)
        now = source.now()
        assert least - 0.001 <= now - source.loop.sent[0] <= time.monotonic() - source.sent_at(0) + 0.001
        assert source.sent_at(128) - source.sent_at(0) == pytest.approx(5.12)
