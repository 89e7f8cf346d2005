"""A missing peer is a skip on a user's machine and a failure in continuous integration."""

from __future__ import annotations

import pytest
from programs import peer

GONE = "no-such-program-anywhere"


def test_the_first_of_several_names_that_is_there() -> None:
    assert peer(GONE, "sh").endswith("/sh")


def test_a_missing_peer_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"needs {GONE}, which is not installed"):
        peer(GONE)


def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="EDGE_REQUIRE_PEERS"):
        peer(GONE)
