"""The role edge_watch, run on this machine into folders of the test: what it writes is taken; a second run rests."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from ansiblehosts import ROLE, playbook
from programs import peer

WORKERS = {
    "tv1": {"ansible_host": "192.0.2.10", "edge_metrics_listen": ["0.0.0.0:9100"]},
    "tv2": {"ansible_host": "192.0.2.11", "edge_listen": ["[::]:80"], "edge_proxy": "none"},
    "tv3": {"edge_scrape_host": "tv3.example", "edge_proxy": "caddy", "edge_proxy_name": "www.tv3.example"},
}


def run(folder: Path, workers: dict[str, dict]) -> str:
    watcher = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False,
        "edge_watch_prometheus_folder": f"{folder}/prometheus", "edge_watch_prometheus_config": True,
        "edge_watch_grafana": True, "edge_watch_grafana_provisioning": f"{folder}/provisioning",
        "edge_watch_grafana_dashboards": f"{folder}/dashboards", "edge_watch_reload": False,
        "edge_watch_blackbox": "127.0.0.1:9115",
    }  # fmt: skip
    hosts = {"edge": {"hosts": workers}, "edge_watch": {"hosts": {"watcher": watcher}}}
    (folder / "inventory.json").write_text(json.dumps(hosts))
    site = ROLE.parents[1] / "site.yml"
    return playbook("-i", "inventory.json", site, "--limit", "edge_watch", folder=folder)


@pytest.mark.peer
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who owns the files")
def test_prometheus_and_grafana_get_what_they_take(tmp_path: Path) -> None:
    """Its files are owned by root; promtool judges the rules and the whole configuration in the role itself."""
    peer("promtool")
    folder = tmp_path / "prometheus" / "file_sd"
    folder.mkdir(parents=True)
    for gone in ("edge-gone.yml", "edge_https-tv1.yml"):
        (folder / gone).write_text("[]\n")
    assert "failed=0" in run(tmp_path, WORKERS)
    targets = {p.stem: yaml.safe_load(p.read_text()) for p in (tmp_path / "prometheus" / "file_sd").iterdir()}
    assert {name: each[0]["targets"] for name, each in targets.items()} == {
        "edge-tv1": ["192.0.2.10:9100"], "edge-tv2": ["192.0.2.11:80"], "edge-tv3": ["tv3.example:8080"],
        "edge_https-tv3": ["https://www.tv3.example/healthz"],
    }  # fmt: skip
    assert targets["edge-tv1"][0]["labels"] == {"host": "tv1"}
    assert json.loads((tmp_path / "dashboards" / "edge.json").read_text())["title"]
    provider = yaml.safe_load((tmp_path / "provisioning" / "dashboards" / "edge.yml").read_text())["providers"][0]
    assert provider["options"] == {"path": f"{tmp_path}/dashboards"}
    assert "changed=0" in run(tmp_path, WORKERS)
