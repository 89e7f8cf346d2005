"""No personal data, whatever comes: generated canaries, generated garbage."""

from __future__ import annotations

import base64
import json
import string
import unicodedata
import uuid
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hits.admit import Admit, Client
from edge.hits.clean import clean, segment, unescape
from edge.hits.groups import GROUPS
from edge.hits.hit import Hit
from edge.hits.paths import CAMPAIGNS, Paths
from edge.hits.query import parse
from edge.hits.scrub import Scrubber
from edge.hits.settings import HitsSettings, SiteSettings

CAPTURED = Path(__file__).resolve().parents[3] / "shared" / "hits" / "captured-requests.jsonl"
SITE = SiteSettings(
    id=1,
    hosts=("www.example.org", "site.example", "example.com"),
    query_allow=("page", "q"),
    path_rules=("/user/*",),
    titles=True,
    event_names=True,
    goals={"1": "Signed up"},
    dimensions={"1": "Plan", "7": "Size"},
)
STRICT = SiteSettings(id=2, hosts=SITE.hosts)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
NAMES = sorted([*GROUPS, "dimension1", "dimension2", "dimension7", "nobody_knows", "fa_vid"])
SCRUBBER = Scrubber([SITE, STRICT], HitsSettings())
ADMIT = Admit([SITE, STRICT], HitsSettings(), frozenset({"spam.example"}))

words = st.text(string.ascii_lowercase, min_size=3, max_size=10)
emails = st.builds("{}.{}@{}.example".format, words, words, words)
phones = st.builds(
    lambda digits, space: space.join(["+33", *(digits[i : i + 2] for i in range(0, 10, 2))]),
    st.text(string.digits, min_size=10, max_size=10),
    st.sampled_from(["", " ", "-", "."]),
)
# Nine digits and more: shorter ones in a number's place are a price.
numbers = st.integers(10**8, 10**19).map(str)
# Drawn by lot, as tokens are: a shrunk one would be all zeros, which looks like no token. Of base64 long ones only:
# test_hits_clean states how many short ones pass.
lots = st.builds(lambda seed, size: Random(seed).randbytes(size), st.integers(0, 2**64), st.integers(20, 48))
tokens = st.one_of(
    lots.map(bytes.hex),
    lots.map(lambda octets: str(uuid.UUID(bytes=octets[:16], version=4))),
    lots.map(lambda octets: base64.b32encode(octets).decode().rstrip("=")),
    lots.map(lambda octets: base64.urlsafe_b64encode((octets * 3)[:60]).decode()),
)
canaries = st.one_of(emails, phones, numbers, tokens)


def escaped(text: str, times: int) -> str:
    for _ in range(times):
        text = "".join(f"%{octet:02x}" for octet in text.encode())
    return text


def places(canary: str) -> list[str]:
    """Where a canary may sit in a value."""
    return [
        canary,
        f"https://www.example.org/a/{canary}/b?page={canary}&q=x{canary}&utm_source={canary}#{canary}",
        f"https://www.example.org/{canary}?{canary}",
        f"https://{canary.lower() if canary.isalnum() else 'h'}/x",
        f"Hello {canary}, how are you?",
        f"x={canary}&y",
    ]


def encoded(hit: Hit) -> str:
    return msgspec.json.encode(hit).decode()


def leaks(hit: Hit, canary: str) -> bool:
    """Whether the canary is in the hit, or, of a number, its digits."""
    text = encoded(hit)
    return canary in text or canary.casefold() in text.casefold() or canary.lstrip("+").replace(" ", "") in text


@settings(max_examples=150)
@given(canary=canaries, times=st.integers(0, 2), site=st.sampled_from([SITE, STRICT]))
def test_a_canary_in_any_parameter_does_not_survive(canary, times, site):
    base = {"idsite": "1", "rec": "1", "url": "https://www.example.org/a", "e_c": "c", "e_a": "a"}
    for raw in places(escaped(canary, times)):
        everywhere = dict.fromkeys(NAMES, raw)
        assert not leaks(SCRUBBER.scrub(site, everywhere, AGENT, "en", "FR", 1), canary)
        assert not leaks(SCRUBBER.scrub(site, base | {"url": raw}, raw, raw, raw, 1), canary)


@settings(max_examples=30)
@given(canary=canaries, shape=st.integers(0, 5), data=st.data())
def test_a_canary_in_one_parameter_at_a_time(canary, shape, data):
    raw = places(canary)[shape]
    kinds = [{}, {"e_c": "c", "e_a": "a"}, {"search": "x"}, {"c_n": "x"}, {"ma_id": "x"}, {"idgoal": "1"}]
    kind = data.draw(st.sampled_from([*kinds, {"idgoal": "0", "ec_id": "x"}, {"link": "https://o.example/"}]))
    for name in [*NAMES, *CAMPAIGNS]:
        fields = {"rec": "1", "url": "https://www.example.org/a", **kind, name: raw}
        assert not leaks(SCRUBBER.scrub(SITE, fields, AGENT, "en", "", 1), canary), name


@settings(max_examples=300)
@given(token=tokens)
def test_tokens_become_stars_in_paths_and_titles(token):
    assert token not in segment(token)
    assert token not in clean(f"before {token} after")


