"""The walk finds every mistake of a document, each under its path."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
import pytest

from edge.config.mistake import Mistake
from edge.config.walk import walk
from edge.units import BitRate

HUGE = 16**5000  # which Python refuses to print


class Inner(msgspec.Struct, frozen=True):
    side: Annotated[int, msgspec.Meta(ge=16, le=4096, multiple_of=2)] | None = None
    rate: BitRate = BitRate(1)
    ratio: Annotated[float, msgspec.Meta(gt=0, le=120)] = 1.0


class Outer(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]{1,4}$")]
    mode: Literal["on", "off"] = "on"
    count: Literal[1, 2] | None = None
    public: bool = True
    words: tuple[str, ...] = ()
    free: dict[str, str] = {}
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


WANT = msgspec.inspect.type_info(Outer)


def found(tree: Any, rules: Any = None) -> list[tuple[str, str, str]]:
    return [(m.path, m.expected, m.got) for m in walk(tree, WANT, rules or {})]


def test_a_right_document_has_no_mistakes() -> None:
    tree = {
        "name": "news",
        "mode": "off",
        "count": 2,
        "public": False,
        "words": ["a", ""],
        "free": {"Any Key": "x"},
        "inner": {"side": 352, "rate": "256k", "ratio": 15},
        "many": [{}, {"ratio": 0.5}],
    }
    assert found(tree) == []


@pytest.mark.parametrize(
    ("key", "value", "expected", "got"),
    [
        ("name", "News", "text like [a-z]{1,4}", '"News"'),
        ("name", 3, "text like [a-z]{1,4}", "3"),
        ("mode", "of", 'one of "off", "on"', '"of"'),
        ("mode", True, 'one of "off", "on"', "true"),
        ("count", 3, "one of 1, 2", "3"),
        ("count", True, "one of 1, 2", "true"),
        ("count", 1.0, "one of 1, 2", "1.0"),
        ("public", 1, "true or false", "1"),
        ("public", "true", "true or false", '"true"'),
        ("words", "a", "an array", '"a"'),
        ("free", [], "a table", "an array"),
        ("inner", 3, "a table", "3"),
        ("many", {}, "an array", "a table"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(key: str, value: object, expected: str, got: str) -> None:
    assert found({"name": "news"} | {key: value}) == [(key, expected, got)]


@pytest.mark.parametrize(
    "value",
    [15, 241, 4098, -16, 352.0, True, "352", 2**70, HUGE, [352], {}],
    ids=lambda v: str(v)[:9] if v is not HUGE else "huge",
)
def test_a_whole_number_keeps_its_range_and_type(value: object) -> None:
    (mistake,) = found({"name": "a", "inner": {"side": value}})
    assert mistake[:2] == ("inner.side", "a whole number (at least 16, at most 4096, even)")
    assert len(mistake[2]) < 40


@pytest.mark.parametrize("value", [0, 0.0, -1, 120.5, math.nan, math.inf, -math.inf, "1", False])
def test_a_number_keeps_its_range_and_type(value: object) -> None:
    (mistake,) = found({"name": "a", "inner": {"ratio": value}})
    assert mistake[:2] == ("inner.ratio", "a number (above 0, at most 120)")


@pytest.mark.parametrize("value", ["", "x", "10X", -1, True, [], math.nan, math.inf, "1e400"])
def test_a_quantity_says_how_it_is_written(value: object) -> None:
    (mistake,) = found({"name": "a", "inner": {"rate": value}})
    assert mistake[:2] == ("inner.rate", 'a bit rate such as "256k" or "10M"')


@pytest.mark.parametrize("text", ["a\nb", "a\r", "\0", "\x1b[2J", "\x85", "\udc80"])
def test_control_characters_are_refused_in_every_text(text: str) -> None:
    (mistake,) = found({"name": "a", "words": ["fine", text]})
    assert mistake[0] == "words[1]"
    assert mistake[2].isprintable()


def test_a_pattern_does_not_let_a_final_line_break_pass() -> None:
    assert [path for path, _, _ in found({"name": "news\n"})] == ["name"]


def test_every_mistake_is_found_with_its_index() -> None:
    tree = {"many": [{"side": 1}, {}, {"rate": "x", "ratio": 0}], "wrods": [], "public": 0}
    assert [path for path, _, _ in found(tree)] == [
        "many[0].side",
        "many[2].rate",
        "many[2].ratio",
        "wrods",
        "public",
        "name",
    ]


def test_an_unknown_key_is_told_its_nearest_known_one() -> None:
    assert found({"name": "a", "inner": {"Raito": 1}}) == [
        ("inner.Raito", "a known key", '"Raito"; did you mean "ratio"?')
    ]


def test_an_unknown_key_that_is_near_none_is_told_all() -> None:
    assert found({"name": "a", "inner": {"zzz": 1}}) == [
        ("inner.zzz", "a known key", '"zzz"; known here: side, rate, ratio')
    ]


def test_a_key_that_toml_quotes_is_quoted_and_stays_on_one_line() -> None:
    ((path, _, _),) = found({"name": "a", "x\ny.z": 1})
    assert path == '"x\\x0ay.z"'


def test_a_missing_key_is_a_mistake_of_its_table() -> None:
    assert found({}) == [("name", "text like [a-z]{1,4}", "nothing")]


def test_values_of_free_keys_are_not_shown() -> None:
    assert [got for _, _, got in found({"name": "a", "free": {"Authorization": ["hunter2"], "Key": 4711}})] == [
        "an array",
        "a number",
    ]


def test_a_rule_gets_only_plain_values_of_the_right_type() -> None:
    seen = []

    def rule(value: object, path: str) -> list[Mistake]:
        seen.append(value)
        return [Mistake(path, "another", "this")]

    tree = {"name": "a", "words": ["x", 3, "y"]}
    assert [path for path, _, _ in found(tree, {"words[]": rule})] == ["words[0]", "words[1]", "words[2]"]
    assert seen == ["x", "y"]


def test_a_type_that_the_walk_does_not_know_is_a_defect_not_a_mistake() -> None:
    with pytest.raises(NotImplementedError):
        list(walk("2020-01-01", msgspec.inspect.DateType(), {}))
