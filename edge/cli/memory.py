"""The memory plan in words, for `edge check`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from edge.channel.memory import VIEWER
from edge.flow.plan import BudgetPlan, Line
from edge.units import show_bytes

Rows = Iterator[tuple[str, str]]


def rows(plan: BudgetPlan, connections: int) -> Rows:
    """`connections`: how many the server takes at most."""
    yield "memory", plan.source if plan.limit is None else f"{show_bytes(plan.limit)}, by {plan.source}"
    if plan.spared.bytes:
        yield f"  +{show_bytes(plan.spared.bytes)}", f"{plan.spared.name}: {plan.spared.why}"
    for line in plan.lines:
        yield _line(line)
    if plan.room is not None:
        yield f"  {show_bytes(plan.room)}", "left for rings, playlists, viewers and requests; of that"
    for line in plan.least:
        yield _line(line, "    ")
    yield (
        "  verdict",
        _verdict(plan) if plan.verdict != "fits" else f"fits, with room for {_viewers(plan, connections)}",
    )
    for advice in plan.advice:
        yield "  would help", advice


def _line(line: Line, indent: str = "  ") -> tuple[str, str]:
    return f"{indent}{show_bytes(line.bytes)}", f"{line.name}: {line.why}"


def _verdict(plan: BudgetPlan) -> str:
    if plan.verdict == "unknown":
        return "cannot be told without a limit; set `memory`, or start edge in a cgroup that has one"
    missing = show_bytes(plan.missing)
    if plan.verdict == "slow":
        return f"slow: {missing} are missing for the libraries' pages, which will be read again and again"
    return f"does not fit: {missing} are missing"


def _viewers(plan: BudgetPlan, connections: int) -> str:
    media = sum(line.bytes for line in plan.least if line.name != "viewers")
    count = ((plan.room or 0) - media) // VIEWER
    return f"about {count} viewers who keep up" if count < connections else "as many viewers as there are connections"


def doubts(plan: BudgetPlan) -> Iterator[str]:
    if plan.missing:
        yield f"memory: {_verdict(plan)}; see what would help above"
