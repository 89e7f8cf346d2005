"""What is lowered when the processor does not suffice, and raised again when it does. Pure: time is an argument.

`lowering` and `raising` say when and what, `experience` what is remembered, `capacity` how much there is. A change is
made within half a second of media lost, and at a constant load at most once a minute.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.host.experience import State, learn
from edge.host.load import REASONS, Change, LoadView, Pressure, Reason, Rung, sane
from edge.host.lowering import lower, troubled
from edge.host.raising import rise

__all__ = ["REASONS", "Change", "LoadView", "Pressure", "Reason", "Rung", "State", "decide"]


def decide(state: State, loads: Sequence[LoadView], pressure: Pressure, now: float) -> tuple[State, tuple[Change, ...]]:
    """What to change now. Total: whatever it is given, the names in the answer are of `loads` and of their rungs."""
    known = sane(loads)
    state = learn(state, known, pressure, now)
    lagging = troubled(state, known, now)
    if lagging is not None:
        return lower(state, known, lagging, pressure, now)
    return rise(state, known, pressure, now)
