"""What is excluded, and under which name."""

import pytest

from edge.errors import ConfigError
from edge.hits.admit import Admit, Client
from edge.hits.settings import HitsSettings, SiteSettings

SITE = SiteSettings(id=1, hosts=("www.example.org", "*.example.net"))
OPEN = SiteSettings(id=2, hosts=("www.example.org",), dnt=False, gpc=False)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
ADMIT = Admit(
    [SITE, OPEN],
    HitsSettings(exclude_networks=("203.0.113.0/24", "2001:db8:1::/48", "192.0.2.7")),
    frozenset({"spam.example", "www.Casino.example"}),
)
HIT = {"idsite": "1", "rec": "1", "url": "https://www.example.org/a"}


def reason(fields=None, headers=None, address="198.51.100.1", agent=AGENT, site=SITE):
    return ADMIT.reason(site, HIT | (fields or {}), Client(address, agent, "en", headers or {}))


def test_a_visitor_is_counted():
    assert reason() is None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rec": ""}, "norec"),
        ({"rec": "0"}, "norec"),
        ({"fa_vid": "x"}, "recording"),
        ({"hsr_ev": ""}, "recording"),
        ({"xfa_": "", "hsr": ""}, None),
        ({"url": "https://evil.example/a"}, "foreign_host"),
        ({"url": "file:///home/alice"}, "foreign_host"),
        ({"url": "https://shop.example.net/"}, None),
        ({"url": "/a"}, None),
        ({"url": ""}, None),
        ({"url": "https://other.example/z", "link": "https://other.example/z"}, None),
        ({"url": "https://cdn.example/z.pdf", "download": "https://cdn.example/z.pdf"}, None),
        ({"url": "https://evil.example/a", "link": "https://other.example/z"}, "foreign_host"),
        ({"urlref": "https://spam.example/x"}, "spam"),
        ({"urlref": "https://a.b.SPAM.example/x"}, "spam"),
        ({"urlref": "https://casino.example/"}, "spam"),
        ({"urlref": "https://notspam.example/"}, None),
        ({"urlref": "https://example/"}, None),
        ({"urlref": "https://www.example.org/"}, None),
        ({"ua": ROBOT}, "bot"),
        ({"ua": ROBOT, "bots": "1"}, None),
        ({"ua": ROBOT, "recMode": "1"}, None),
        ({"ua": ROBOT, "recMode": "2"}, None),
        ({"recMode": "1"}, "norec"),
        ({"recMode": "2"}, None),
        ({"recMode": "0", "ua": ROBOT}, "bot"),
    ],
)
def test_fields(fields, why):
    assert reason(fields) == why


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"dnt": "1"}, "dnt"),
        ({"dnt": "1\t"}, "dnt"),
        ({"dnt": "0"}, None),
        ({"x-do-not-track": "1"}, "dnt"),
        ({"sec-gpc": "1"}, "gpc"),
        ({"sec-gpc": "0"}, None),
        ({"cookie": "a=b; matomo_ignore=ignore%3D1"}, "optout"),
        ({"cookie": "piwik_ignore=1"}, "optout"),
        ({"cookie": "mtm_consent_removed=1700000000000"}, "optout"),
        ({"cookie": "edge_optout=1;a=b"}, "optout"),
        ({"cookie": "x=matomo_ignore; my_matomo_ignore=1"}, None),
        ({"cookie": "mtm_consent=1"}, None),
        ({"x-purpose": "preview"}, "prefetch"),
        ({"x-purpose": "instant"}, "prefetch"),
        ({"x-moz": "prefetch"}, "prefetch"),
        ({"purpose": "Prefetch"}, "prefetch"),
        ({"sec-purpose": "prefetch;prerender"}, "prefetch"),
        ({"sec-purpose": ""}, None),
        ({"purpose": "reading"}, None),
    ],
)
def test_headers(headers, why):
    assert reason(headers=headers) == why


def test_signals_that_the_site_does_not_honour():
    assert reason(headers={"dnt": "1", "sec-gpc": "1"}, site=OPEN) is None
    assert reason(headers={"dnt": "1", "sec-gpc": "1", "cookie": "matomo_ignore=1"}, site=OPEN) == "optout"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("203.0.113.9", "network"),
        ("::ffff:203.0.113.9", "network"),
        ("2001:db8:1::9", "network"),
        ("192.0.2.7", "network"),
        ("192.0.2.8", None),
        ("2001:db8:2::9", None),
        ("", None),
        ("garbage", None),
    ],
)
def test_networks(address, why):
    assert reason(address=address) == why


def test_agents():
    assert reason(agent=ROBOT) == "bot"
    assert reason({"ua": AGENT}, agent=ROBOT) is None  # a server reports for its visitors
    assert reason(agent="") is None
    assert ADMIT.robot(ROBOT)
    assert not ADMIT.robot(AGENT)


def test_a_network_that_is_none_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigError, match=r'hits\.exclude_networks, got "home"'):
        Admit([SITE], HitsSettings(exclude_networks=("home",)), frozenset())


def test_what_is_remembered_is_bounded_and_forgotten_in_time():
    admit = Admit([SITE], HitsSettings(), frozenset({"spam.example"}))
    for n in range(3000):
        urlref = f"https://{n}.{'spam' if n % 2 else 'ham'}.example/"
        for _ in range(2):  # the second time from what is remembered
            why = admit.reason(SITE, HIT | {"urlref": urlref}, Client("", f"secret agent {n}", "", {}))
            assert why == ("spam" if n % 2 else None)
    stats = admit.stats()
    assert 0 < stats.agents.entries <= stats.agents.most
    assert 0 < stats.referrers.entries <= stats.referrers.most
    admit.tick(5000.0)
    admit.tick(5900.0)
    stats = admit.stats()
    assert stats.agents.entries == stats.referrers.entries == 0


def test_who_sent_it_does_not_show():
    value = "alice@example.org"
    assert value not in repr(Client(value, value, value, {"referer": value}))
