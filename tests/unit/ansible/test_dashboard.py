"""The dashboard keeps to the conventions of Grafana's linter, shows every metric, and no other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import dashboards
import pytest

from edge.media.settings import RUNGS
from edge.observe.catalogue import METRICS
from edge.serve.shed import STEPS

DASHBOARD = dashboards.load()
PROCESS = {  # of prometheus_client
    "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
    "process_start_time_seconds",
}  # fmt: skip


def panel(title: str, of: dict[str, Any] = DASHBOARD) -> dict[str, Any]:
    return next(each for each in of["panels"] if each["title"] == title)


def target(of: dict[str, Any], title: str = "Clock steps") -> dict[str, Any]:
    return panel(title, of)["targets"][0]


def variable(of: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in of["templating"]["list"] if each["name"] == name)


def ask(expression: str) -> Callable[[dict[str, Any]], object]:
    return lambda d: target(d).update(expr=expression)


def test_the_file_is_in_its_normal_form() -> None:
    whole = dashboards.normal(dashboards.numbered(DASHBOARD))
    assert dashboards.FILE.read_text() == whole, "run: python tests/dashboards.py"


def test_the_linter_has_nothing_to_say() -> None:
    assert dashboards.problems(DASHBOARD) == []
    assert len(list(dashboards.panels(DASHBOARD))) > 40


MATCHED = 'job=~"$job", instance=~"$instance"'
SPOILT: dict[str, Callable[[dict[str, Any]], object]] = {
    "no data source": lambda d: d["templating"]["list"].remove(variable(d, "datasource")),
    "no job": lambda d: d["templating"]["list"].remove(variable(d, "job")),
    "one site only": lambda d: variable(d, "site").update(multi=False),
    "all is empty": lambda d: variable(d, "instance").update(allValue=""),
    "another label": lambda d: variable(d, "channel")["query"].update(query="label_values(edge_viewers, output)"),
    "no label": lambda d: variable(d, "channel")["query"].update(query="edge_viewers"),
    "fixed source": lambda d: panel("Disk", d).update(datasource={"type": "prometheus", "uid": "P1"}),
    "fixed source of a query": lambda d: target(d).update(datasource=None),
    "fixed source of a variable": lambda d: variable(d, "job").pop("datasource"),
    "no description": lambda d: panel("Disk", d).pop("description"),
    "no title": lambda d: panel("Disk", d).update(title=""),
    "no unit": lambda d: panel("Disk", d)["fieldConfig"]["defaults"].pop("unit"),
    "unknown unit": lambda d: panel("Disk", d)["fieldConfig"]["defaults"].update(unit="octets"),
    "unknown unit of a column": lambda d: panel("Hosts in figures", d)["fieldConfig"]["overrides"][0][
        "properties"
    ].append({"id": "unit", "value": "octets"}),
    "a bracket": ask(f"sum(edge_viewers{{{MATCHED}}}"),
    "no metric": ask("1"),
    "another interval": ask(f"rate(edge_clock_steps_total{{{MATCHED}}}[5m])"),
    "no job matcher": ask('edge_http_connections{instance=~"$instance"}'),
    "no instance matcher": ask('edge_http_connections{job=~"$job"}'),
    "no matcher": ask(f"edge_ring_bytes{{{MATCHED}}} / edge_ring_limit_bytes"),
    "another matcher": ask('up{job=~"$job", instance=~"$instance.*"}'),
    "a bare counter": ask(f"edge_clock_steps_total{{{MATCHED}}}"),
    "bare buckets": ask(f"rate(edge_event_loop_lag_seconds_bucket{{{MATCHED}}}[$__rate_interval])"),
    "an id": lambda d: d.update(id=7),
    "another uid": lambda d: d.update(uid="x"),
    "editable": lambda d: d.update(editable=True),
    "an export": lambda d: d.update(__inputs=[]),
    "no tags": lambda d: d.update(tags=[]),
    "no links": lambda d: d.update(links=[]),
    "an id twice": lambda d: d["panels"][3].update(id=1),
    "a refId twice": lambda d: panel("Disk", d)["targets"][1].update(refId="A"),
    "overlap": lambda d: panel("Disk", d)["gridPos"].update(panel("Connections", d)["gridPos"]),
    "beside the grid": lambda d: panel("Disk", d)["gridPos"].update(x=20),
    "annotation of another source": lambda d: d["annotations"]["list"][1].update(datasource=None),
}


@pytest.mark.parametrize("what", SPOILT)
def test_the_linter_would_say_it(what: str) -> None:
    spoilt = copy.deepcopy(DASHBOARD)
    SPOILT[what](spoilt)
    assert dashboards.problems(spoilt)


def test_it_shows_every_metric_and_no_other() -> None:
    ours = {f"{metric.name}_bucket" if metric.kind == "histogram" else metric.name for metric in METRICS}
    assert dashboards.metrics(DASHBOARD) == ours | PROCESS | {"up", "ALERTS"}


@pytest.mark.parametrize(("title", "words"), [("Quality", RUNGS), ("Letting go", STEPS)])
def test_numbers_are_shown_as_the_words_they_stand_for(title: str, words: tuple[str, ...]) -> None:
    options = panel(title)["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {number: each["text"] for number, each in options.items()} == {str(n): word for n, word in enumerate(words)}


def test_four_rows_at_least_in_the_order_of_a_search() -> None:
    rows = [each["title"] for each in DASHBOARD["panels"] if each["type"] == "row"]
    assert [rows[0], rows[-2], rows[-1]] == ["All hosts", "One channel", "Hits"]
    assert all(row.startswith("One host") for row in rows[1:-2])
