"""`edge` with a thread that writes every few seconds how many of PyAV's objects are open: `python soakworker.py …`.

The file is named by EDGE_SOAK_LOG. Nothing else differs from `python -m edge`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from edge.cli.main import main

EVERY = 4.0  # seconds; looking takes some milliseconds


def still_open() -> dict[str, float]:
    """By kind, and when; no kinds before av has been imported. A closed container has no streams left, and one that is
    just being opened none yet; what is closed and only waits for the collector does not count."""
    at = time.monotonic()
    av: Any = sys.modules.get("av")
    if av is None or not hasattr(av, "container"):
        return {"at": at}
    everything = gc.get_objects()
    containers = sum(isinstance(each, av.container.Container) and bool(each.streams) for each in everything)
    codecs = sum(isinstance(each, av.codec.context.CodecContext) and each.is_open for each in everything)
    return {"at": at, "containers": containers, "codecs": codecs}


def watch(path: Path) -> None:
    while True:
        time.sleep(EVERY)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(still_open()) + "\n")


if __name__ == "__main__":
    threading.Thread(target=watch, args=(Path(os.environ["EDGE_SOAK_LOG"]),), daemon=True).start()
    sys.exit(main())
