"""Figure 2 of the hit collector: hits a second of one core, through sockets, scrubbed, rolled up and durably kept.

`edge run` on the first core, wrk on the second, in turn with nginx, which only writes an access log: the limit of what
a server on this core can do with the same requests. Captured requests in turn (POST and GET, one of eleven a bulk of
two), on 1000 connections and on 32, and bulks of 50. Then 200 hits a second while a channel is transcoded on the same
core, and the memory of a worker without channels, after hits with all different paths, agents, addresses and referrers.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import common
import hits_load as load
import media
from together import rest

TURNS = 3
RATE = 200.0
MANY, FEW = 1000, 32
LEGS = (100_000, 1_000_000)  # hits, after each of which memory is read
HTTP = 'max_connections = 4000\nmax_connections_per_address = 4000\ntrusted_proxies = ["127.0.0.1"]'
DIRECT = "max_connections = 4000\nmax_connections_per_address = 4000"
NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log {work}/access.log combined; keepalive_requests 1000;
  client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
  uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 204; }} }}
}}
"""


class Nginx:
    """On the first core; answers 204 and writes a line for each request."""

    def __init__(self, work: Path) -> None:
        self.port = common.free_port()
        config = work / "nginx.conf"
        config.write_text(NGINX.format(work=work, port=self.port), encoding="utf-8")
        command = [*load.ON, common.need("nginx"), "-e", str(work / "nginx.log"), "-c", str(config), "-p", str(work)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        common.until(self._answers, 10, "nginx")

    def _answers(self) -> bool:
        try:
            return common.fetch(f"http://127.0.0.1:{self.port}/")[0] == 204
        except OSError:
            return False


def worker(work: Path, http: str, channel: str = load.SITE, source: str = "") -> common.Edge:
    return common.Edge(
        work, source, http=http, channel=channel, command=[*load.ON, *common.edge_command()], patience=60
    )


def counted(metrics: dict[str, float]) -> float:
    """Hits that were kept, by the worker's own count."""
    return sum(value for name, value in metrics.items() if name.startswith("edge_hits_total"))


def one(name: str, pid: int, port: int, script: Path, connections: int, seconds: float, each: float) -> dict[str, Any]:
    """A run against one server. `each`: hits a request, on average."""
    before = common.cpu_seconds(pid)
    found = load.wrk(common.need("wrk"), port, script, connections, seconds)
    spent = common.cpu_seconds(pid) - before
    hits = found["requests"] * each
    print(f"  {name}: {hits / found['seconds']:.0f} hits/s, p99 {found['p99'] * 1e3:.1f} ms", file=sys.stderr)
    return found | {
        "name": name,
        "hits_per_second": hits / found["seconds"],
        "us_per_hit": spent / hits * 1e6,
        "per_core_second": hits / spent,  # what it would be with the whole core: others may have used some of it
        "core": spent / found["seconds"],
    }


def commits(metrics: dict[str, float]) -> tuple[float, float]:
    return metrics["edge_hits_commit_seconds_count"], metrics["edge_hits_commit_seconds_sum"]


def throughput(work: Path, requests: list[tuple[bytes, int]], seconds: float, turns: int) -> list[dict[str, Any]]:
    """edge and nginx in turn, on the same requests."""
    sets = {"mixed": requests, "bulk": load.bulk(requests)}
    scripts = {name: load.round_script(work / f"{name}.lua", which) for name, which in sets.items()}
    plans = (("mixed", MANY), ("mixed", FEW), ("bulk", FEW))
    runs = []
    nginx = Nginx(work)
    try:
        with worker(work, DIRECT) as edge:
            for turn in range(turns):
                for name, connections in plans:
                    each = statistics.mean(hits for _, hits in sets[name])
                    about = {"load": name, "connections": connections, "turn": turn}
                    began, kept = commits(edge.metrics()), counted(edge.metrics())
                    run = one("edge", edge.process.pid, edge.port, scripts[name], connections, seconds, each)
                    metrics = edge.metrics()
                    ended = commits(metrics)
                    count = ended[0] - began[0]
                    run |= {
                        "commits_per_second": count / run["seconds"],
                        "commit_seconds": (ended[1] - began[1]) / count,
                    }
                    run["hits_per_commit"] = (counted(metrics) - kept) / count
                    runs.append(run | about)
                    if name == "mixed":
                        run = one("nginx", nginx.process.pid, nginx.port, scripts[name], connections, seconds, each)
                        runs.append(run | about)
                        (work / "access.log").write_bytes(b"")
    finally:
        common.stop(nginx.process)
    return runs


def beside_channel(work: Path, path: Path, seconds: float) -> dict[str, Any]:
    """How long an answer takes, the commit included, at `RATE` a second, while the same core transcodes."""
    with (
        common.Source(media.sample("source"), "--replay=2") as source,
        worker(work, DIRECT, common.CHANNEL + load.SITE, source.url) as edge,
    ):
        edge.wait_live(60)
        rest(min(10.0, seconds))
        script = str(common.ROOT / "bench" / "hits_load.py")
        before = common.cpu_seconds(edge.process.pid)
        command = [*load.BESIDE, sys.executable, script, str(edge.port), str(RATE), str(seconds), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
        spent = common.cpu_seconds(edge.process.pid) - before
        return dict(json.loads(done.stdout)) | {"core": spent / seconds, "state": edge.state().get("status")}


def memory(work: Path, legs: tuple[int, ...]) -> dict[str, Any]:
    """Of a worker without channels: kilobytes resident and anonymous at the start and after so many hits."""
    with worker(work, HTTP) as edge:
        rest(2)
        rows = [{"hits": 0} | _resident(edge.process.pid)]
        sent = 0
        for wanted in legs:
            while (kept := counted(edge.metrics())) < wanted:
                script = load.different_script(work / "different.lua", sent)
                seconds = min(20.0, max(1.0, (wanted - kept) / 12_000))
                sent += 1 + load.wrk(common.need("wrk"), edge.port, script, 256, seconds)["requests"] + 256
            rest(2)
            rows.append({"hits": int(kept)} | _resident(edge.process.pid))
        maps = Path(f"/proc/{edge.process.pid}/maps").read_text(encoding="utf-8")
        return {"rows": rows, "av_loaded": "/av/" in maps or "libavcodec" in maps}


def _resident(pid: int) -> dict[str, int]:
    found = common.memory(pid)
    return {name: found[name] for name in ("VmRSS", "RssAnon", "VmHWM")}


def disk(work: Path) -> dict[str, float]:
    """Seconds that a write of 4 KiB takes to be safe there."""
    times = []
    with (work / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    times.sort()
    return {"fdatasync_p50": times[100], "fdatasync_p99": times[197]}


def middle(runs: list[dict[str, Any]], name: str, what: str, connections: int, value: str) -> float:
    return statistics.median(
        run[value] for run in runs if (run["name"], run["load"], run["connections"]) == (name, what, connections)
    )


def bounds(runs: list[dict[str, Any]], paced: dict[str, Any], remembered: dict[str, Any]) -> list[dict[str, Any]]:
    rows = remembered["rows"]
    peak = max(row["VmRSS"] for row in rows)
    for connections in (MANY, FEW):
        ours, theirs = (middle(runs, name, "mixed", connections, "hits_per_second") for name in ("edge", "nginx"))
        cost, least = (middle(runs, name, "mixed", connections, "us_per_hit") for name in ("edge", "nginx"))
        print(
            f"{connections} connections: edge {ours:.0f} hits/s, nginx {theirs:.0f}, ratio {ours / theirs:.2f}; ",
            end="",
        )
        print(f"processor time {cost:.1f} µs a hit, nginx {least:.1f}, ratio {cost / least:.1f}")
    many, bulk = (middle(runs, "edge", *which, "hits_per_second") for which in (("mixed", MANY), ("bulk", FEW)))
    return [
        common.at_least("hits/s, mixed, 1000 connections", many, 20_000),
        common.at_least("hits/s in bulks of 50", bulk, 25_000),
        common.at_least(
            "hits per second of a core, mixed", middle(runs, "edge", "mixed", MANY, "per_core_second"), 20_000
        ),
        common.at_least(
            "hits per second of a core, bulks", middle(runs, "edge", "bulk", FEW, "per_core_second"), 25_000
        ),
        common.verdict("p99 at 200 hits/s beside a channel, s", paced["p99"], 0.025),
        common.verdict("MB resident, collector only", peak / 1024, 36),
        common.verdict("MB grown from the first leg to the last", (rows[-1]["VmRSS"] - rows[1]["VmRSS"]) / 1024, 1.0),
        common.verdict("av loaded without a channel", float(remembered["av_loaded"]), 0),
    ]


def main() -> None:
    default = common.ROOT.parent / "shared" / "hits" / "captured-requests.jsonl"
    options = common.arguments(__doc__ or "", seconds=10, quick=3, captured=default)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    turns, legs = (1, (2_000, 10_000)) if options.quick else (TURNS, LEGS)
    requests = load.captured(options.captured)
    with common.folder() as work:
        runs = throughput(work, requests, options.seconds, turns)
        remembered = memory(work, legs)
        paced = beside_channel(work, options.captured, options.seconds * (1 if options.quick else 3))
        cost = disk(work)
    names = (
        "hits_per_second",
        "us_per_hit",
        "per_core_second",
        "core",
        "p50",
        "p99",
        "commits_per_second",
        "hits_per_commit",
    )
    common.table(
        ("server", "load", "connections", *names),
        [(r["name"], r["load"], r["connections"], *(r.get(name, "-") for name in names)) for r in runs],
    )
    print(f"\npaced: {paced}\nmemory: {remembered}\ndisk: {cost}\n")
    found = {"runs": runs, "paced": paced, "memory": remembered, "disk": cost}
    common.save(options, "hits", found | {"bounds": bounds(runs, paced, remembered)})


if __name__ == "__main__":
    main()
