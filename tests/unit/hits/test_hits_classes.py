"""Classes of agents."""

import pytest

from edge.hits.classes import Agents, Classes, classify

GECKO = "(KHTML, like Gecko)"
WEBKIT = f"AppleWebKit/537.36 {GECKO}"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 {GECKO}"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 {GECKO}"
DESKTOP = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"
PHONE = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "classes"),
    [
        (DESKTOP, ("desktop", "Chrome", "Windows")),
        (f"{DESKTOP} Edg/131.0.0.0", ("desktop", "Edge", "Windows")),
        (f"{DESKTOP} OPR/116.0.0.0", ("desktop", "Opera", "Windows")),
        (PHONE, ("phone", "Chrome", "Android")),
        (PHONE.replace(" Mobile", ""), ("tablet", "Chrome", "Android")),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-S901B) {WEBKIT} SamsungBrowser/27.0 Chrome/125.0 Mobile Safari/537.36",
            ("phone", "Samsung Internet", "Android"),
        ),
        (
            f"{MAC} Version/17.6 Safari/605.1.15",
            ("desktop", "Safari", "macOS"),
        ),
        (
            f"{IPHONE} Version/17.6 Mobile/15E148 Safari/604.1",
            ("phone", "Safari", "iOS"),
        ),
        (
            f"{IPHONE} CriOS/131.0 Mobile/15E148 Safari/604.1",
            ("phone", "Chrome", "iOS"),
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 {GECKO} FxiOS/40 Mobile",
            ("tablet", "Firefox", "iOS"),
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", ("desktop", "Firefox", "Linux")),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
            ("phone", "Firefox", "Android"),
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36",
            ("desktop", "Chrome", "ChromeOS"),
        ),
        (
            f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
            ("tv", "Chrome", "webOS"),
        ),
        (
            f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {WEBKIT} 94.0.4606.31/7.0 TV Safari/537.36",
            ("tv", "Safari", "Tizen"),
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
            ("desktop", "Internet Explorer", "Windows"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 12; Pixel 6; wv) {WEBKIT} Version/4.0 Chrome/131.0 Mobile Safari/537.36",
            ("phone", "Android WebView", "Android"),
        ),
        (
            f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/480.0]",
            ("phone", "Facebook", "iOS"),
        ),
        ("secret-agent/1.0", ("other", "other", "other")),
    ],
)
def test_classes(agent, classes):
    assert classify(agent) == classes


def test_no_agent_is_no_class():
    assert Agents().classes("") == Classes("", "", "")


@pytest.mark.parametrize(
    ("agent", "hints", "classes"),
    [
        (
            DESKTOP,
            '{"brands":[{"brand":"Not A;Brand"},{"brand":"Chromium"},{"brand":"Brave"}],"platform":"Windows"}',
            ("desktop", "Brave", "Windows"),
        ),
        (DESKTOP, '{"brands":[],"platform":"Chrome OS"}', ("desktop", "Chrome", "ChromeOS")),
        (DESKTOP, '{"mobile":true}', ("phone", "Chrome", "Windows")),
        (f"{DESKTOP} Edg/131.0", '{"brands":[{"brand":"Google Chrome"}]}', ("desktop", "Edge", "Windows")),
        (DESKTOP, '{"model":"secret","platform":"secret"}', ("desktop", "Chrome", "Windows")),
        (DESKTOP, "{}", ("desktop", "Chrome", "Windows")),
        (DESKTOP, '{"brands":7}', ("desktop", "Chrome", "Windows")),
        (DESKTOP, "[" * 2000, ("desktop", "Chrome", "Windows")),
        (DESKTOP, '{"x":' + "[" * 2000, ("desktop", "Chrome", "Windows")),
        (DESKTOP, '{"platform":"macOS"' + " " * 3000 + "}", ("desktop", "Chrome", "Windows")),
        (DESKTOP, "\ud800\ud800\ud800", ("desktop", "Chrome", "Windows")),
    ],
)
def test_hints(agent, hints, classes):
    assert Agents().classes(agent, hints) == classes


def test_agents_are_remembered_and_bounded():
    agents = Agents()
    first = agents.classes(DESKTOP)
    assert agents.classes(DESKTOP) is first
    for n in range(5000):
        agents.classes(f"agent {n}")
    stats = agents.stats()
    assert stats.entries <= stats.most == 1024
    agents.tick(1e6)
    agents.tick(1e6 + 1000)
    assert agents.stats().entries == 0
