"""Between the loop and a thread, both ways, bounded in bytes. Neither side ever blocks the loop.

`Pipe` carries a response's bytes from the loop to the thread that demuxes them; `Outbox` carries muxed chunks from the
thread to the loop.
"""

from edge.flow.outbox import Outbox, OutboxStats
from edge.flow.pipe import SLACK, Pipe, PipeStats

__all__ = ["SLACK", "Outbox", "OutboxStats", "Pipe", "PipeStats"]
