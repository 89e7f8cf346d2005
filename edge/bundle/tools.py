"""The programs that a bundle needs on the controller: pip of any Python, and the Python of the target."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.bundle.target import Target
from edge.errors import ConfigError, EdgeError

PATIENCE = 900.0  # seconds for one program; wheels of 40 MB come over slow lines too


class ToolError(EdgeError):
    """A program of the controller failed."""

    owner = "controller"


def run(argv: Sequence[str | Path], what: str, env: dict[str, str] | None = None) -> str:
    """What the program prints. ToolError has the end of what it complained of."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [str(word) for word in argv], capture_output=True, text=True, check=False, timeout=PATIENCE, env=env
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{what}: {error}") from None
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ToolError(f"{what}: exit code {done.returncode}: {said}")
    return done.stdout


def python_of(target: Target) -> str:
    """The interpreter that compiles: bytecode is of a minor version, and without it a worker takes 4 MB more."""
    candidates = (sys.executable, shutil.which(f"python{target.minor}"))
    found = next((path for path in candidates if path and _minor_of(path) == target.minor), None)
    if found is None:
        raise ConfigError(
            f"expected python{target.minor} on this machine, as bytecode is compiled for the host's minor version, "
            f"got none: install python{target.minor} (a package, or `uv python install {target.minor}`) and have it on "
            f"PATH, or bundle on a machine that has it and give the role edge_bundle_file"
        )
    return found


def _minor_of(python: str) -> str:
    """Empty if it does not run, as a version manager's stand-in for a version that is not there."""
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stdout.strip()  # noqa: S603


def pip_of(target: Target) -> list[str]:
    """The command of the first pip found; which Python it belongs to does not matter."""
    for python in (sys.executable, shutil.which(f"python{target.minor}"), shutil.which("python3")):
        if python and _has_pip(python):
            return [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    raise ConfigError("expected pip on this machine, got none: install python3-pip or python3-venv")


def _has_pip(python: str) -> bool:
    asked = [python, "-c", "import pip"]
    return subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode == 0  # noqa: S603


def download(lock: Path, target: Target, folder: Path) -> list[Path]:
    """The wheels of the lock file, their hashes verified by pip."""
    words = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(folder), "--requirement", str(lock)]
    run([*pip_of(target), *words, *target.pip_options()], f"wheels of {lock}")
    return sorted(folder.glob("*.whl"))


def resolve(requirements: Sequence[str], target: Target) -> dict[str, Any]:
    """pip's report of what it would install on the target."""
    with tempfile.TemporaryDirectory() as nowhere:
        words = ["install", "--quiet", "--dry-run", "--ignore-installed", "--target", nowhere, "--report", "-"]
        argv = [*pip_of(target), *words, *target.pip_options(), *requirements]
        said = run(argv, "resolving the dependencies of edge")
    report: dict[str, Any] = json.loads(said)
    return report
