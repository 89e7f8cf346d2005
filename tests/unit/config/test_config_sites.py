"""`[[site]]` and `[hits]`: what is refused, what is doubtful, what `edge check` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli.main import main
from edge.config.advice import warnings
from edge.config.load import load
from edge.config.mistake import Mistakes
from edge.config.model import Settings

SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'


def settings(folder: Path, text: str) -> Settings:
    file = folder / "edge.toml"
    file.write_text(text)
    return load(str(file))


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(Mistakes) as caught:
        settings(folder, text)
    return str(caught.value)


def test_a_site_with_everything(tmp_path: Path) -> None:
    spam = tmp_path / "spam.txt"
    spam.write_text("spam.example\n")
    text = f"""[hits]
durability = "process"
exclude_networks = ["192.0.2.0/24", "2001:db8::/32"]
spam_file = "{spam}"
country_header = "CF-IPCountry"
[[site]]
id = 7
hosts = ["www.example.org", "*.example.org", "localhost:8080", "[::1]:80"]
timezone = "Europe/Paris"
query_allow = ["page"]
path_rules = ["/user/*", "/user/*/photos/*"]
goals = {{ 1 = "Signed up" }}
dimensions = {{ 3 = "Subscription" }}
events = ["video"]
min_visits = 3
"""
    found = settings(tmp_path, text)
    assert found.sites[0].goals == {"1": "Signed up"}
    assert found.sites[0].events == ("video",)
    assert found.hits.exclude_networks == ("192.0.2.0/24", "2001:db8::/32")
    assert "sites=[7]" in repr(found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('hosts = ["https://www.example.org"]', "site[0].hosts[0]: expected a host in small letters"),
        ('hosts = ["WWW.example.org"]', "site[0].hosts[0]: expected a host in small letters"),
        ('hosts = ["www.*.org"]', "site[0].hosts[0]: expected a host"),
        ("hosts = []", "site[0].hosts: expected at least one host, got none"),
        ('hosts = ["a"]\ntimezone = "Paris"', 'site[0].timezone: expected a time zone such as "Europe/Paris"'),
        ('hosts = ["a"]\ntimezone = "../etc/passwd"', "site[0].timezone: expected a time zone"),
        ('hosts = ["a"]\npath_rules = ["user/*"]', "site[0].path_rules[0]: expected a path with a *"),
        ('hosts = ["a"]\npath_rules = ["/a?b=*"]', "site[0].path_rules[0]: expected a path with a *"),
        ('hosts = ["a"]\ngoals = { x = "y" }', "site[0].goals.x: expected a number from 1 to 999999 as the key"),
        ('hosts = ["a"]\ngoals = { 01 = "y" }', "site[0].goals.01: expected a number"),
        ('hosts = ["a"]\ndimensions = { 1000 = "y" }', "site[0].dimensions.1000: expected a number from 1 to 999"),
        ('hosts = ["a"]\ndimensions = { 1 = " " }', "site[0].dimensions.1: expected a name of 1 to 100 characters"),
        ('hosts = ["a"]\nmin_visits = 0', "site[0].min_visits: expected a whole number"),
        (f'hosts = ["a"]\nquery_allow = {["x"] * 51!r}', "site[0].query_allow: expected at most 50, got 51"),
    ],
)
def test_what_a_site_cannot_be(tmp_path: Path, line: str, said: str) -> None:
    assert said in mistakes(tmp_path, f"[[site]]\nid = 1\n{line}\n")


def test_two_sites_of_one_id(tmp_path: Path) -> None:
    assert "site[1].id: expected an id of its own, got 1, as site[0] has" in mistakes(tmp_path, SITE + SITE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('spam_file = "/nowhere/spam.txt"', "hits.spam_file: expected a file"),
        ('country_header = "Country: FR"', 'hits.country_header: expected the name of a header such as "CF-IPCountry"'),
        ('exclude_networks = ["192.0.2.1/24"]', "hits.exclude_networks[0]: expected a network"),
    ],
)
def test_what_hits_cannot_be(tmp_path: Path, line: str, said: str) -> None:
    assert said in mistakes(tmp_path, f"[hits]\n{line}\n{SITE}")


def test_what_is_doubtful(tmp_path: Path) -> None:
    assert list(warnings(settings(tmp_path, SITE))) == []
    said = list(warnings(settings(tmp_path, f'[hits]\ncountry_header = "CF-IPCountry"\n{SITE}titles = true\n')))
    assert len(said) == 2
    assert said[0].startswith("hits.country_header: has no effect without http.trusted_proxies")
    assert said[1].startswith("site[0].titles: a title may name a person")
    alone = list(warnings(settings(tmp_path, '[hits]\ndurability = "process"\n')))
    assert "hits: has no effect without a [[site]]" in alone


def test_check_says_what_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings(tmp_path, SITE + 'query_allow = ["page"]\nmin_visits = 3\ngpc = false\n')
    assert main(["check", "--config", str(tmp_path / "edge.toml")]) == 0
    said = capsys.readouterr().out
    assert "site           1, www.example.org\n" in said
    assert "  kept         pages, ?page; named once 3 visits a day had them\n" in said
    assert "  honoured     DNT, opt-out\n" in said
