"""A real Prometheus scrapes a real worker: every metric that we speak of is there, the rules load, an alert fires when
the source stops and is over when it is back, and every query of the dashboard finds something.

The rules are a copy whose waits (`for`) are seconds; their real lengths are played by promtool in test_promtool_rules.
"""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import dashboards
import pytest
from alerts import RULES
from faultsource import FaultSource
from programs import peer
from running import Worker, channel, running
from watching import Prometheus, prometheus, until

pytestmark = pytest.mark.peer
README = RULES.parents[3] / "README.md"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
SITES = 10
MOST_SERIES = 300
ROW = re.compile(r"^\| `(edge_\w+)` \| (\w+) \|", re.MULTILINE)
STANDS_FOR = {"$job": "edge", "$instance": ".+", "$channel": ".+", "$site": ".+", "$__rate_interval": "5s"}
# What only some hosts tell, and what has no series before it has happened once.
MAYBE = {
    "edge_memory_limit_bytes", "edge_memory_charged_bytes", "edge_processor_quota_cores",
    "edge_throttled_seconds_total", "edge_steal_seconds_total",
    "edge_source_connections_total", "edge_hls_dropped_total",
}  # fmt: skip


class Watched(NamedTuple):
    source: FaultSource
    worker: Worker
    prometheus: Prometheus
    scrape: str


def site(number: int) -> str:
    return f'[[site]]\nid = {number}\nhosts = ["www{number}.example.org"]\npublic = true\n'


def hit(worker: Worker, number: int) -> None:
    url = f"{worker.url}/matomo.php?idsite={number}&rec=1&url=https://www{number}.example.org/"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": AGENT}), timeout=20) as answer:
        assert answer.status in (200, 204)


def hurried(folder: Path) -> Path:
    """The rules with waits of 2 s, those of an hour and more of 4 s."""
    text = re.sub(r"for: \d+[hd]\b", "for: 4s", re.sub(r"for: \d+m\b", "for: 2s", RULES.read_text()))
    copy = folder / "edge.rules.yml"
    copy.write_text(text)
    return copy


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, small_sample: Path) -> Watched:
    """Two channels of one source and ten sites, all in use, watched for some seconds. One channel sleeps until somebody
    watches, as it does again when the others are tested."""
    program, folder, source = peer("prometheus"), tmp_path_factory.mktemp("watched"), FaultSource(small_sample)
    with source as url:
        given = (
            channel("news", url) + channel("sport", url, "on_demand = true") + "".join(map(site, range(1, SITES + 1)))
        )
        with ExitStack() as stack:
            worker = stack.enter_context(running(folder, given))
            worker.until_live("news")
            address = worker.url.removeprefix("http://")
            watcher = stack.enter_context(prometheus(program, folder, hurried(folder), address))
            worker.read("/live/sport.ts", 10_000)
            for kind in ("ts", "flv", "mp4"):
                worker.read(f"/live/news.{kind}", 10_000)
            assert worker.get("/live/news/index.m3u8")[0] == 200
            for number in range(1, SITES + 1):
                hit(worker, number)
            began = 'min(count_over_time(edge_hits_total{kind="pageview"}[1m]))'
            until(lambda: watcher.query(began), lambda f: f and float(f[0]["value"][1]) >= 8, "eight scrapes")
            yield Watched(source, worker, watcher, worker.get("/metrics")[1].decode())


def samples(scrape: str) -> Counter[str]:
    """How many series each name has."""
    return Counter(re.findall(r"^([a-z_]+)(?:\{|\s)", scrape, re.MULTILINE))


def spoken_of() -> set[str]:
    """Names of metrics in the rules, the dashboard and the README."""
    text = re.sub(r"#.*|record: \S+|instance:edge_\S+", "", RULES.read_text())
    in_rules = {name for line in text.splitlines() for name in re.findall(r"\b(?:edge|process)_\w+", line)}
    return in_rules | dashboards.metrics(dashboards.load()) | set(re.findall(r"\bedge_\w+", README.read_text()))


