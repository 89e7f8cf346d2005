"""What is kept of a hit besides its page and its visit, by its kind. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from edge.hits.clean import clean
from edge.hits.hit import Kind
from edge.hits.paths import Hosts, Paths, host_of, shown_host
from edge.hits.settings import SiteSettings
from edge.hits.values import number

_WORD = 60  # characters of a category, an action, a name
_VALUE = 100  # of a custom dimension
_LONGEST = 86_400  # seconds played
Detail: TypeAlias = dict[str, str | float]


class Prepared:
    """A site's settings, ready for use."""

    __slots__ = ("dimensions", "events", "hosts", "paths", "settings")

    def __init__(self, settings: SiteSettings) -> None:
        self.settings = settings
        self.hosts = Hosts(settings.hosts)
        self.paths = Paths(settings.query_allow, settings.path_rules)
        self.events = None if settings.events is None else frozenset(settings.events)
        self.dimensions = tuple((f"dimension{n}", name) for n, name in settings.dimensions.items())


def _event(known: Prepared, fields: Mapping[str, str]) -> Detail:
    value = number(fields.get("e_v", ""))
    category = clean(fields["e_c"], _WORD)
    if known.events is not None and category not in known.events:
        return {"value": value}
    words = [category, clean(fields["e_a"], _WORD)]
    if known.settings.event_names:
        words.append(clean(fields.get("e_n", ""), _WORD))
    return {"event": " / ".join(word for word in words if word), "value": value}


def _search(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"search": "nothing found" if fields.get("search_count", "").strip() == "0" else "found"}


def _download(known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"download": known.paths.path(fields["download"])}


def _outlink(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"outlink": shown_host(host_of(fields["link"]))}


def _goal(known: Prepared, fields: Mapping[str, str]) -> Detail:
    goal = fields["idgoal"].lstrip("0")
    name = known.settings.goals.get(goal) or (f"goal {goal}" if len(goal) <= 3 else "")
    return {"goal": name, "revenue": number(fields.get("revenue", ""))}


def _order(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    return {"revenue": number(fields.get("revenue", ""))}


def _content(_known: Prepared, fields: Mapping[str, str]) -> Detail:
    name = clean(fields["c_n"], _WORD)
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
