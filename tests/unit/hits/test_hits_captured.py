"""Requests as trackers really sent them, replayed to the endpoint over a socket, with the collector behind it."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import unquote

import pytest
from httppeer import answers, running

from edge.clock import ManualClock
from edge.hits.calendar import Calendar
from edge.hits.collector import Collector
from edge.hits.endpoint import PATHS, Endpoint
from edge.hits.hit import Dropped
from edge.hits.secrets import Secrets
from edge.hits.settings import HitsSettings, SiteSettings
from edge.http.router import Router

SITE = SiteSettings(1, ("example.com", "site.example"), titles=True)
PERSONAL = ("alice", "secret", "a@b", "x@y.z", "ORD-1", "kw", "0123456789abcdef", "zITYbh", "jsdom")


class Keeper:
    def __init__(self):
        self.items = []

    def submit(self, batch, done):
        self.items += batch
        done(None)


class NoTokens:
    def find(self, secret):
        return frozenset()


@pytest.fixture(scope="module")
def captured(shared_hits):
    return [json.loads(line) for line in (shared_hits / "captured-requests.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def replayed(captured):
    """Each request with its answer, and all that was kept."""
    keeper, clock, router = Keeper(), ManualClock(), Router()
    secrets = Secrets({SITE.id: Calendar()}, clock.wall())
    Endpoint(Collector((SITE,), HitsSettings(), keeper, secrets, frozenset(), clock), NoTokens()).add_to(router)
    with running(router) as server:
        pairs = [(request, answers(server.ask(wire(request)))[0]) for request in captured]
    return pairs, keeper.items


def wire(request):
    fields = {name: value for name, value in request["h"].items() if name not in ("Connection", "Content-Length")}
    body = request["b"].encode()
    fields |= {"Connection": "close"} | ({"Content-Length": str(len(body))} if request["m"] == "POST" else {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{request['m']} {request['p']} HTTP/1.1\r\n{head}\r\n".encode() + body


def test_each_is_answered_as_its_client_expects(replayed):
    hits = [(request, answer) for request, answer in replayed[0] if request["p"].partition("?")[0] in PATHS]
    assert len(hits) >= 11
    for request, answer in hits:
        if '"requests"' in request["b"]:
            assert (answer.status, json.loads(answer.body)) == (200, {"status": "success", "tracked": 2, "invalid": 0})
        elif request["m"] == "GET":
            assert (answer.status, len(answer.body), answer.headers["cache-control"]) == (200, 43, "no-store")
        else:
            assert (answer.status, answer.body) == (204, b"")
            assert answer.headers["access-control-allow-origin"] == request["h"]["Origin"]


def test_what_is_not_for_the_tracker_is_not_found(replayed):
    others = [answer.status for request, answer in replayed[0] if request["p"].partition("?")[0] not in PATHS]
    assert others
    assert set(others) == {404}


def test_they_are_the_actions_that_they_were(replayed):
    kinds = Counter(item.reason if isinstance(item, Dropped) else item[0].kind for item in replayed[1])
    assert kinds == {
        "pageview": 2,
        "event": 2,
        "download": 2,
        "outlink": 1,
        "search": 1,
        "content": 1,
        "goal": 1,
        "order": 1,
        "ping": 1,
    }


def test_nothing_of_a_person_is_kept(captured, replayed):
    sent = unquote(json.dumps(captured))
    kept = repr(replayed[1])
    assert [word for word in PERSONAL if word not in sent] == []
    assert [word for word in PERSONAL if word in kept] == []
