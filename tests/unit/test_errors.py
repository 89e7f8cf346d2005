"""The one error tree: each class names whose fault it is."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import edge
from edge import errors


def tree(cls: type[errors.EdgeError]) -> list[type[errors.EdgeError]]:
    return [cls, *(below for child in cls.__subclasses__() for below in tree(child))]


def test_every_error_of_the_package_has_an_owner_of_the_list() -> None:
    for module in pkgutil.walk_packages(edge.__path__, "edge."):
        if module.name != "edge.__main__":
            importlib.import_module(module.name)
    owners = {"configuration", "source", "codec", "peer", "store", "overload", "host", "controller"}
    for cls in tree(errors.EdgeError)[1:]:
        assert cls.owner in owners, cls


@pytest.mark.parametrize(
    ("error", "attribute", "value"),
    [
        (errors.SourceError("silent", "no bytes for 5 s"), "reason", "silent"),
        (errors.PeerError(404, "no such channel"), "status", 404),
        (errors.OverloadError("full"), "retry_after", 10),
        (errors.OverloadError("full", 3), "retry_after", 3),
    ],
)
def test_what_an_error_carries(error: errors.EdgeError, attribute: str, value: object) -> None:
    assert getattr(error, attribute) == value
    assert str(error) in ("no bytes for 5 s", "no such channel", "full")
