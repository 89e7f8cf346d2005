"""What is lowered when the processor does not suffice, and raised again when it does. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Reason = Literal["lag", "quota", "throttled", "steal", "room"]
REASONS: tuple[Reason, ...] = ("lag", "quota", "throttled", "steal", "room")


class Rung(msgspec.Struct, frozen=True):
    """One step of a quality ladder. `cost`: processor seconds a media second, as far as is known now; `seen`: it was
    measured on this load, not guessed from other rungs."""

    name: str
    cost: float
    seen: bool = True


class LoadView(msgspec.Struct, frozen=True):
    """One load at one moment. What it waits for apart from its source (the processor, the pace it was given) is work not
    done: `behind`, `speed` and `share` count it."""

    name: str
    kind: Literal["channel", "job"]
    rungs: tuple[Rung, ...]  # best first; allowed and possible now
    rung: int  # index of the one in force
    running: bool  # brings media now: what is off or away is left as it is
    behind: float = 0.0  # seconds since it last waited for its source; 0: it waits, it has caught up
    speed: float | None = (
        None  # media seconds a wall second in that time, of the last second or so; None: not known yet
    )
    share: float | None = (
        None  # processor seconds a wall second while it worked; 0.5: half of a core is somebody else's
    )


class Pressure(msgspec.Struct, frozen=True):
    """The process and its host. Shares are 0 to 1; None: unknown."""

    cores: int
    quota: float | None = None  # cores; the tightest known
    used: float = 0.0  # cores, this process, the last second
    throttled: float = 0.0  # of quota periods, the last second
    steal: float | None = None  # of all processor time, the last second
    loop_lag: float = 0.0  # seconds, worst of the last second
    egress_spare: float | None = None  # bit/s


class Change(msgspec.Struct, frozen=True):
    """To be applied now: `load` goes from rung `was` to `rung`."""

    load: str
    rung: str
    was: str
    reason: Reason


class State(msgspec.Struct, frozen=True):
    """What `decide` remembers from one sample to the next."""


def decide(
    state: State, _loads: Sequence[LoadView], _pressure: Pressure, _now: float
) -> tuple[State, tuple[Change, ...]]:
    """What to change now. Total: whatever it is given, indices and names in the answer are from `loads`."""
    return state, ()
