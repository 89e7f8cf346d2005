"""What is kept of a hit, parameter by parameter."""

import pytest

from edge.hits.groups import GROUPS, WORDS
from edge.hits.hit import Hit
from edge.hits.scrub import Scrubber
from edge.hits.settings import HitsSettings, SiteSettings

SITE = SiteSettings(id=1, hosts=("www.example.org",), goals={"2": "Signed up"}, dimensions={"1": "Plan"})
FULL = SiteSettings(
    id=2,
    hosts=("www.example.org",),
    query_allow=("page",),
    path_rules=("/user/*",),
    titles=True,
    events=("video", "menu"),
    event_names=True,
)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
PAGE = {"idsite": "1", "rec": "1", "url": "https://www.example.org/a"}


def scrub(fields=None, site=SITE, agent=AGENT, languages="fr-FR,fr;q=0.9", country="", scrubber=None, robot=False):
    scrubber = scrubber or Scrubber([SITE, FULL], HitsSettings())
    return scrubber.scrub(site, PAGE | (fields or {}), agent, languages, country, 1_700_000_000, robot=robot)


def test_a_page_view():
    assert scrub({"urlref": "https://www.google.com/?q=secret", "res": "1920x1080"}, country="fr") == Hit(
        site=1,
        at=1_700_000_000,
        kind="pageview",
        page="/a",
        referrer="Google",
        country="FR",
        language="fr",
        device="desktop",
        browser="Firefox",
        system="Linux",
        screen="1920-2559",
    )


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"urlref": "https://www.example.org/b"}, {"referrer": ""}),
        ({"urlref": "https://blog.example.net/alice"}, {"referrer": "blog.example.net"}),
        (
            {"url": "https://www.example.org/a?ignore_referrer=1", "urlref": "https://blog.example.net/"},
            {"referrer": ""},
        ),
        ({"url": "https://www.example.org/a?utm_campaign=spring"}, {"campaign": "spring", "page": "/a"}),
        ({"_rcn": "nl", "_rck": "alice"}, {"campaign": ""}),
        ({"action_name": "Title"}, {"title": ""}),
        ({"lang": "de-CH"}, {"language": "de"}),
        ({"lang": "x-secret"}, {"language": ""}),
        ({"lang": "*"}, {"language": ""}),
        ({"lang": "english"}, {"language": ""}),
        ({"ua": "Mozilla/5.0 (iPad; ...) Safari/605"}, {"device": "tablet", "browser": "Safari", "system": "iOS"}),
        ({"uadata": '{"brands":[{"brand":"Brave"}],"platform":"Windows"}'}, {"system": "Windows"}),
        ({"country": "de", "lat": "48.1", "long": "11.5", "city": "x"}, {"country": ""}),
        ({"res": "0x0"}, {"screen": ""}),
        ({"res": "unknown"}, {"screen": ""}),
        ({"res": "479x800"}, {"screen": "0-479"}),
        ({"res": "480x800"}, {"screen": "480-767"}),
        ({"res": "99999x1"}, {"screen": "2560+"}),
        ({"res": "123456x1"}, {"screen": ""}),
        ({"dimension1": "gold", "dimension2": "alice"}, {"dimensions": (("Plan", "gold"),)}),
        ({"dimension1": "alice@example.com"}, {"dimensions": (("Plan", "*"),)}),
        ({"dimension1": " \u200b"}, {"dimensions": ()}),
        ({"pf_net": "3", "pf_srv": "40", "pf_onl": "5"}, {"timings": (3, 40, -1, -1, -1, 5)}),
        ({"pf_net": "-1"}, {"timings": ()}),
        (
            {"pf_net": "9999999999", "pf_srv": "nan", "pf_tfr": "x", "pf_dm1": "0.9"},
            {"timings": (-1, -1, -1, 0, -1, -1)},
        ),
        ({"gt_ms": "120"}, {"timings": (-1, 120, -1, -1, -1, -1)}),
        ({"url": ""}, {"page": ""}),
    ],
)
def test_words_of_a_page_view(fields, kept):
    hit = scrub(fields)
    assert hit.kind == "pageview"
    assert {name: getattr(hit, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"e_c": " video ", "e_a": "play", "e_n": "alice"}, {"event": "video / play"}),
        ({"e_c": "video", "e_a": "play", "e_v": "2.5"}, {"event": "video / play", "value": 2.5}),
        ({"e_c": "for alice@example.com", "e_a": "0612345678"}, {"event": "for * / *"}),
        ({"e_c": "a", "e_a": "b", "e_v": "inf"}, {"value": 0.0}),
        ({"e_c": "a", "e_a": "b", "e_v": "33612345678"}, {"value": 0.0}),
        ({"e_c": "a", "e_a": "b", "e_v": "1_0"}, {"value": 0.0}),
        ({"search": "secret", "search_count": "0"}, {"search": "nothing found"}),
        ({"search": "secret", "search_count": "7"}, {"search": "found"}),
        ({"search": "secret", "search_cat": "secret"}, {"search": "found"}),
        ({"download": "https://cdn.example/f.pdf?token=x"}, {"download": "/f.pdf", "page": "/a"}),
        ({"download": "https://www.example.org/a"}, {"download": "/a", "page": ""}),
        ({"link": "https://Other.example/alice?x=y"}, {"outlink": "other.example"}),
        ({"link": "mailto:alice@example.com"}, {"outlink": ""}),
        ({"idgoal": "2", "revenue": "9.5"}, {"goal": "Signed up", "revenue": 9.5}),
        ({"idgoal": "002"}, {"goal": "Signed up"}),
        ({"idgoal": "7"}, {"goal": "goal 7"}),
        ({"idgoal": "999"}, {"goal": "goal 999"}),
        ({"idgoal": "1000"}, {"goal": ""}),
        ({"idgoal": "0", "ec_id": "ORD-1", "revenue": "10"}, {"kind": "order", "revenue": 10.0, "goal": ""}),
        ({"idgoal": "0", "ec_id": "ORD-1", "revenue": "-5"}, {"revenue": -5.0}),
        ({"c_n": "Ad", "c_p": "secret", "c_t": "secret"}, {"content": "Ad"}),
        ({"c_n": "Ad", "c_i": "secret"}, {"content": "Ad / interaction"}),
        ({"ma_id": "x", "ma_mt": "video", "ma_st": "12", "ma_ti": "secret"}, {"media": "video", "value": 12.0}),
        ({"ma_id": "x", "ma_mt": "secret", "ma_st": "100000"}, {"media": "", "value": 0.0}),
        ({"ping": "1"}, {"kind": "ping", "page": "/a"}),
        ({"ca": "1"}, {"kind": "custom"}),
        ({"recMode": "1", "download": "https://e/f.pdf"}, {"kind": "bot", "download": "/f.pdf"}),
    ],
)
def test_words_of_other_kinds(fields, kept):
    hit = scrub(fields)
    assert {name: getattr(hit, name) for name in kept} == kept


