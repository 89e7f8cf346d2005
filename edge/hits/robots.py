"""Which agents are robots: a few words that nearly all of them use, then the list of crawler-user-agents.

Only the words of that package's list are taken, and they are looked up by their first three letters: its own
expressions, compiled, cost 2.5 MB and 0.15 to 0.4 ms an agent.
"""

from __future__ import annotations

import re
from importlib.machinery import PathFinder

import msgspec

from edge.errors import ConfigError
from edge.hits.recent import Recent, RecentStats

_PACKAGE = "crawleruseragents"
_FILE = "crawler-user-agents.json"
_REMEMBERED = 2048  # agents, some 100 bytes each
_MOST = 512  # characters of an agent that are looked at
_PREFIX = 3
# "bot" but not Cubot, which makes telephones
_WORDS = re.compile(r"(?<!cu)bot|crawl|spider|scraper|https?:|www\.|@", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\\[\](){}^$*+?.|]")


class _Entry(msgspec.Struct, gc=False):
    pattern: str


class Robots:
    """Reads its list once, so make it before anybody waits. ConfigError: the package is not there or is damaged."""

    __slots__ = ("_begins", "_index", "_recent", "_rest")

    def __init__(self) -> None:
        words, patterns = _sorted_out(_patterns())
        index: dict[str, list[str]] = {}
        for word in words:
            index.setdefault(word[:_PREFIX], []).append(word)
        self._index = {prefix: tuple(found) for prefix, found in index.items()}
        begins = [pattern for pattern in patterns if pattern.startswith("(?:^") and "|" not in pattern]
        self._begins = _either(begins)
        self._rest = _either([pattern for pattern in patterns if pattern not in begins])
        self._recent: Recent[bool] = Recent(_REMEMBERED)

    def robot(self, agent: str) -> bool:
        """No agent at all is no robot: Matomo's SDKs send none."""
        key = hash(agent)
        found = self._recent.get(key)
        if found is None:
            found = self.decide(agent)
            self._recent.put(key, found)
        return found

    def decide(self, agent: str) -> bool:
        agent = agent[:_MOST]
        return bool(
            _WORDS.search(agent) or self._begins.match(agent) or self._listed(agent) or self._rest.search(agent)
        )

    def _listed(self, agent: str) -> bool:
        find = self._index.get
        for at in range(len(agent) - _PREFIX + 1):
            words = find(agent[at : at + _PREFIX])
            if words and agent.startswith(words, at):
                return True
        return False

    def tick(self, now: float) -> None:
        self._recent.tick(now)

    def stats(self) -> RecentStats:
        return self._recent.stats()


def _either(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or r"(?!)")


def _patterns() -> list[str]:
    """The package's expressions, without importing it: its import reads 0.5 MB of examples and keeps them."""
    found = PathFinder.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(
            "expected the package crawler-user-agents, which tells robots: pip install crawler-user-agents"
        )
    name = f"{found.submodule_search_locations[0]}/{_FILE}"
    try:
        with open(name, "rb") as file:  # noqa: PTH123 - pathlib costs 0.4 MB
            return [entry.pattern for entry in msgspec.json.decode(file.read(), type=list[_Entry])]
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"expected the list of robots of crawler-user-agents: {error}; install it again") from error


def _sorted_out(patterns: list[str]) -> tuple[list[str], list[str]]:
    """What is a plain word, and the few that are expressions. What `_WORDS` finds anyway is left out."""
    words: list[str] = []
    rest: list[str] = []
    for pattern in patterns:
        if _SPECIAL.search(re.sub(r"\\[^A-Za-z0-9]", "", pattern)):
            rest.append(f"(?:{pattern})")
            continue
        word = re.sub(r"\\(.)", r"\1", pattern)
        if not _WORDS.search(word):
            (words if len(word) >= _PREFIX else rest).append(word if len(word) >= _PREFIX else re.escape(word))
    return words, rest
