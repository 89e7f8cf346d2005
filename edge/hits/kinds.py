"""Which action a hit is: Matomo's order of precedence. Pure. An empty word on the wire is as good as none."""

from __future__ import annotations

from collections.abc import Mapping

from edge.hits.hit import Kind

_EMPTY = ("", "0")  # what PHP calls empty
# A hit without any of these is a page view.
ACTIONS = frozenset(("recMode", "ping", "ma_id", "idgoal", "download", "link", "e_c", "c_n", "search", "ca"))


def kind(fields: Mapping[str, str], *, robot: bool = False) -> Kind:
    """The one kind of the hit. `robot`: its agent is known for one, which counts only where `recMode` asks for it.

    A ping, a media report and a conversion replace the action that the same hit may name besides.
    """
    get = fields.get
    mode = get("recMode")
    if mode is not None and (mode == "1" or (mode == "2" and robot)):
        return "bot"
    if get("ping") == "1":
        return "ping"
    if get("ma_id"):
        return "media"
    goal = get("idgoal")
    if goal and (converted := _conversion(goal, get("ec_id", ""))):
        return converted
    return _action(fields)


def _conversion(goal: str, order: str) -> Kind | None:
    """Goal 0 is the shop: with an order's id an order, else a cart that changed. None: `goal` is no goal's number."""
    if goal == "0":
        return "order" if order not in _EMPTY else "custom"
    return "goal" if goal.isdecimal() and goal.isascii() and int(goal[:20]) > 0 else None


def _action(fields: Mapping[str, str]) -> Kind:
    """download > outlink > event > content > site search > page (Matomo's Action::$factoryPriority)."""
    get = fields.get
    if get("download", "") not in _EMPTY:
        return "download"
    if get("link", "") not in _EMPTY:
        return "outlink"
    if get("e_c", "").strip() and get("e_a", "").strip():
        return "event"
    if get("c_n", "") not in _EMPTY:
        return "content"
    if get("search", "") not in _EMPTY:
        return "search"
    return "custom" if get("ca") == "1" else "pageview"
