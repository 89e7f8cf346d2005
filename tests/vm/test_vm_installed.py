"""From nothing to a worker that serves on a host of 128 MB, and through a power cut: `-m vm`.

A boot took 26 s of one core, an installation at most 172 s; the whole was not yet timed on a machine with nothing else
to do. Beside other work it takes a multiple.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import visiting
from playing import Operator
from vmachine import Machine

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]


def test_installed_it_serves_and_a_power_cut_takes_no_hit(machine: Machine, operator: Operator, release: Path) -> None:
    done = operator.play(release)
    assert done.code == 0, done.text[-4000:]

    visiting.until_live(machine.port)
    assert visiting.send_hit(machine.port, "/kept")

    machine.cut()
    machine.start()
    visiting.until_ready(machine.port)
    assert visiting.kept(machine.port)["/kept"] == 1
    visiting.until_live(machine.port)
