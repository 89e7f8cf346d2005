"""A live source that fails on purpose, the same way every time it is given the same seed."""

from faultsource.faults import Fate, Faults, fate
from faultsource.loop import Loop
from faultsource.server import Asked, Event, FaultSource, open_loop

__all__ = ["Asked", "Event", "Fate", "FaultSource", "Faults", "Loop", "fate", "open_loop"]
