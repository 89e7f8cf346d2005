"""Each alert fires when it should and not just below, is pending before its time, resolves, and says what it says.

promtool plays the series, a sample a minute; `alertcases.py` holds what varies.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alertcases import CASES
from alerts import RULES, Case, Play

pytestmark = pytest.mark.peer
_GROUPS = ("edge.recording", "edge.worker", "edge.channels", "edge.hits")  # else promtool's order is by chance
_ALERT = re.compile(r"- alert: (\w+)\n.*?severity: (\w+)", re.DOTALL)


def check(promtool: str, *words: str | Path) -> str:
    """What promtool has against it; nothing if it is content."""
    done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def stretch(value: float | tuple[float, float] | str, minutes: int, *, begin: float | None = None) -> str:
    """That many samples in promtool's notation. `begin`: where a counter is, which grows by `value`."""
    if isinstance(value, str):
        return f"_x{minutes}" if value == "_" else value
    start, step = value if isinstance(value, tuple) else (value, 0.0) if begin is None else (begin, value)
    return f"{start}{step:+}x{minutes - 1}"


def plays(case: Case, first: Play, then: Play, turn: int, end: int) -> list[dict[str, str]]:
    """`first` up to the minute `turn`, then `then`."""
    made = []
    for name in {**first, **then}:
        now, later = first[name], then[name]
        text = stretch(now, turn + 1, begin=0.0 if case.counter else None)
        if now is not later and not (isinstance(now, str) and now != "_"):
            reached = now * turn if case.counter and isinstance(now, int | float) else None
            text = f"{text} {stretch(later, end - turn + 1, begin=reached)}"
        made.append({"series": name, "values": text})
    return made


def state(case: Case, at: int, word: str | None) -> dict[str, Any]:
    """At that minute the alert with that severity is in the state `word`, or not there at all."""
    labels = {"alertname": case.alert, "alertstate": word, "severity": case.severity} | case.labels
    told = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return {
        "expr": f'ALERTS{{alertname="{case.alert}", severity="{case.severity}"}}',
        "eval_time": f"{at}m",
        "exp_samples": [{"labels": f"ALERTS{{{told}}}", "value": 1}] if word else [],
    }


def says(case: Case, severity: str, summary: str, description: str) -> dict[str, Any]:
    url = f"README.md#{case.alert.lower()}"
    annotations = {"summary": summary, "description": description, "runbook_url": url}
    return {"exp_labels": case.labels | {"severity": severity}, "exp_annotations": annotations}


def fires(case: Case) -> dict[str, Any]:
    """Pending until just before its time, then firing with its words, then over."""
    at, end = case.since + case.lasts, case.since + case.lasts + case.calm
    told = [says(case, case.severity, case.summary, case.says)]
    if case.also:
        told.append(says(case, "warning", *case.also))
    states = [state(case, at, "firing"), state(case, end, None)]
    if case.lasts:
        states += [state(case, case.since, "pending"), state(case, at - case.step, "pending")]
    if case.since:
        states.append(state(case, case.since - 1, None))
    return {
        "interval": "1m",
        "input_series": plays(case, case.bad, case.good, at, end),
        "alert_rule_test": [{"eval_time": f"{at}m", "alertname": case.alert, "exp_alerts": told}],
        "promql_expr_test": states,
    }


def stays_calm(case: Case, near: Play) -> dict[str, Any]:
    """Never even pending, for longer than it would take."""
    end = case.since + case.lasts + case.calm
    return {
        "interval": "1m",
        "input_series": plays(case, near, near, end, end),
        "promql_expr_test": [
            state(case, minute, None) for minute in sorted({case.since, case.since + case.lasts, end})
        ],
    }


def judged(promtool: str, folder: Path, *tests: dict[str, Any], step: int = 1) -> str:
    file = folder / "test.yml"
    whole = {"rule_files": [str(RULES)], "evaluation_interval": f"{step}m", "group_eval_order": _GROUPS, "tests": tests}
    file.write_bytes(msgspec.json.encode(whole))  # JSON is YAML
    return check(promtool, "test", "rules", file)


def named(case: Case) -> str:
    return f"{case.alert}-{case.severity}-{CASES.index(case)}"


def test_the_linter_is_content(promtool: str) -> None:
    assert check(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES) == ""


def test_every_alert_and_severity_is_in_the_table() -> None:
    assert set(_ALERT.findall(RULES.read_text())) == {(case.alert, case.severity) for case in CASES}
    assert all(case.near and all(case.near) for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_alert_is_pending_then_fires_then_is_over(promtool: str, tmp_path: Path, case: Case) -> None:
    assert judged(promtool, tmp_path, fires(case), step=case.step) == ""


@pytest.mark.parametrize("case", CASES, ids=named)
def test_an_alert_does_not_fire_just_below(promtool: str, tmp_path: Path, case: Case) -> None:
    assert judged(promtool, tmp_path, *(stays_calm(case, near) for near in case.near), step=case.step) == ""


def test_promtool_would_say_it(promtool: str, tmp_path: Path) -> None:
    first = CASES[0]
    wrong = (
        fires(msgspec.structs.replace(first, says="Something else.")),
        fires(msgspec.structs.replace(first, lasts=first.lasts - 1)),
        fires(msgspec.structs.replace(first, lasts=first.lasts + 1)),
        fires(msgspec.structs.replace(first, good=first.bad)),
        stays_calm(first, first.bad),
    )
    assert all(judged(promtool, tmp_path, each) for each in wrong)
