"""`python playfile.py PATH WAY`: plays a file through a pipeline under limits, prints as JSON what became of it.

WAY: "path" (libavformat opens it), "bytes" (as an HTTP response), "copy" (by path, nothing decoded).
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from mediacheck import Session

from edge.errors import EdgeError

MOST_MEMORY = 1 << 30  # of addresses: libraries alone map 300 MB


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path, way = Path(sys.argv[1]), sys.argv[2]
    copy = {"codec": "copy"} if way == "copy" else {}
    session = Session(video={"width": 352, "height": 240, "fps": 15, **copy}, audio=copy)
    error = ""
    try:
        session.play(path) if way == "bytes" else session.play_file(path)
    except EdgeError as caught:
        error = f"{getattr(caught, 'reason', 'codec')}: {caught}"
    out = session.close()
    sizes = {name: len(b"".join(out.runs(name))) for name in ("ts", "flv", "mp4")}
    status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's peak if that was higher
    peak = int(status.partition("VmHWM:")[2].split()[0])
    stats = session.pipeline.stats()
    print(json.dumps({"error": error, "bytes": sizes, "peak": peak, "video": stats.video, "audio": stats.audio,
                      "damaged": stats.damaged, "unavailable": [u.container for u in out.unavailable]}))  # fmt: skip


if __name__ == "__main__":
    main()
