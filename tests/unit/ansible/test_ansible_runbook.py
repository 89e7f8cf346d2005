"""Each alert has a section in the README that says what it means, what to look at and what to do; and no other has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RULES = (ROOT / "ansible" / "files" / "prometheus" / "edge.rules.yml").read_text()
README = (ROOT / "README.md").read_text()
ALERTS = sorted(set(re.findall(r"- alert: (\w+)", RULES)))
SECTIONS = dict(re.findall(r"^### (Edge\w+)\n\n(.*?)\n\n(?=##)", README, re.MULTILINE | re.DOTALL))


def alerting() -> list[str]:
    """The text of each alerting rule."""
    return re.split(r"- alert: ", RULES)[1:]


def test_alerts_and_sections_are_the_same() -> None:
    assert len(ALERTS) >= 17
    assert sorted(SECTIONS) == ALERTS


def test_every_rule_leads_to_its_section() -> None:
    for rule in alerting():
        name = rule.split(maxsplit=1)[0]
        assert re.findall(r"runbook_url: (\S+)", rule) == [f"README.md#{name.lower()}"]


@pytest.mark.parametrize("alert", ALERTS)
def test_a_section_says_all_three_in_few_lines(alert: str) -> None:
    text = SECTIONS[alert]
    assert 3 <= len(text.splitlines()) <= 6
    assert text.index("\n*Look at:* ") < text.index("\n*Do:* ")
    for severity in set(re.findall(rf"- alert: {alert}\n.*?severity: (\w+)", RULES, re.DOTALL)):
        assert f"*{severity}:*" in text.lower()


def test_what_a_section_links_to_exists() -> None:
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = {link for text in SECTIONS.values() for link in re.findall(r"\]\(#([^)]+)\)", text)}
    assert links
    assert links <= anchors
