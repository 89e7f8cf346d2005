"""What asyncio would print of a defect is not printed."""

from __future__ import annotations

import asyncio
import io

import pytest

from edge.clock import ManualClock
from edge.host.defects import Defects
from edge.log import Log


def failing(text: str) -> None:
    raise ValueError(text)


def test_a_defect_is_logged_without_its_text_and_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    said = io.StringIO()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(Defects(Log("debug", said), ManualClock()))
        for _ in range(3):
            loop.call_soon(failing, "alice@example.org")
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "alice@example.org"})

    asyncio.run(work())
    [line] = said.getvalue().splitlines()
    assert "event=callback_failed" in line
    assert "error=ValueError where=test_host_defects.py:" in line
    assert "alice" not in said.getvalue() + "".join(capsys.readouterr())
