"""What the endless outputs answer, behind the real server."""

from __future__ import annotations

import io

import pytest
from httppeer import answers, read_until, running

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.clock import ManualClock
from edge.http.router import Router
from edge.log import Log
from edge.serve.live import TYPES, Live
from edge.serve.progressive import Admission, Audience


@pytest.fixture
def audience():
    return Audience(Admission(max_viewers=1), ManualClock(), Log(stream=io.StringIO()))


@pytest.fixture
def server(audience):
    channel = Channel(ChannelSettings("news", "http://127.0.0.1:9/x.ts"), ManualClock(), Log(stream=io.StringIO()))
    router = Router()
    Live(Registry([channel]), audience, router.refusal).add_to(router)
    with running(router) as server:
        yield server


@pytest.mark.parametrize("container", TYPES)
def test_head_has_the_fields_of_get_and_admits_nobody(server, audience, container):
    """RFC 9110 8.6: a Content-Length in the answer to HEAD would be the one of GET, which has none."""
    line = f"/live/news.{container} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    (head,) = answers(server.ask(b"HEAD " + line), heads=(0,))
    assert head.status == 200
    assert "content-length" not in head.headers
    assert audience.viewers == 0
    with server.connect() as sock:
        sock.sendall(b"GET " + line)
        (get,) = answers(read_until(sock, b"\r\n\r\n"), heads=(0,))
        assert get.headers | {"date": ""} == head.headers | {"date": ""}
        assert get.headers["content-type"] == TYPES[container]
