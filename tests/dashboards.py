"""The dashboard for Grafana: reading it, its normal form, and the conventions of Grafana's own dashboard linter (eleven
rules, of its documentation; the program is in no registry that we use) with a few more. `python tests/dashboards.py`
brings the file into its normal form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations, count
from pathlib import Path
from typing import Any, TypeAlias

FILE = Path(__file__).resolve().parents[1] / "ansible" / "files" / "grafana" / "edge.json"
SCHEMA = 39  # of Grafana 10.4; later ones read it
UNITS = {"none", "short", "percentunit", "bytes", "Bps", "s", "cps", "reqps", "bool"}  # Grafana's ids of those in use
QUERIED = ("stat", "table", "timeseries", "state-timeline")
COMMON = ("job", "instance")
Dashboard: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[Dashboard], Iterator[str]]
# A name, then its matchers and its range, if it has them. What follows `by (` and the like are labels, no names.
_SELECTOR = re.compile(r"\b((?:edge|process)_\w+|up|ALERTS)\b(?:\{([^}]*)\})?(?:\[([^\]]*)\])?")
_COUNTED = re.compile(r"\b(?:rate|increase)\(\w+\{[^}]*\}\[")
_VARIABLE = re.compile(r"label_values\(\w+(?:\{[^}]*\})?, (\w+)\)")


def load() -> Dashboard:
    return json.loads(FILE.read_text())


def normal(dashboard: Dashboard) -> str:
    """Keys in order, so that a change by hand or by Grafana's export shows as that change alone."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """Those that ask something: not the rows."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def expressions(dashboard: Dashboard) -> Iterator[tuple[str, str]]:
    """Each query with where it stands; those of annotations too."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for each in dashboard["annotations"]["list"]:
        if "expr" in each:
            yield f"annotation {each['name']}", each["expr"]


def selectors(expression: str) -> list[tuple[str, str, str]]:
    """Metric, matchers, range."""
    return _SELECTOR.findall(re.sub(r"\b(?:by|on) \([^)]*\)", "", expression))


def metrics(dashboard: Dashboard) -> set[str]:
    texts = [expression for _, expression in expressions(dashboard)]
    texts += [each["query"]["query"] for each in variables(dashboard, "query")]
    return {name for text in texts for name, _, _ in selectors(text)}


def variables(dashboard: Dashboard, kind: str) -> list[dict[str, Any]]:
    return [each for each in dashboard["templating"]["list"] if each["type"] == kind]


def _template_datasource(dashboard: Dashboard) -> Iterator[str]:
    found = variables(dashboard, "datasource")
    if [(each["name"], each["label"], each["query"]) for each in found] != [
        ("datasource", "Data source", "prometheus")
    ]:
        yield "no templated data source called datasource, Data source"


def _template_common(dashboard: Dashboard) -> Iterator[str]:
    """template-job-rule, template-instance-rule; ours have channel and site as well."""
    found = {each["name"]: each for each in variables(dashboard, "query")}
    for name in (*COMMON, "channel", "site"):
        wanted = {"label": name.title(), "multi": True, "includeAll": True, "allValue": ".+", "refresh": 2}
        if name not in found:
            yield f"no variable {name}"
        elif {key: found[name].get(key) for key in wanted} != wanted:
            yield f"variable {name} is not as it should be"


def _template_promql(dashboard: Dashboard) -> Iterator[str]:
    for each in variables(dashboard, "query"):
        asked = _VARIABLE.fullmatch(each["query"]["query"])
        if not asked or asked[1] != each["name"] or each["definition"] != each["query"]["query"]:
            yield f"variable {each['name']} asks {each['query']['query']}"


def _datasource(dashboard: Dashboard) -> Iterator[str]:
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(dashboard):
        if any(each.get("datasource") != wanted for each in (panel, *panel["targets"])):
            yield f"{panel['title']}: another data source"
    for each in (*variables(dashboard, "query"), *dashboard["annotations"]["list"]):
        if not each.get("builtIn") and each.get("datasource") != wanted:
            yield f"{each['name']}: another data source"


def _words(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels(dashboard):
        if not panel.get("title") or not panel.get("description", "").endswith("."):
            yield f"{panel.get('title') or panel['id']}: no title or description"


def _units(dashboard: Dashboard) -> Iterator[str]:
    for panel in panels(dashboard):
        config = panel["fieldConfig"]
        properties = [one for each in config["overrides"] for one in each["properties"] if one["id"] == "unit"]
        units = {config["defaults"].get("unit"), *(one["value"] for one in properties)}
        if panel["type"] not in QUERIED or not units <= UNITS:
            yield f"{panel['title']}: units {units}"


def _promql(dashboard: Dashboard) -> Iterator[str]:
    """Brackets only: a real Prometheus reads the rest in tests/peers/test_prometheus_live.py."""
    for where, expression in expressions(dashboard):
        if any(expression.count(a) != expression.count(b) for a, b in ("()", "[]", "{}")) or not selectors(expression):
            yield f"{where}: {expression}"


def _rate_interval(dashboard: Dashboard) -> Iterator[str]:
    for where, expression in expressions(dashboard):
        if any(span != "$__rate_interval" for span in re.findall(r"\[([^\]]*)\]", expression)):
            yield f"{where}: not $__rate_interval"


def _matchers(dashboard: Dashboard) -> Iterator[str]:
    """target-job-rule and target-instance-rule."""
    for where, expression in expressions(dashboard):
        for name, matchers, _ in selectors(expression):
            if any(f'{label}=~"${label}"' not in matchers.split(", ") for label in COMMON):
                yield f"{where}: {name} without job and instance"


def _counters(dashboard: Dashboard) -> Iterator[str]:
    """Of the linter's rules beside the eleven: counters in rate or increase, buckets in histogram_quantile."""
    for where, expression in expressions(dashboard):
        counted = sum(name.endswith(("_total", "_bucket")) for name, _, _ in selectors(expression))
        if counted > len(_COUNTED.findall(expression)):
            yield f"{where}: a counter without rate or increase"
        if "_bucket{" in expression and "histogram_quantile(" not in expression:
            yield f"{where}: buckets without histogram_quantile"