def test_every_metric_that_is_spoken_of_is_in_a_scrape_with_its_type(watched: Watched) -> None:
    told = dict(re.findall(r"^# TYPE (\S+) (\w+)$", watched.scrape, re.MULTILINE))
    listed = dict(ROW.findall(README.read_text()))
    names = spoken_of() - {"up", "ALERTS"}
    assert len(names) > 60
    there = samples(watched.scrape)
    for name in names:
        base = name.removesuffix("_bucket")
        wanted = listed.get(base) or ("counter" if base.endswith("_total") else "gauge")
        assert told[base] == wanted.replace("info", "gauge"), name  # the text format knows no info
        sample = f"{base}_bucket" if wanted == "histogram" else base
        assert there[sample] or base in MAYBE, f"{name} has no sample"


def test_promtool_has_nothing_against_the_scrape(promtool: str, watched: Watched) -> None:
    command = [promtool, "check", "metrics"]
    done = subprocess.run(command, input=watched.scrape, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_scrape_has_at_most_300_series(watched: Watched) -> None:
    count = sum(samples(watched.scrape).values())
    assert count <= MOST_SERIES
    assert watched.prometheus.query('scrape_samples_scraped{job="edge"}')[0]["value"][1] == str(count)


def test_the_rules_load_and_none_of_them_errs(watched: Watched) -> None:
    rules = until(watched.prometheus.rules, lambda found: all(each["health"] != "unknown" for each in found), "rules")
    assert len(rules) == len(re.findall(r"- (?:alert|record): ", RULES.read_text()))
    assert [each for each in rules if each["health"] != "ok" or each.get("lastError")] == []


def test_every_recording_rule_records(watched: Watched) -> None:
    for name in re.findall(r"- record: (\S+)", RULES.read_text()):
        if name not in ("instance:edge_throttled:ratio_rate5m", "instance:edge_memory_charged:ratio"):  # see MAYBE
            assert watched.prometheus.query(name), name


def filled(expression: str) -> str:
    """With the dashboard's variables as a user may have set them."""
    for variable, value in STANDS_FOR.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


def test_every_query_of_the_dashboard_finds_something(watched: Watched) -> None:
    there = samples(watched.scrape) | Counter(("up", "ALERTS"))
    for where, expression in dashboards.expressions(dashboards.load()):
        found = watched.prometheus.query(filled(expression))
        known = all(there[name] for name, _, _ in dashboards.selectors(expression))
        assert found or not known or where.startswith("annotation"), f"{where}: {expression}"


def test_every_variable_of_the_dashboard_has_values(watched: Watched) -> None:
    wanted = {"job": ["edge"], "channel": ["news", "sport"], "site": sorted(str(n + 1) for n in range(SITES))}
    for each in dashboards.variables(dashboards.load(), "query"):
        metric, name = re.fullmatch(r"label_values\((.*), (\w+)\)", filled(each["query"]["query"])).groups()
        values = watched.prometheus.ask(f"label/{name}/values", **{"match[]": metric})
        assert values == wanted.get(name, [watched.worker.url.removeprefix("http://")])


def test_an_alert_fires_when_the_source_stops_and_is_over_when_it_is_back(watched: Watched) -> None:
    look = lambda: watched.prometheus.alerts("EdgeSourceDown")  # noqa: E731
    both = {("warning", "news"), ("critical", "news")}
    assert look() == {}
    watched.source.down()
    until(look, lambda found: found and all(each["state"] == "pending" for each in found.values()), "pending")
    found = until(look, lambda f: {key for key, each in f.items() if each["state"] == "firing"} == both, "firing")
    said = found["warning", "news"]["annotations"]["summary"]
    assert said == f"Channel news on {watched.worker.url.removeprefix('http://')} has no source."
    firing = 'sum(ALERTS{alertname="EdgeSourceDown", alertstate="firing"})'
    until(lambda: watched.prometheus.query(firing), lambda f: f and f[0]["value"][1] == "2", "the series of alerts")
    watched.source.up()
    until(look, lambda found: found == {}, "the end of the alert")
