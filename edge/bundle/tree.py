"""The tree of a release: `site/` with everything that is imported, compiled; `bin/edge`. Nothing knows its place."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from edge.bundle.target import Target
from edge.bundle.tools import ToolError, python_of, run

PACKAGE = Path(__file__).resolve().parents[1]
# What only building against a package needs.
LEFT_OUT = {".c", ".cpp", ".h", ".pxd", ".pyi", ".pyx"}
LAUNCHER = """#!/bin/sh
# Starts edge from the release that this file lies in, wherever that is; children (edge bench) find it by PYTHONPATH.
release=$(readlink -f -- "$0") && release=${{release%/bin/edge}}
PYTHONPATH=$release/site
export PYTHONPATH
exec python{minor} -I -S -B -c 'import sys
sys.path.insert(0, sys.argv.pop(1))
from edge.cli.main import main
sys.exit(main())' "$release/site" "$@"
"""


def build(folder: Path, wheels: Iterable[Path], target: Target, release: str) -> None:
    """Makes `site/` and `bin/edge` in the empty folder; what runs from there knows that it is `release`."""
    site = folder / "site"
    site.mkdir()
    for wheel in wheels:
        unpack(wheel, site)
    shutil.copytree(PACKAGE, site / "edge", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    (site / "edge" / "release.py").write_text(f'"""Written by edge bundle."""\n\nRELEASE = "{release}"\n')
    compile_all(site, target)
    launcher = folder / "bin" / "edge"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER.format(minor=target.minor))
    launcher.chmod(0o755)


def unpack(wheel: Path, site: Path) -> None:
    """ToolError if the wheel has parts that belong elsewhere than on sys.path: no package of ours has."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            parts = Path(member).parts
            if member.startswith("/") or ".." in parts:
                raise ToolError(f"{wheel.name}: expected paths inside the wheel, got {member!r}")
            if parts[0].endswith(".data") or Path(member).suffix in LEFT_OUT:
                continue  # scripts and headers
            archive.extract(member, site)


def compile_all(site: Path, target: Target) -> None:
    """By one process and with one hash seed, so that the same sources give the same bytes. The host never looks at
    modification times: `unchecked-hash` takes the bytecode as it is."""
    compiling = ["-s", "-S", "-m", "compileall", "-q", "-s", str(site)]
    compiling += ["--invalidation-mode", "unchecked-hash", str(site)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    run([python_of(target), *compiling], f"compiling for Python {target.minor}", environment)
