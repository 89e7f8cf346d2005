"""A part that fails is logged, is called again, and keeps nobody else from what is due."""

from __future__ import annotations

import asyncio
import contextlib
import io

import pytest

from edge.clock import SystemClock
from edge.host import ticking
from edge.host.ticking import Ticking
from edge.log import Log

PATIENCE = 30.0


def test_a_part_that_fails_keeps_nobody_from_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticking, "SECOND", 0.001)
    calls, out = {"first": 0, "broken": 0, "last": 0}, io.StringIO()

    def first(_now: float) -> None:
        calls["first"] += 1

    def broken(_now: float) -> None:
        calls["broken"] += 1
        raise ValueError("on purpose")

    async def main() -> None:
        enough = asyncio.Event()

        def last(_now: float) -> None:
            calls["last"] += 1
            if calls["last"] == 3:
                enough.set()

        running = asyncio.create_task(Ticking([first, broken, last], SystemClock(), Log(stream=out)).run())
        await asyncio.wait_for(enough.wait(), PATIENCE)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert calls == {"first": 3, "broken": 3, "last": 3}
    (line,) = out.getvalue().splitlines()  # once, and then counted
    assert line.startswith("level=error event=tick_failed count=1 what=")
    assert 'broken" why="ValueError: on purpose"' in line
