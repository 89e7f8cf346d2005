"""Robots: as the package says, and not the people."""

import re

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from edge.errors import ConfigError
from edge.hits import robots as module
from edge.hits.robots import Robots


@pytest.fixture(scope="module")
def robots():
    return Robots()


def test_every_example_of_the_package_is_known(robots):
    examples = [agent for each in CRAWLER_USER_AGENTS_DATA for agent in each["instances"]]
    assert len(examples) > 1000
    assert [agent for agent in examples if not robots.decide(agent)] == []


def test_it_finds_what_the_packages_own_expressions_find(robots):
    """The words are the expressions: each pattern of the package, as text, is found by the words or the rest."""
    patterns = module._patterns()
    assert len(patterns) > 1000
    for pattern in patterns:
        if not module._SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", pattern)):
            assert robots.decide(re.sub(r"\\(.)", r"\1", pattern)), pattern


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.6 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 Version/17.6 Mobile/15E148",
        "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        "Mozilla/5.0 (Linux; Android 10; CUBOT_P40) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 SamsungBrowser/27.0 Chrome/125.0 Mobile",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/94.0.4606.128 Safari/537.36",
        "Mozilla/5.0 (linux) AppleWebKit/537.36 jsdom/24.1.3",
        "",
    ],
)
def test_people_are_none(robots, agent):
    assert not robots.decide(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.5.0",
        "python-requests/2.32.3",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131",
        "SomeNewSpider/0.1",
        "Ahoy (+https://ahoy.example)",
        "Wget/1.21",
    ],
)
def test_robots_are(robots, agent):
    assert robots.decide(agent)


def test_verdicts_are_remembered_and_bounded(robots):
    for n in range(5000):
        assert robots.robot(f"curl/8.{n}")
    stats = robots.stats()
    assert stats.entries <= stats.most == 2048
    made = stats.made
    assert robots.robot("curl/8.4999")
    assert robots.stats().made == made
    robots.tick(1e6)
    robots.tick(1e6 + 1000)
    assert robots.stats().entries == 0


def test_an_endless_agent_is_looked_at_in_part(robots):
    assert not robots.decide("x" * 100_000 + "bot")


def test_words_and_expressions_are_told_apart():
    words, rest = module._sorted_out([r"Sonic\/", "Googlebot", "[wW]get", "ab", "^curl"])
    assert words == ["Sonic/"]
    assert rest == ["(?:[wW]get)", "ab", "(?:^curl)"]


@pytest.mark.parametrize("content", [None, b"not json", b'[{"pattern": 7}]'])
def test_a_missing_or_damaged_list_is_a_fault_of_the_installation(tmp_path, monkeypatch, content):
    folder = tmp_path / "crawleruseragents"
    if content is not None:
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "crawler-user-agents.json").write_bytes(content)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(ConfigError, match="crawler-user-agents"):
        Robots()
