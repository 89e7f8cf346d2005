"""Each action alone, and who wins where a hit names several."""

from __future__ import annotations

import itertools

import pytest

from edge.hits.kinds import kind

PAGE = {"idsite": "1", "rec": "1", "url": "https://example.org/", "action_name": "Home"}
RANKED = [
    ("download", {"download": "https://example.org/a.pdf"}),
    ("outlink", {"link": "https://example.net/"}),
    ("event", {"e_c": "Video", "e_a": "play"}),
    ("content", {"c_n": "Ad"}),
    ("search", {"search": "shoes"}),
]


@pytest.mark.parametrize(("name", "fields"), [*RANKED, ("pageview", {})])
def test_one_action(name, fields):
    assert kind(PAGE | fields) == name


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(RANKED, 2)))
def test_the_higher_priority_wins(first, second):
    assert kind(PAGE | second[1] | first[1]) == first[0]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"idgoal": "1"}, "goal"),
        ({"idgoal": "25", "revenue": "9.5"}, "goal"),
        ({"idgoal": "0", "ec_id": "ORD-1"}, "order"),
        ({"idgoal": "0"}, "custom"),  # a cart that changed is no order, and no page view
        ({"idgoal": "0", "ec_id": "0"}, "custom"),
        ({"ping": "1"}, "ping"),
        ({"ma_id": "abc123", "ma_mt": "video", "ca": "1"}, "media"),
        ({"ca": "1"}, "custom"),
        ({"ca": "1", "cra": "ReferenceError"}, "custom"),
        ({"recMode": "1"}, "bot"),
    ],
)
@pytest.mark.parametrize("besides", [{}, {"ca": "1"}])
def test_what_is_no_page_view(fields, name, besides):
    assert kind(PAGE | fields | besides) == name


@pytest.mark.parametrize("action", [action for _, action in RANKED])
@pytest.mark.parametrize(
    ("special", "name"),
    [
        ({"ping": "1"}, "ping"),
        ({"ma_id": "x"}, "media"),
        ({"idgoal": "3"}, "goal"),
        ({"idgoal": "0", "ec_id": "7"}, "order"),
    ],
)
def test_these_replace_the_action(action, special, name):
    assert kind(PAGE | action | special) == name


@pytest.mark.parametrize(("name", "action"), RANKED)
def test_a_custom_action_stays_the_action_that_it_is(name, action):
    assert kind(PAGE | action | {"ca": "1"}) == name


@pytest.mark.parametrize(
    "fields",
    [
        {"e_c": "Video"},
        {"e_a": "play"},
        {"e_c": "Video", "e_a": " \t"},
        {"e_c": " ", "e_a": "play"},
        {"download": "", "link": "", "c_n": "", "search": ""},
        {"search": "0"},  # PHP: "0" is empty
        {"idgoal": ""},
        {"idgoal": "-1"},
        {"idgoal": "x"},
        {"idgoal": "00"},
        {"idgoal": "١"},
        {"ping": "0"},
        {"ping": ""},
        {"ca": "0"},
        {"ma_id": ""},
        {"recMode": ""},
        {"recMode": "0"},
        {"recMode": "2"},
    ],
)
def test_what_says_nothing_leaves_a_page_view(fields):
    assert kind(PAGE | fields) == "pageview"


def test_a_goal_number_of_any_length_is_read_in_bounded_time():
    assert kind({"idgoal": "9" * 60_000}) == "goal"


@pytest.mark.parametrize(("mode", "robot", "name"), [("2", True, "bot"), ("1", True, "bot"), ("", True, "pageview")])
def test_robots_count_where_the_hit_asks_for_it(mode, robot, name):
    assert kind(PAGE | {"recMode": mode}, robot=robot) == name
