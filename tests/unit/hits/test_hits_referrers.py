"""Names of referrers: our table against public lists, where they are there."""

import re
from pathlib import Path

import pytest

from edge.hits import referrers
from edge.hits.referrers import referrer

LISTS = Path(__file__).resolve().parents[4] / "shared" / "hits" / "referrers"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.google.com/search?q=secret", "Google"),
        ("https://www.google.co.uk/", "Google"),
        ("https://google.de", "Google"),
        ("https://www.google.com.br/", "Google"),
        ("android-app://com.google.android.googlequicksearchbox/", "Google"),
        ("https://gemini.google.com/app/0123", "Gemini"),
        ("https://google.evil.com/", "google.evil.com"),
        ("https://notgoogle.com/", "notgoogle.com"),
        ("https://www.google.com.evil.example/", "google.com.evil.example"),
        ("https://fr.search.yahoo.com/", "Yahoo"),
        ("https://duckduckgo.com/?q=secret", "DuckDuckGo"),
        ("https://l.facebook.com/l.php?u=secret", "Facebook"),
        ("https://out.reddit.com/", "Reddit"),
        ("https://t.co/abc", "X"),
        ("https://chatgpt.com/", "ChatGPT"),
        ("https://www.example.net/alice?q=secret", "example.net"),
        ("https://alice:pw@blog.example.net:80/", "blog.example.net"),
        ("http://192.0.2.7/", "*"),
        ("about:blank", ""),
        ("alice@example.com", ""),
        ("", ""),
    ],
)
def test_names(url, name):
    assert referrer(url) == name


@pytest.mark.parametrize("listed", ["Socials.yml", "AIAssistants.yml", "SearchEngines.yml"])
def test_public_lists_do_not_call_our_domains_otherwise(listed):
    """Data for tests only: nothing of the lists is in the table."""
    if not LISTS.is_dir():
        pytest.skip("needs the lists of referrers in ../shared/hits, which are not there")
    known = dict(_entries((LISTS / listed).read_text()))
    assert len(known) > 10
    shared = {host: name for host, name in known.items() if host in referrers._DOMAINS}
    assert len(shared) >= 5
    for host, name in shared.items():
        ours = referrers._DOMAINS[host].lower().replace(" ", "")
        theirs = name.lower().replace(" ", "")
        same = ours in theirs or theirs in ours or (ours, theirs) in {("x", "twitter"), ("vk", "vkontakte")}
        assert same, (host, ours, theirs)


def _entries(text):
    name = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"([^\s:-][^:]*|'[^']*'):", line):
            name = found[1].strip("'")
        elif found := re.fullmatch(r"\s+- '?([\w.-]+)'?", line):
            yield found[1].removeprefix("www."), name
