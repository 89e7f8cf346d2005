"""One metric of the catalogue: its name, what it means, and how it is read from what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

from edge.flow.stats import HistogramStats

Source = TypeVar("Source")
Sample: TypeAlias = tuple[tuple[str, ...], float | HistogramStats]
Value: TypeAlias = float | Mapping[str, int] | HistogramStats | None


class Metric(msgspec.Struct, Generic[Source], frozen=True):
    """`read` gives each sample as its label values, in the order of `labels`, and its value."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    help: str
    labels: tuple[str, ...]
    read: Callable[[Source], Iterator[Sample]]


def spread(value: Value, *labels: str) -> Iterator[Sample]:
    """One sample, or one for each word of a mapping; none for what is not known."""
    if isinstance(value, Mapping):
        for word, count in value.items():
            yield (*labels, word), count
    elif value is not None:
        yield labels, value
