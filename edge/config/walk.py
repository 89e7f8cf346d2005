"""Compares a parsed TOML document with msgspec Structs and finds every mistake, not only the first.

msgspec's own conversion stops at the first one and names it in JSON's words. The types are the Structs' own, so
a setting is declared once, where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from msgspec import inspect

from edge.config.mistake import Mistake, child, kind, quoted, show
from edge.units import Quantity

Rule = Callable[[Any, str], Iterable[Mistake]]
# C0, DEL, C1: a line break in a header or a log line is an attack or an accident. Surrogates cannot be encoded.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_INDEX = re.compile(r"\[\d+\]")


def walk(value: object, want: inspect.Type, rules: Mapping[str, Rule], path: str = "") -> Iterator[Mistake]:
    """The mistakes of `value`, which should be a `want`.

    `rules` are further demands, by the path with indexes left out (`channel[].source`). A rule gets the raw value, of
    the right type if it is a plain value; tables and arrays may still hold anything.
    """
    if isinstance(want, inspect.UnionType):
        # TOML has no null: what is left out is None
        (want,) = (kind for kind in want.types if not isinstance(kind, inspect.NoneType))
    if expected := unfit(value, want):
        yield Mistake(path, expected, show(value))
        return
    match want:
        case inspect.StructType():
            yield from _table(cast("dict[str, Any]", value), want, rules, path)
        case inspect.VarTupleType():
            yield from _array(cast("list[Any]", value), want, rules, path)
        case inspect.DictType():
            yield from _mapping(cast("dict[str, Any]", value), want, rules, path)
    if rule := rules.get(_INDEX.sub("[]", path)):
        yield from rule(value, path)


def _table(table: dict[str, Any], want: inspect.StructType, rules: Mapping[str, Rule], path: str) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in want.fields}
    for key, value in table.items():
        if key in fields:
            yield from walk(value, fields[key].type, rules, child(path, key))
        else:
            yield Mistake(child(path, key), "a known key", quoted(key) + _nearest(key, list(fields)))
    for key, field in fields.items():
        if field.required and key not in table:
            yield Mistake(child(path, key), describe(field.type), "nothing")


def _nearest(key: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    if near := get_close_matches(key.lower().replace("-", "_"), known, n=1):
        return f'; did you mean "{near[0]}"?'
    return f"; known here: {', '.join(known)}"


def _array(items: list[Any], want: inspect.VarTupleType, rules: Mapping[str, Rule], path: str) -> Iterator[Mistake]:
    for index, item in enumerate(items):
        yield from walk(item, want.item_type, rules, f"{path}[{index}]")


def _mapping(table: dict[str, Any], want: inspect.DictType, rules: Mapping[str, Rule], path: str) -> Iterator[Mistake]:
    """Free keys. Their values are not shown: a header may be a password."""
    for key, value in table.items():
        for mistake in walk(value, want.value_type, rules, child(path, key)):
            yield Mistake(mistake.path, mistake.expected, kind(value))


def unfit(value: object, want: inspect.Type) -> str | None:
    """What was expected, if `value` is not it. What tables and arrays hold is not looked at."""
    match want:
        case inspect.StructType() | inspect.DictType():
            fits = isinstance(value, dict)
        case inspect.VarTupleType():
            fits = isinstance(value, list)
        case inspect.BoolType():
            fits = isinstance(value, bool)
        case inspect.IntType():
            fits = isinstance(value, int) and not isinstance(value, bool) and _in_range(value, want)
        case inspect.FloatType():
            fits = isinstance(value, int | float) and not isinstance(value, bool) and _in_range(value, want)
        case inspect.StrType():
            fits = isinstance(value, str) and _text_fits(value, want)
        case inspect.LiteralType():
            fits = not isinstance(value, bool | float) and value in want.values
        case inspect.CustomType() if issubclass(want.cls, Quantity):
            return _quantity(value, want.cls)
        case _:
            raise NotImplementedError(want)
    return None if fits else describe(want)


def _quantity(value: object, cls: type[Quantity]) -> str | None:
    try:
        cls.read(value)
    except ValueError as error:
        return str(error)
    return None


def _in_range(value: float, want: inspect.IntType | inspect.FloatType) -> bool:
    """NaN is in no range: every comparison with it is false, and without bounds it equals not even itself."""
    return (
        value == value  # noqa: PLR0124 - see above
        and abs(value) < 2**63
        and (want.gt is None or value > want.gt)
        and (want.ge is None or value >= want.ge)
        and (want.lt is None or value < want.lt)
        and (want.le is None or value <= want.le)
        and (want.multiple_of is None or value % want.multiple_of == 0)
    )


def _text_fits(value: str, want: inspect.StrType) -> bool:
    return (
        (want.min_length or 0) <= len(value) <= (4096 if want.max_length is None else want.max_length)
        and _CONTROL.search(value) is None
        and (want.pattern is None or re.search(want.pattern, value) is not None)
    )


def describe(want: inspect.Type) -> str:
    """What a value of type `want` is, in words."""
    match want:
        case inspect.UnionType():
            return " or ".join(describe(t) for t in want.types if not isinstance(t, inspect.NoneType))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return _numbers("a whole number", want)
        case inspect.FloatType():
            return _numbers("a number", want)
        case inspect.StrType():
            return _texts(want)
        case inspect.LiteralType():
            return "one of " + ", ".join(show(value) for value in want.values)
        case inspect.CustomType() if issubclass(want.cls, Quantity):
            return want.cls.expected
        case inspect.VarTupleType():
            return "an array"
    return "a table"


def _numbers(words: str, want: inspect.IntType | inspect.FloatType) -> str:
    bounds = (("above", want.gt), ("at least", want.ge), ("below", want.lt), ("at most", want.le))
    said = [f"{word} {bound}" for word, bound in bounds if bound is not None]
    if want.multiple_of is not None:
        said.append("even" if want.multiple_of == 2 else f"a multiple of {want.multiple_of}")
    return f"{words} ({', '.join(said)})" if said else words


def _texts(want: inspect.StrType) -> str:
    if want.pattern:
        return f"text like {want.pattern.removeprefix('^').removesuffix('$')}"
    return f"text of {want.min_length or 0} to {want.max_length or 4096} characters without line breaks"
