"""What is kept of a hit besides its page and its visit, by its kind. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from edge.hits.clean import clean
from edge.hits.hit import Kind
from edge.hits.paths import Hosts, Paths, host_of, shown_host
from edge.hits.recent import Recent
from edge.hits.settings import SiteSettings
from edge.hits.values import number

_WORD = 60  # characters of a category, an action, a name
_HEAVY = 300  # characters of what is remembered
_VALUE = 100  # of a custom dimension
_LONGEST = 86_400  # seconds played
Detail: TypeAlias = dict[str, str | float]


class Prepared:
    """A site's settings, ready for use."""

    __slots__ = ("dimensions", "events", "hosts", "paths", "settings", "words")

    def __init__(self, settings: SiteSettings, words: Recent[str]) -> None:
        self.settings = settings
        self.hosts = Hosts(settings.hosts)
        self.paths = Paths(settings.query_allow, settings.path_rules)
        self.events = None if settings.events is None else frozenset(settings.events)
        self.dimensions = tuple((f"dimension{n}", name) for n, name in settings.dimensions.items())
        self.words = words  # of all sites together

    def recall(self, kind: str, raw: str, work: Callable[[str], str]) -> str:
        """What `work` makes of `raw`, from memory if it was asked for lately. `kind` stands for `work`."""
        key = hash((kind, self.settings.id, raw))
        found = self.words.get(key)
        if found is None:
            found = work(raw)
            if len(found) <= _HEAVY:
                self.words.put(key, found)
        return found


def _word(raw: str) -> str:
    return clean(raw, _WORD)


def _host(raw: str) -> str:
    return shown_host(host_of(raw))


def _event(known: Prepared, fields: Mapping[str, str]) -> Detail:
    value = number(fields.get("e_v", ""))
    category = known.recall("word", fields["e_c"], _word)
    if known.events is not None and category not in known.events:
        return {"value": value}
    words = [category, known.recall("word", fields["e_a"], _word)]
    if known.settings.event_names:
        words.append(known.recall("word", fields.get("e_n", ""), _word))
    return {"event": " / ".join(word for word in words if word), "value": value}


def _search(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"search": "nothing found" if fields.get("search_count", "").strip() == "0" else "found"}


def _download(known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"download": known.recall("path", fields["download"], known.paths.path)}


def _outlink(known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"outlink": known.recall("host", fields["link"], _host)}


def _goal(known: Prepared, fields: Mapping[str, str]) -> Detail:
    goal = fields["idgoal"].lstrip("0")
    name = known.settings.goals.get(goal) or (f"goal {goal}" if len(goal) <= 3 else "")
    return {"goal": name, "revenue": number(fields.get("revenue", ""))}


def _order(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"revenue": number(fields.get("revenue", ""))}


def _content(known: Prepared, fields: Mapping[str, str]) -> Detail:
    name = known.recall("word", fields["c_n"], _word)
    return {"content": f"{name} / interaction" if fields.get("c_i") and name else name}


def _media(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    said = fields.get("ma_mt", "").lower()
    seconds = number(fields.get("ma_st", ""))
    return {
        "media": "video" if said.startswith("video") else "audio" if said.startswith("audio") else "",
        "value": seconds if 0 <= seconds <= _LONGEST else 0.0,
    }


def _robot(known: Prepared, fields: Mapping[str, str]) -> Detail:
    target = fields.get("download")
    return {"download": known.paths.path(target)} if target else {}


DETAILS: dict[Kind, Callable[[Prepared, Mapping[str, str]], Detail]] = {
    "event": _event,
    "search": _search,
    "download": _download,
    "outlink": _outlink,
    "goal": _goal,
    "order": _order,
    "content": _content,
    "media": _media,
    "bot": _robot,
}


def dimensions(known: Prepared, fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found = [(name, fields[field]) for field, name in known.dimensions if fields.get(field)]
    kept = [(name, clean(value, _VALUE)) for name, value in found]
    return tuple([pair for pair in kept if pair[1]])
