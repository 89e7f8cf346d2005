"""From nothing to a worker that serves on a host of 128 MB, and through a power cut: `-m vm`.

It shall take at most 8 minutes with nothing else to do. Seen: 5:38 with the image built first, beside little else (boot
24 s, install 168 s); 8:42 without, at a load of 6 on two cores. What each part took is printed.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import visiting
from playing import Operator
from vmachine import Machine

pytestmark = [pytest.mark.vm, pytest.mark.timeout(2400)]


def test_installed_it_serves_and_a_power_cut_takes_no_hit(machine: Machine, operator: Operator, release: Path) -> None:
    done = operator.play(release)
    assert done.code == 0, done.text[-4000:]
    began = time.monotonic()
    visiting.until_live(machine.port)
    live = time.monotonic() - began
    assert visiting.send_hit(machine.port, "/kept") == 204
    print(
        f"boot {machine.booted:.0f} s, install {done.seconds:.0f} s, the first viewer's picture {live:.0f} s",
        flush=True,
    )

    machine.cut()
    machine.start()
    began = time.monotonic()
    visiting.until_ready(machine.port)
    ready = time.monotonic() - began
    assert visiting.kept(machine.port)["/kept"] == 1
    visiting.until_live(machine.port)
    live = time.monotonic() - began
    print(f"boot after the cut {machine.booted:.0f} s, then ready {ready:.0f} s, live {live:.0f} s", flush=True)
