"""What a release is made for: a minor version of Python, an architecture, and Debian's C library of 2018 or later."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from edge.errors import ConfigError

ARCHITECTURES = ("x86_64", "aarch64")
OLDEST = (3, 11)  # of Python; pyproject.toml says the same
GLIBC = (2, 28)  # what PyAV's wheels ask for


class Target(NamedTuple):
    """`minor` is such as "3.11"."""

    minor: str
    arch: str

    @property
    def tag(self) -> str:
        return f"py{self.minor.replace('.', '')}-{self.arch}"

    @property
    def lock_name(self) -> str:
        return f"requirements-{self.tag}.lock"

    def pip_options(self) -> list[str]:
        """Has pip choose wheels for the target instead of the machine it runs on, and never build one."""
        cpython = f"cp{self.minor.replace('.', '')}"
        options = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", self.minor]
        for abi in (cpython, "abi3", "none"):
            options += ["--abi", abi]
        for age in (f"manylinux_{GLIBC[0]}_{GLIBC[1]}", "manylinux_2_17", "manylinux2014"):
            options += ["--platform", f"{age}_{self.arch}"]
        return options


def target(minor: str, arch: str) -> Target:
    """ConfigError says which word is none that can be bundled for."""
    if not re.fullmatch(r"3\.[0-9]{1,2}", minor) or tuple(map(int, minor.split("."))) < OLDEST:
        raise ConfigError(f'--python: expected a minor version from 3.11 on, such as "3.11", got "{minor}"')
    if arch not in ARCHITECTURES:
        raise ConfigError(f'--arch: expected {" or ".join(ARCHITECTURES)}, got "{arch}"')
    return Target(minor, arch)


def lock_folder() -> Path:
    """Of a checkout; there is none beside an installed edge."""
    return Path(__file__).resolve().parents[2] / "ansible" / "roles" / "edge" / "files"
