"""A host of 128 MB under qemu from a blank disk on: install, kills, power cuts, full disk, memory pressure, upgrades.

Runs `pytest -m vm_full tests/vm` and keeps its figures and how each test ended. Needs root (for the image, once), qemu,
mmdebstrap, ssh and ansible-playbook; the emulated processor is 20 to 50 times slower than this machine's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import common

if TYPE_CHECKING:
    from pathlib import Path


def _ends(log: str) -> dict[str, str]:
    """How each test ended, by its name, from pytest's summary."""
    return {name: end for end, name in re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) \S+::(\S+)", log, re.MULTILINE)}


def _run(marker: str, work: Path, seconds: float) -> int:
    """pytest's code; after `seconds` it is ended, and the machine with it."""
    tied = ["setpriv", "--pdeathsig", "KILL"]  # the machine dies with pytest, and pytest with us
    line = [*tied, sys.executable, "-m", "pytest", "-s", "-rA", "-p", "no:cacheprovider", "-m", marker, "tests/vm"]
    environment = os.environ | {"EDGE_VM_FIGURES": str(work / "figures.json"), "EDGE_REQUIRE_PEERS": "1"}
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(line, cwd=common.ROOT, env=environment, stdout=log, stderr=log)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return common.stop(process)


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=5400, quick=1200)
    marker = "vm" if options.quick else "vm_full"
    with common.folder() as work:
        began = time.monotonic()
        code = _run(marker, work, options.seconds)
        text = (work / "log").read_text(encoding="utf-8")
        figures = work / "figures.json"
        seen = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
    print(text)
    result = {"took": round(time.monotonic() - began), "code": code, "tests": _ends(text), "figures": seen}
    common.save(options, "vm", result)
    sys.exit(code)


if __name__ == "__main__":
    main()
