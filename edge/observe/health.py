"""The answers of the probes. Pure: status and body from a state."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from edge.release import RELEASE

FRESH_SECONDS = 15.0


class Readiness(msgspec.Struct, frozen=True):
    """What must be up before traffic may come, each by itself."""

    configuration: bool = False
    store: bool = False
    listeners: bool = False
    draining: bool = False


class Freshness(msgspec.Struct, frozen=True):
    """A channel and the age of its last frame in seconds, None before the first one."""

    name: str
    always_on: bool
    age: float | None
    public: bool = True


def health(*, well: bool = True) -> tuple[int, str]:
    """Answered at all means that the loop lives; also while draining. Not `well`: a thread hangs for good."""
    if not well:
        return 503, f"hung, edge {RELEASE}: a thread hangs in a library; restart edge"
    return 200, f"ok, edge {RELEASE}"


def ready(state: Readiness) -> tuple[int, str]:
    missing = [name for name in ("configuration", "store", "listeners") if not getattr(state, name)]
    if state.draining:
        return 503, f"not ready, edge {RELEASE}: stopping"
    if missing:
        return 503, f"not ready, edge {RELEASE}: waits for {', '.join(missing)}"
    return 200, f"ready, edge {RELEASE}"


def state_word(state: Readiness) -> str:
    """ready, stopping, or waiting."""
    return "stopping" if state.draining else "ready" if ready(state)[0] == 200 else "waiting"


def ready_channels(state: Readiness, channels: Sequence[Freshness], *, private: bool = True) -> tuple[int, str]:
    """As `ready`, and every channel that should always run has had a frame in the last 15 s; `private`: names all."""
    status, body = ready(state)
    late = [c for c in channels if c.always_on and (c.age is None or c.age > FRESH_SECONDS)]
    stale = dict.fromkeys(c.name if c.public or private else "a private channel" for c in late)
    if status != 200 or not stale:
        return status, body
    return 503, f"not ready, edge {RELEASE}: no frame in the last {FRESH_SECONDS:g} s from {', '.join(stale)}"
