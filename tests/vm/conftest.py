"""A machine of 128 MB with a live source on this machine's loopback. Not run unless `-m vm` or `-m vm_full` asks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import media
import playing
import pytest
import vmachine
from faultsource import Faults, FaultSource
from programs import peer

PROGRAMS = ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "ssh", "ssh-keygen")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """`-m "not peer"` replaces pyproject.toml's `-m`, and shall not boot machines unasked."""
    return None if "vm" in config.option.markexpr else True


@contextlib.contextmanager
def started(work: Path) -> Iterator[vmachine.Machine]:
    """Booted, with its source. qemu is gone afterwards."""
    source = FaultSource(media.sample("small"), Faults(cut=12, replay=2))
    with source:
        machine = vmachine.Machine(vmachine.image(), work, source.port)
        try:
            machine.start()
            yield machine
        finally:
            machine.cut()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vmachine.Machine]:
    for name in PROGRAMS:
        peer(name)
    with started(tmp_path_factory.mktemp("vm")) as booted:
        yield booted


@pytest.fixture(scope="module")
def operator(machine: vmachine.Machine) -> playing.Operator:
    return playing.Operator(machine)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return playing.release(tmp_path_factory.mktemp("release"))