def _fixed(dashboard: Dashboard) -> Iterator[str]:
    """What makes it the same dashboard wherever and however often it is provisioned."""
    wanted = {"uid": "edge-workers", "editable": False, "schemaVersion": SCHEMA, "title": "edge", "id": None}
    if {key: dashboard.get(key) for key in wanted} != wanted or {"id", "__inputs", "__requires"} & set(dashboard):
        yield "uid, id, editable, schemaVersion or title are not fixed, or it is an export"
    if not dashboard["tags"] or not dashboard["links"]:
        yield "no tags or no links"


def _ids(dashboard: Dashboard) -> Iterator[str]:
    if [panel["id"] for panel in dashboard["panels"]] != list(range(1, len(dashboard["panels"]) + 1)):
        yield "the panels' ids do not count from 1"
    for panel in panels(dashboard):
        names = [target["refId"] for target in panel["targets"]]
        if not names or len(names) != len(set(names)):
            yield f"{panel['title']}: refIds {names}"


def _places(dashboard: Dashboard) -> Iterator[str]:
    """On a grid of 24 columns, each by itself."""
    places = [(panel.get("title"), panel["gridPos"]) for panel in dashboard["panels"]]
    for title, at in places:
        if at["x"] < 0 or at["x"] + at["w"] > 24:
            yield f"{title}: beside the grid"
    for (one, a), (other, b) in combinations(places, 2):
        across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
        if across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]:
            yield f"{one} and {other} overlap"


RULES: tuple[Rule, ...] = (
    _template_datasource, _template_common, _template_promql, _datasource, _words, _units, _promql, _rate_interval,
    _matchers, _counters, _fixed, _ids, _places,
)  # fmt: skip


def problems(dashboard: Dashboard) -> list[str]:
    return [said for rule in RULES for said in rule(dashboard)]


def numbered(dashboard: Dashboard) -> Dashboard:
    numbers = count(1)
    return dashboard | {"panels": [panel | {"id": next(numbers)} for panel in dashboard["panels"]]}


if __name__ == "__main__":
    FILE.write_text(normal(numbered(load())))