texts = st.one_of(
    st.text(max_size=60),
    st.text("ab1 /?#%&=+;:.@*-_2054\u202e\u00a0é", max_size=60),
    st.lists(st.one_of(words, canaries, st.sampled_from(["2026-05-31", "31.5.2026", "10.0.0.1", "%25", "%2540"]))).map(
        " ".join
    ),
)


@settings(max_examples=400)
@given(text=texts, repeat=st.integers(1, 60), most=st.sampled_from([10, 60, 200]))
def test_cleaning_what_is_clean_changes_nothing(text, repeat, most):
    once = clean(text * repeat, most)
    assert clean(once, most) == once
    assert len(once) <= most
    check_printable(once)
    part = segment(unescape(text))
    assert segment(unescape(part)) == part


@settings(max_examples=400)
@given(path=texts, query=texts, repeat=st.integers(1, 40))
def test_the_page_of_a_page_is_itself(path, query, repeat):
    paths = Paths(("page", "q"), ("/user/*", "/*/b1"))
    page = paths.read(f"https://www.example.org/{path * repeat}?page={query}&q={path}").page
    assert paths.read(page).page == page
    assert paths.read(f"http://www.example.org{page}").page == page
    assert len(page) <= 1024
    assert page.startswith("/")
    check_printable(page)


anything = st.dictionaries(
    st.one_of(st.sampled_from(NAMES), st.text(max_size=20)),
    st.one_of(
        st.text(st.characters(), max_size=80),
        texts,
        st.sampled_from(["", "0", "1", "-1", "2", "nan", "1e999", "9" * 400, "{", "[" * 3000, "https://", "//@:/"]),
    ),
    max_size=30,
)


@settings(max_examples=400)
@given(fields=anything, agent=st.text(max_size=80), languages=st.text(max_size=30), country=st.text(max_size=4))
def test_nothing_raises_and_what_is_kept_is_bounded_and_printable(fields, agent, languages, country):
    ADMIT.reason(SITE, fields | {"rec": "1"}, Client(agent, agent, languages, {"cookie": languages, "dnt": country}))
    hit = SCRUBBER.scrub(SITE, fields, agent, languages, country, 1)
    again = SCRUBBER.scrub(SITE, fields, agent, languages, country, 1)
    assert hit == again  # from what is remembered
    bounds = {"page": 1024, "download": 1024}
    for name in Hit.__struct_fields__:
        value = getattr(hit, name)
        if isinstance(value, str):
            assert len(value) <= bounds.get(name, 200), name
            check_printable(value)
    for pair in hit.dimensions:
        assert pair[0] in SITE.dimensions.values()
        assert len(pair[1]) <= 100
        check_printable(pair[1])
    assert abs(hit.value) < 1e8
    assert abs(hit.revenue) < 1e8
    assert len(hit.timings) in (0, 6)
    encoded(hit)


def check_printable(text: str) -> None:
    assert text.isprintable()
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def captured() -> list[tuple[dict[str, str], dict[str, str]]]:
    """The fields and the headers of each captured hit."""
    if not CAPTURED.is_file():
        pytest.skip("needs the captured requests in ../shared/hits, which are not there")
    found = []
    for line in CAPTURED.read_text().splitlines():
        request = json.loads(line)
        headers = {name.lower(): value for name, value in request["h"].items()}
        body, query = request["b"], request["p"].partition("?")[2]
        raw = [r.lstrip("?") for r in json.loads(body)["requests"]] if body.startswith("{") else [body or query]
        found += [(fields, headers) for fields in map(parse, map(str.encode, raw)) if fields.get("rec")]
    return found


def test_the_captured_hits_keep_none_of_their_canaries():
    hits = captured()
    assert len(hits) >= 12
    kinds = set()
    for fields, headers in hits:
        agent, languages = headers.get("user-agent", ""), headers.get("accept-language", "")
        assert ADMIT.reason(SITE, fields, Client("192.0.2.1", agent, languages, headers)) is None
        hit = SCRUBBER.scrub(SITE, fields, agent, languages, "", 1)
        kinds.add(hit.kind)
        kept = encoded(hit)
        canaries = ["alice", "a@b.c", "x@y.z", "secret", "ORD-1", "sku1", "frag", "zITYbh", "jsdom", "0123456789abcdef"]
        assert [word for word in (*canaries, "kw", "catg", "p.png", "email") if word in kept] == []
    assert kinds == {"pageview", "event", "search", "goal", "order", "outlink", "download", "content", "ping"}


def test_an_attacker_marks_each_field_of_the_captured_hits_in_turn():
    """Any word where nothing is kept of a field; where words are kept, canaries of each shape."""
    shaped = ["mallory@evil.example", "+33 6 99 88 77 66", "4111111111111111", str(uuid.UUID(int=0xDECAF << 90 | 7))]
    worded = {"url", "urlref", "action_name", "e_c", "e_a", "e_n", "c_n", "dimension1", "link", "download"}
    for fields, headers in captured():
        agent = headers.get("user-agent", "")
        for name in {*fields, *GROUPS} - {"idsite", "rec"}:
            for canary in shaped if name in worded else [*shaped, "canary-word"]:
                for raw in (canary, f"{fields.get(name, '')}{canary}", f"{fields.get(name, '')} {canary}"):
                    kept = encoded(SCRUBBER.scrub(SITE, fields | {name: raw}, agent, "en", "", 1))
                    assert canary not in kept, name
                    assert canary.replace(" ", "") not in kept, name
