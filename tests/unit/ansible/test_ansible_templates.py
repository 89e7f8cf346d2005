"""What the role writes: a configuration that edge takes, and files that their programs take."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from ansiblehosts import of
from programs import peer

from edge.config.load import settle

CHANNEL = {
    "name": "news",
    "source": 'http://source.example/a"b.ts',
    "headers": {"User-Agent": "télé \\ 1"},
    "public": False,
    "password_file": "/run/credentials/edge.service/news",
    "user_file": "/run/credentials/edge.service/user",
    "video": {"width": 352, "fps": 7.5, "bitrate": "256k"},
    "audio": {"channels": 1},
    "ladder": {"allow_copy": True},
}
SITE = {"id": 1, "hosts": ["www.example.org", "example.org"], "goals": {1: "Signed up"}, "query_allow": ["page"]}
PROXY = {"edge_proxy": "nginx", "edge_proxy_name": "tv.example"}
HOSTS = {
    "plain": of({"render": "edge.toml.j2"}),
    "full": of({
        "render": "edge.toml.j2", "edge_channels": [CHANNEL, {"name": "demo", "source": "demo:"}],
        "edge_sites": [SITE, {**SITE, "id": 2}], "edge_hits": {"durability": "process"},
        "edge_http": {"max_viewers": 50, "egress": "10M"}, "edge_metrics_listen": ["127.0.0.1:9100"],
        "edge_log_level": "debug"}),
    "behind": of({"render": "edge.toml.j2", "edge_listen": ["127.0.0.1:8080"], **PROXY}),
    "whole": of({"render": "edge.toml.j2", "edge_config": 'data_dir = "/srv"\n'}),
    "nginx": of({"render": "nginx_conf.d_edge.conf.j2", "edge_listen": ["127.0.0.1:8080"], **PROXY}),
    "nftables": of({"render": "nftables.nft.j2", "edge_nftables": True, "edge_listen": ["0.0.0.0:8080", "[::]:80"]}),
    "sysctl": of({"render": "sysctl.d_60-edge.conf.j2", "edge_sysctl": {"vm.swappiness": 60}}),
    "journald": of({"render": "systemd_journald.conf.d_edge.conf.j2", "edge_journald": {"SystemMaxUse": "16M"}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def text(decisions: Callable[[dict[str, dict]], dict[str, dict]]) -> Callable[[str], str]:
    rendered = decisions(HOSTS)
    return lambda host: rendered[host]["text"]


def plain(value: object) -> object:
    """As TOML has it: keys are strings."""
    return {str(k): plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_channels_and_sites_stand_in_the_configuration_as_they_were_given(text: Callable[[str], str]) -> None:
    document = tomllib.loads(text("full"))
    assert document["channel"] == [CHANNEL, {"name": "demo", "source": "demo:"}]
    assert document["site"] == [plain(SITE), plain({**SITE, "id": 2})]
    assert document["hits"] == {"durability": "process"}
    assert document["http"] == {
        "listen": ["0.0.0.0:8080"], "metrics_listen": ["127.0.0.1:9100"], "max_viewers": 50, "egress": "10M"
    }  # fmt: skip


def test_edge_takes_the_configuration(text: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "news").write_text("secret\n")
    (tmp_path / "user").write_text("me\n")
    mended = text("full").replace("/run/credentials/edge.service/", f"{tmp_path}/")  # as tasks/configure.yml does
    settings = settle(tomllib.loads(mended), "edge.toml")
    assert [channel.name for channel in settings.channels] == ["news", "demo"]
    assert settings.credentials["news"].user == "me"


@pytest.mark.parametrize("host", ["plain", "behind"])
def test_a_configuration_without_channels_is_one_too(text: Callable[[str], str], host: str) -> None:
    settings = settle(tomllib.loads(text(host)), "edge.toml")
    assert (settings.data_dir, settings.channels) == ("/var/lib/edge", ())
    assert settings.http.trusted_proxies == (("127.0.0.1/32", "::1/128") if host == "behind" else ())


def test_a_whole_configuration_is_taken_as_it_is(text: Callable[[str], str]) -> None:
    assert text("whole").strip() == 'data_dir = "/srv"'


def test_lines_of_files_do_not_run_together(text: Callable[[str], str]) -> None:
    assert text("sysctl").splitlines()[1:] == ["vm.swappiness = 60"]
    assert text("journald").splitlines()[1:] == ["[Journal]", "SystemMaxUse=16M"]
    assert "\n\n\n" not in text("full")


@pytest.mark.peer
def test_nginx_takes_its_file(text: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "edge.conf").write_text(text("nginx").replace("listen 80", "listen 8080").replace("]:80", "]:8080"))
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ include {tmp_path}/edge.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole)
    command = [peer("nginx"), "-t", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
