"""Lock files: what is a pin, what is refused."""

from __future__ import annotations

import pytest

from edge.bundle import lock
from edge.bundle.lock import Pin
from edge.bundle.target import Target, target
from edge.errors import ConfigError

HASH = "0" * 63 + "a"


def test_a_lock_file_is_read_as_it_was_written() -> None:
    pins = [Pin("av", "18.1.0", HASH), Pin("uvloop", "0.23.0", HASH)]
    assert lock.pins(lock.text(Target("3.11", "x86_64"), pins), "file") == pins


@pytest.mark.parametrize(
    "line",
    [
        "av==18.1.0",  # without a hash pip would take anything of that name
        f"av>=18 --hash=sha256:{HASH}",
        f"av==18.1.0 --hash=sha256:{HASH[:-1]}",
        f"av @ https://host.example/av.whl --hash=sha256:{HASH}",
        "--index-url https://host.example/simple",
        f"av==18.1.0 --hash=sha256:{HASH} --hash=sha256:{HASH}",
    ],
)
def test_a_line_that_is_no_pin_is_named(line: str) -> None:
    with pytest.raises(ConfigError, match=r"^file:2: expected name==version --hash=sha256:…, got '"):
        lock.pins(f"# head\n{line}\n", "file")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected at least one package"):
        lock.pins("# nothing\n", "file")


def test_what_pip_reports_becomes_pins_in_order() -> None:
    archive = {"archive_info": {"hashes": {"sha256": HASH}}}
    items = [
        {"metadata": {"name": "Prometheus_Client", "version": "1"}, "download_info": archive},
        {"metadata": {"name": "av", "version": "2"}, "download_info": archive},
    ]
    assert lock.resolved({"install": items}) == [Pin("av", "2", HASH), Pin("prometheus-client", "1", HASH)]


@pytest.mark.parametrize("minor", ["2.7", "3.10", "3", "3.11.2", "4.1", "", "3.x"])
def test_a_python_that_edge_does_not_run_on_is_refused(minor: str) -> None:
    with pytest.raises(ConfigError, match=r"^--python: "):
        target(minor, "x86_64")


@pytest.mark.parametrize("arch", ["i686", "armv7l", "amd64", ""])
def test_an_architecture_without_wheels_is_refused(arch: str) -> None:
    with pytest.raises(ConfigError, match=r"^--arch: "):
        target("3.11", arch)


def test_pip_is_asked_for_the_oldest_c_library_that_the_wheels_allow() -> None:
    options = Target("3.12", "aarch64").pip_options()
    assert {"manylinux_2_28_aarch64", "manylinux2014_aarch64", "cp312", "abi3", "none", "3.12", ":all:"} <= set(options)
    assert "--only-binary" in options
