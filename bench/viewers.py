"""Figure 4: 200 viewers of one channel: memory each, processor time per byte beside nginx, and one who stops reading.

nginx is measured two ways. As a reverse proxy of one stream per viewer (the same bytes at the same moments; it also has
to read them): the bound is on this one. And as a server of a file at the same bit rate by `limit_rate`: far stricter,
but not the same work, for it sends once a second, fifteen pictures at a time; for information.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import common
import media
from record import Recorder, get

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = 3  # of runs with and without one who stops reading

NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush off;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
  uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location /live/ {{ proxy_pass {edge}; proxy_http_version 1.1; proxy_buffering off; }}
    location /file/ {{ alias {work}/file/; limit_rate {rate}; }}
  }}
}}
"""


class Nginx:
    """nginx in one process in front of edge, and with a file."""

    def __init__(self, work: Path, edge: str, rate: int, recorded: bytes, seconds: float) -> None:
        port = common.free_port()
        (work / "file").mkdir()
        times = int(rate * (seconds + 30) / len(recorded)) + 1
        (work / "file" / "news.ts").write_bytes(recorded * times)
        config = work / "nginx.conf"
        config.write_text(NGINX.format(work=work, port=port, edge=edge, rate=rate), encoding="utf-8")
        command = [common.need("nginx"), "-e", str(work / "nginx.log"), "-c", str(config), "-p", str(work)]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        common.until(self._answers, 10, "nginx")

    def _answers(self) -> bool:
        try:
            return common.fetch(f"{self.url}/none")[0] == 404
        except OSError:
            return False

    def stop(self) -> None:
        common.stop(self.process)


def crowd(url: str, count: int, seconds: float, pids: dict[str, int], stuck: int = 0) -> dict[str, Any]:
    """Run a crowd; add what each of `pids` spent between its settling and its end, and their memory at the end."""
    command = [sys.executable, str(common.ROOT / "bench" / "crowd.py"), url, str(count), str(seconds), str(stuck)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for word in ("joined", "settled"):
            line = process.stdout.readline()
            if line.strip() != word:
                raise SystemExit(f"the crowd at {url} did not settle: {line}")
        before = {name: common.cpu_seconds(pid) for name, pid in pids.items()}
        time.sleep(max(0.0, seconds - 0.5))
        spent = {name: common.cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        kilobytes = {name: common.memory(pid)["RssAnon"] for name, pid in pids.items()}
        kernel = common.socket_memory()
        found: dict[str, Any] = json.loads(process.stdout.readline())
    share = found["seconds"] / max(0.1, seconds - 0.5)
    cpu = {name: value * share for name, value in spent.items()}
    return found | {"viewers": count, "cpu": cpu, "anonymous_kb": kilobytes, "kernel_kb": kernel}


def per_gigabyte(run: dict[str, Any], who: str, alone: dict[str, Any] | None = None) -> float:
    """Processor seconds per 10^9 bytes, above what the process spends with a single viewer."""
    base, base_bytes = 0.0, 0
    if alone:
        base = alone["cpu"][who] / alone["seconds"] * run["seconds"]
        base_bytes = alone["bytes"] / alone["seconds"] * run["seconds"]
    return float((run["cpu"][who] - base) / (run["bytes"] - base_bytes) * 1e9)


def measure(work: Path, edge: common.Edge, seconds: float, count: int) -> dict[str, Any]:
    url, pid = f"{edge.url}/live/news.ts", edge.process.pid
    recorder = Recorder(get(url), work / "some.ts")  # the ring fills, the muxer runs: what all are compared with
    time.sleep(max(10.0, min(30.0, seconds)))
    recorder.finish()
    runs = {"1": crowd(url, 1, seconds, {"edge": pid})}
    runs[f"{count // 2}"] = crowd(url, count // 2, seconds, {"edge": pid})
    for turn in range(1, PAIRS + 1):  # in turn, since the host's own noise is larger than what is looked for
        runs[_name(count, turn)] = crowd(url, count, max(seconds, 25), {"edge": pid})
        runs[_name(count, turn, stuck=True)] = crowd(url, count, max(seconds, 25), {"edge": pid}, stuck=1)
    rate = int(runs["1"]["bytes"] / runs["1"]["seconds"])
    nginx = Nginx(work, edge.url, rate, (work / "some.ts").read_bytes(), seconds)
    try:
        both = {"edge": pid, "nginx": nginx.process.pid}
        runs["nginx, proxy"] = crowd(f"{nginx.url}/live/news.ts", count, seconds, both)
        runs["nginx, file"] = crowd(f"{nginx.url}/file/news.ts", count, seconds, {"nginx": nginx.process.pid})
    finally:
        nginx.stop()
    return runs


def _name(count: int, turn: int, *, stuck: bool = False) -> str:
    return f"{count}{', one stuck' if stuck else ''} ({turn})"


def bounds(runs: dict[str, Any], count: int) -> list[dict[str, Any]]:
    one, many = runs["1"], runs[_name(count, 1)]
    added = [
        runs[_name(count, turn, stuck=True)]["gap_p99"] - runs[_name(count, turn)]["gap_p99"]
        for turn in range(1, PAIRS + 1)
    ]
    each = (many["anonymous_kb"]["edge"] - one["anonymous_kb"]["edge"]) / (count - 1)
    # what the transcoding costs varies by as much as the viewers do: the median of the turns
    edge = statistics.median(per_gigabyte(runs[_name(count, turn)], "edge", one) for turn in range(1, PAIRS + 1))
    proxy, file = (per_gigabyte(runs[f"nginx, {name}"], "nginx") for name in ("proxy", "file"))
    print(f"processor seconds per GB: edge {edge:.2f}, nginx as proxy {proxy:.2f}, nginx with a file {file:.2f}\n")
    return [
        common.verdict("KB of memory a viewer", each, 16),
        common.verdict("processor time per byte over nginx's as a proxy", edge / proxy, 1.5),
        common.verdict("viewers refused or ended", sum(r["refused"] + r["ended"] for r in runs.values()), 0),
        common.verdict("seconds that one stuck adds to the p99 gap (median)", statistics.median(added), 0.02),
    ]


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=30, quick=6, viewers=200)
    with (
        common.folder() as work,
        common.Source(media.sample("source"), "--replay=2") as source,
        common.Edge(work, source.url, http=f"max_connections_per_address = {options.viewers * 2}") as edge,
    ):
        edge.wait_live()
        empty = common.memory(edge.process.pid)["RssAnon"]
        runs = measure(work, edge, options.seconds, options.viewers)
        counters = {name: value for name, value in edge.metrics().items() if "viewer" in name}
    numbers = ("viewers", "MB/s", "edge cpu", "nginx cpu", "edge KB", "kernel KB")
    head = ("", *numbers, "p99 gap", "longest", "refused", "ended")
    rows = [("nobody yet", 0, 0.0, "-", "-", empty, "-", "-", "-", 0, 0)]
    for name, run in runs.items():
        cpu = [f"{run['cpu'][who]:.2f}" if who in run["cpu"] else "-" for who in ("edge", "nginx")]
        rate = run["bytes"] / run["seconds"] / 1e6
        anonymous = run["anonymous_kb"].get("edge", "-")
        rest = (anonymous, run["kernel_kb"], run["gap_p99"], run["longest_gap"], run["refused"], run["ended"])
        rows.append((name, run["viewers"], rate, *cpu, *rest))
    common.table(head, rows)
    print()
    found = {"empty_kb": empty, "runs": runs, "counters": counters, "bounds": bounds(runs, options.viewers)}
    common.save(options, "viewers", found)


if __name__ == "__main__":
    main()
