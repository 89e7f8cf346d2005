"""Everything that happens to a host in its life, on one emulated host of 128 MB: `python bench/vm.py`, half an hour.

The tests are one story, in this order, on one machine; each has a site of its own, whose hits it looks for. Figures go
to the file that EDGE_VM_FIGURES names. With EDGE_VM_INSTALLED the image in EDGE_VM_CACHE is that of an installed host.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import playing
import pytest
import visiting
from playing import Operator
from vmachine import Machine

pytestmark = [pytest.mark.vm_full, pytest.mark.timeout(2400)]

SITES = [{"id": n, "hosts": ["www.example.org"], "public": True} for n in range(1, 13)]
CUTS = 5
GROUP = "/sys/fs/cgroup/system.slice/edge.service"
# `edge check` is content with it, and it never becomes ready.
BROKEN = b"""HELP = "broken on purpose"
EXAMPLES = ()


def add_arguments(parser):
    parser.add_argument("--config")


def run(_):
    raise SystemExit(70)
"""
# Takes what is available and more, touches all of it for half a minute, and lets go; the kernel may end it before.
HOG = """systemd-run --quiet --wait --collect -p OOMScoreAdjust=500 python3 -c '
import time
free = next(int(l.split()[1]) for l in open("/proc/meminfo") if l.startswith("MemAvailable"))
held, end = [], time.monotonic() + 60
while time.monotonic() < end:
    if len(held) * 1024 < free * 1.3:
        held.append(bytearray(1 << 20))
    for block in held:
        block[::4096] = bytes(256)
' || true"""


class Figures(dict[str, Any]):
    """By step; written after each, so that what failed later does not take them along."""

    def note(self, step: str, **values: Any) -> None:
        self[step] = values
        print(f"{time.strftime('%H:%M:%S')} {step}: {values}", flush=True)
        if name := os.environ.get("EDGE_VM_FIGURES"):
            Path(name).write_text(json.dumps(self, indent=1))


@pytest.fixture(scope="module")
def figures() -> Figures:
    return Figures()


@pytest.fixture(scope="module")
def installed(machine: Machine, operator: Operator, release: Path, figures: Figures) -> Iterator[Path]:
    """The release that the story begins with."""
    figures.note("boot", seconds=round(machine.booted, 1), **_host(machine))
    if "EDGE_VM_INSTALLED" not in os.environ:
        _install(machine, operator, release, figures)
    visiting.until_live(machine.port)
    yield release
    figures.note("journal", end=machine.ssh("journalctl -u edge --no-pager -o cat | tail -40").splitlines())


def _install(machine: Machine, operator: Operator, release: Path, figures: Figures) -> None:
    _checked_only(machine, operator, release, figures)
    done = operator.play(release, edge_sites=SITES)
    assert done.code == 0, done.text[-4000:]
    figures.note("install", seconds=round(done.seconds), changed=done.changed)


def _checked_only(machine: Machine, operator: Operator, release: Path, figures: Figures) -> None:
    """`--check --diff` on a blank host says what would be done, and does nothing."""
    done = operator.play(release, "--check", "--diff", edge_sites=SITES)
    figures.note("check on a blank host", seconds=round(done.seconds), code=done.code, would_change=done.changed)
    assert done.code == 0, done.text[-4000:]
    assert all(word in done.text for word in ("+MemoryMax=", "+ListenStream=", '+hosts = ["www.example.org"]'))
    there = machine.ssh("ls -d /opt/edge /etc/edge /etc/systemd/system/edge* /usr/local/bin/edge 2>/dev/null || true")
    assert not there