def test_a_robot_that_is_asked_for():
    assert scrub({"recMode": "2"}, robot=True).kind == "bot"
    assert scrub({"recMode": "2"}, robot=False).kind == "pageview"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"action_name": "Docs / Über  uns\n"}, {"title": "Docs / Über uns"}),
        ({"action_name": "Hello alice@example.com"}, {"title": "Hello *"}),
        ({"e_c": "video", "e_a": "play", "e_n": "intro"}, {"event": "video / play / intro"}),
        ({"e_c": "video", "e_a": "play"}, {"event": "video / play"}),
        ({"e_c": "secret", "e_a": "play", "e_v": "3"}, {"event": "", "value": 3.0, "kind": "event"}),
        ({"url": "https://www.example.org/user/alice?page=2&x=3"}, {"page": "/user/*?page=2"}),
    ],
)
def test_what_a_site_may_allow(fields, kept):
    hit = scrub(fields, site=FULL)
    assert {name: getattr(hit, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("country", "kept"),
    [("fr", "FR"), (" DE ", "DE"), ("XX", ""), ("T1", ""), ("FRA", ""), ("é1", ""), ("ßa", ""), ("", "")],
)
def test_countries(country, kept):
    assert scrub(country=country).country == kept


def test_without_an_agent_nothing_is_known():
    hit = scrub(agent="", languages="")
    assert (hit.device, hit.browser, hit.system, hit.language) == ("", "", "", "")


def test_what_is_left_out_is_counted():
    scrubber = Scrubber([SITE, FULL], HitsSettings())
    fields = {
        "uid": "alice",
        "_id": "",  # nothing was said
        "cid": "0123456789abcdef",
        "_cvar": "{}",
        "search": "secret",
        "lat": "1",
        "action_name": "Title",
        "dimension1": "kept",
        "dimension9": "alice",
        "alice": "1",
        "url": "https://www.example.org/alice@example.com?x=1#y",
        "fla": "1",
    }
    scrub(fields, scrubber=scrubber)
    assert {word: n for word, n in scrubber.scrubbed.items() if n} == {
        "identifier": 2,
        "variables": 1,
        "search": 1,
        "location": 1,
        "title": 1,
        "dimension": 1,
        "unknown": 1,
        "query": 1,
        "fragment": 1,
        "path": 1,
        "plugins": 1,
    }
    scrub(fields, scrubber=scrubber)  # from what is remembered
    assert scrubber.scrubbed["path"] == 2
    assert set(scrubber.scrubbed) == set(WORDS)


def test_every_group_is_used():
    assert set(GROUPS.values()) - {""} <= set(WORDS)
    assert len(set(WORDS)) == len(WORDS) <= 24


def test_what_is_remembered_is_bounded_and_holds_nothing_raw():
    scrubber = Scrubber([SITE, FULL], HitsSettings())
    for n in range(5000):
        scrub(
            {
                "url": f"https://www.example.org/p-{n}?x=secret",
                "urlref": f"https://h{n}.example/secret",
                "action_name": f"t {n} secret@x",
            },
            site=FULL,
            agent=f"secret {n}",
            scrubber=scrubber,
        )
    stats = scrubber.stats()
    for each in (stats.pages, stats.titles, stats.referrers, stats.agents):
        assert 0 < each.entries <= each.most <= 1024
    memories = (scrubber._pages, scrubber._titles, scrubber._referrers, scrubber._agents._recent)
    held = repr([(recent._young, recent._old) for recent in memories])
    assert "p-4999" in held
    assert "secret" not in held
    scrubber.tick(1e6)
    scrubber.tick(1e6 + 900)
    stats = scrubber.stats()
    assert stats.pages.entries == stats.titles.entries == stats.referrers.entries == stats.agents.entries == 0


def test_a_page_that_weighs_too_much_is_not_remembered():
    scrubber = Scrubber([SITE, FULL], HitsSettings())
    long = {"url": "https://www.example.org" + "/part" * 64}
    assert scrub(long, scrubber=scrubber).page == scrub(long, scrubber=scrubber).page == "/part" * 64
    assert scrubber.stats().pages.entries == 0
