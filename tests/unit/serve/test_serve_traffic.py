"""The month's traffic is used up while viewers watch a running worker."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from urllib.parse import urlsplit

from running import PATIENCE, Worker, channel, running

OUTPUTS = (".ts", ".ts", ".flv", ".mp4")


class Watching:
    """One viewer, to the end of its response. `whole`: it was ended properly, not cut off."""

    def __init__(self, worker: Worker, output: str) -> None:
        self.whole: bool | None = None
        self._connection = http.client.HTTPConnection(urlsplit(worker.url).netloc, timeout=60)
        self._connection.request("GET", f"/live/demo{output}")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            answer = self._connection.getresponse()
            while answer.read1(65536):
                pass
            self.whole = answer.status == 200
        except (OSError, http.client.HTTPException):
            self.whole = False
        self._connection.close()

    def end(self) -> bool | None:
        self._thread.join(PATIENCE)
        return self.whole


def test_who_watches_is_told_the_end_and_nobody_comes_in(tmp_path: Path) -> None:
    source = channel("demo", "demo:", video='bitrate = "4M"')
    with running(tmp_path, source, http='traffic_per_month = "16MiB"') as worker:
        worker.until_live("demo")
        assert worker.get("/live/demo/index.m3u8")[0] == 200
        viewers = [Watching(worker, output) for output in OUTPUTS]
        assert [viewer.end() for viewer in viewers] == [True] * len(OUTPUTS)
        assert [worker.get(f"/live/demo{path}")[0] for path in (".mp4", "/index.m3u8")] == [503, 503]
        assert worker.process.poll() is None
        assert worker.log.count("until the month ends") == 1
        figures = worker.get("/metrics")[1].decode()
    told = [line for line in figures.splitlines() if line.startswith("edge_viewers_closed_total")]
    closed = [line for line in told if not line.endswith(" 0.0")]
    assert closed == [f'edge_viewers_closed_total{{channel="demo",reason="traffic"}} {len(OUTPUTS)}.0']