def _host(machine: Machine) -> dict[str, int]:
    """Kilobytes by the guest's own account."""
    said = dict(re.findall(r"(\w+):\s+(\d+)", machine.ssh("cat /proc/meminfo")))
    return {name: int(said[name]) for name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")}


def _unit(machine: Machine) -> dict[str, int]:
    """What the unit is charged for, in bytes."""
    names = ("memory.current", "memory.peak", "memory.swap.current", "memory.high", "memory.max")
    said = machine.ssh(f"cd {GROUP} && cat {' '.join(names)} && grep -E '^(anon|file|kernel) ' memory.stat").split("\n")
    stat = dict(line.split() for line in said if " " in line)
    return {name: int(value) for name, value in (*zip(names, said, strict=False), *stat.items())}


def _restarts(machine: Machine) -> int:
    return int(machine.ssh("systemctl show --value -p NRestarts edge.service"))


def _why(machine: Machine) -> list[str]:
    """What the journal and the kernel say of ends since the last boot, and how often memory was at a limit."""
    words = "Killed process|Watchdog|Main process exited|Failed with result|oom-kill"
    said = machine.ssh(f"journalctl -b --no-pager -o cat | grep -E '{words}' | tail -20; cat {GROUP}/memory.events")
    return said.splitlines()


def _version(machine: Machine) -> str:
    return visiting.until(machine.port, "/readyz", lambda status, _: status == 200).decode()


def _kept(figures: Figures, step: str, visitors: visiting.Visitors, **more: Any) -> visiting.Told:
    told = visitors.told()
    figures.note(step, **told._asdict(), **more)
    assert told.acknowledged > 0
    assert (told.lost, told.doubled) == (0, 0)
    return told


def test_it_serves_and_leaves_memory_to_the_host(machine: Machine, installed: Path, figures: Figures) -> None:
    assert visiting.send_hit(machine.port, "/first") == 204
    swaps = machine.ssh("cat /proc/swaps")
    with visiting.Viewer(machine.port) as viewer:
        time.sleep(20)
        unit, host = _unit(machine), _host(machine)
    assert viewer.bytes > 0
    figures.note("memory", unit=unit, host=host, swaps=swaps.splitlines()[1:])
    assert unit["memory.current"] < unit["memory.max"]
    assert unit["memory.max"] < host["MemTotal"] * 1024
    assert all("zram" in line for line in swaps.splitlines()[1:])
    assert visiting.kept(machine.port)["/first"] == 1


def test_killed_it_comes_back(machine: Machine, installed: Path, figures: Figures) -> None:
    before = _restarts(machine)
    with visiting.Visitors(machine.port, 2) as visitors:
        time.sleep(10)
        machine.ssh("systemctl kill --signal=KILL edge.service")
        began = time.monotonic()
        while _restarts(machine) == before:
            assert time.monotonic() - began < visiting.PATIENCE
            time.sleep(1)
        visiting.until_live(machine.port)
        seconds = time.monotonic() - began
    _kept(figures, "kill", visitors, live_after=round(seconds, 1))


@pytest.mark.parametrize("options", [(), ("--check", "--diff")], ids=["run", "check"])
def test_another_run_changes_nothing(
    options: tuple[str, ...], machine: Machine, operator: Operator, installed: Path, figures: Figures
) -> None:
    done = operator.play(installed, *options, edge_sites=SITES)
    figures.note(" ".join(("another run", *options)), seconds=round(done.seconds), code=done.code, changed=done.changed)
    assert (done.code, done.changed) == (0, 0), done.text[-4000:]
    assert "+++ after" not in done.text


def test_a_check_says_what_would_change(
    machine: Machine, operator: Operator, installed: Path, figures: Figures
) -> None:
    before = machine.ssh("sha256sum /etc/edge/edge.toml; systemctl show -p ActiveEnterTimestamp edge.service")
    done = operator.play(installed, "--check", "--diff", edge_sites=SITES[:-1])
    figures.note("check of a change", seconds=round(done.seconds), code=done.code, would_change=done.changed)
    assert done.code == 0, done.text[-4000:]
    assert "-id = 12" in done.text
    assert before == machine.ssh("sha256sum /etc/edge/edge.toml; systemctl show -p ActiveEnterTimestamp edge.service")


def test_an_upgrade_refuses_nobody(machine: Machine, operator: Operator, installed: Path, figures: Figures) -> None:
    newer = playing.variant(installed, "0.99.1")
    near = operator.reaching("Write the configuration, if the new release takes it")
    viewer = visiting.Viewer(machine.port, when=operator.reaching("Switch to the release, atomically"))
    with viewer, visiting.Visitors(machine.port, 10, 1.5, near) as visitors:
        done = operator.play(newer, edge_sites=SITES)
        visiting.until_live(machine.port)
        time.sleep(10)
    assert done.code == 0, done.text[-4000:]
    assert "edge 0.99.1" in _version(machine)
    watched = {"connections": viewer.connections, "vain": viewer.vain, "silence": round(viewer.silence, 1)}
    told = _kept(figures, "upgrade", visitors, seconds=round(done.seconds), viewer=watched)
    assert (told.unanswered, told.turned_away, viewer.vain) == (0, 0, 0)
    assert viewer.connections > 1


def test_a_broken_release_rolls_back(machine: Machine, operator: Operator, installed: Path, figures: Figures) -> None:
    before = _version(machine)
    broken = playing.variant(installed, "0.99.2", cli__run=BROKEN)
    near = operator.reaching("Switch to the release, atomically")
    with visiting.Visitors(machine.port, 11, 1.5, near) as visitors:
        done = operator.play(broken, edge_sites=SITES)
        visiting.until_live(machine.port)
    told = _kept(figures, "broken release", visitors, seconds=round(done.seconds), code=done.code)
    assert done.code != 0
    assert "is in service again" in done.text, done.text[-4000:]
    assert "status=70" in done.text, "the end of the journal, with what systemd says of the release that failed"
    assert _version(machine) == before
    assert told.turned_away == 0


def test_the_release_before_comes_back_when_asked(
    machine: Machine, operator: Operator, installed: Path, figures: Figures
) -> None:
    before = _version(machine)
    near = operator.reaching("Switch to the release before, atomically")
    with visiting.Visitors(machine.port, 12, 1.5, near) as visitors:
        done = operator.play(installed, book="rollback.yml", edge_sites=SITES)
        visiting.until_live(machine.port)
    assert done.code == 0, done.text[-4000:]
    told = _kept(figures, "roll-back", visitors, seconds=round(done.seconds), was=before, now=_version(machine))
    assert "edge 0.99.1" in before
    assert "edge 0.99.1" not in _version(machine)
    assert (told.unanswered, told.turned_away) == (0, 0)


def test_a_full_disk_takes_no_hit(machine: Machine, installed: Path, figures: Figures) -> None:
    before = _restarts(machine)
    with visiting.Visitors(machine.port, 8) as visitors:
        time.sleep(10)
        machine.ssh("dd if=/dev/zero of=/var/tmp/full bs=1M 2>/dev/null; sync; df -k / | tail -1", 300)
        time.sleep(20)
        full = machine.ssh("df --output=avail -k / | tail -1").strip()
        status = visiting.get(machine.port, "/live/news/state")[0]
        machine.ssh("rm /var/tmp/full; sync")
        visiting.until(machine.port, "/readyz", lambda status, _: status == 200)
        there = visitors.acknowledged
        visiting.until(machine.port, "/readyz", lambda *_: visitors.acknowledged > there)
    _kept(figures, "disk full", visitors, kilobytes_free=int(full), restarts=_restarts(machine) - before)
    assert status == 200


def test_memory_pressure_passes(machine: Machine, installed: Path, figures: Figures) -> None:
    before = _restarts(machine)
    with visiting.Visitors(machine.port, 9) as visitors:
        time.sleep(10)
        machine.ssh(HOG, 400)
        visiting.until_live(machine.port, 400)
    restarts = _restarts(machine) - before
    _kept(figures, "memory pressure", visitors, restarts=restarts, why=_why(machine), unit=_unit(machine))


@pytest.mark.parametrize("cut", range(CUTS))
def test_a_power_cut_takes_no_hit(cut: int, machine: Machine, installed: Path, figures: Figures) -> None:
    with visiting.Visitors(machine.port, 3 + cut, pause=0.05) as visitors:
        while visitors.acknowledged < 10:
            time.sleep(0.1)
        time.sleep(Random(cut).uniform(0, 5))
        machine.cut()
    began = time.monotonic()
    login = machine.start()
    visiting.until_ready(machine.port)
    ready = time.monotonic() - began
    _kept(figures, f"power cut {cut + 1}", visitors, login_after=round(login, 1), ready_after=round(ready, 1))


def test_uninstalled_it_leaves_the_host_as_it_was(
    machine: Machine, operator: Operator, installed: Path, figures: Figures
) -> None:
    done = operator.play(installed, book="uninstall.yml", edge_uninstall_data=True)
    figures.note("uninstall", seconds=round(done.seconds), code=done.code, **_host(machine))
    assert done.code == 0, done.text[-4000:]
    left = machine.ssh("find /etc /opt /run /usr/local /var/lib -name '*edge*'")
    assert not left
    assert "edge" not in machine.ssh("systemctl list-units --all --no-legend 'edge*'; cat /proc/swaps")
