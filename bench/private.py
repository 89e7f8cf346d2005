"""A copy of an installation that nobody else maps, so that every page a measured program touches is its own.

A control group is charged for a page of a file only if it is the first to read it: what other programs of the host hold
(libc, the interpreter) would count for nothing. So interpreter, packages and every shared library are copied, the
copies are pushed out of the page cache, and the program starts from them as on a host that has just booted. Only the
dynamic loader itself (0.2 MB) and the locale (0.4 MB) stay the host's.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import common

from edge.host import pagecache

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNTIME = ("av", "httptools", "msgspec", "prometheus-client", "uvloop")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_UNUSED = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "ensurepip", "config-*", "tkinter")


class Private:
    """`command` runs the program, in the environment `env`."""

    def __init__(self, home: Path, program: Path, command: list[str], env: dict[str, str]) -> None:
        self.home, self.command = home, command
        self.env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LD_LIBRARY_PATH": f"{home}/shared", **env}
        (home / "shared").mkdir()
        for library in sorted(_libraries([program, *home.rglob("*.so*")])):
            if not library.is_relative_to(home):
                shutil.copy2(library, home / "shared" / library.name)

    def chill(self) -> None:
        """Out of the page cache; nothing of it may be running."""
        pagecache.drop([str(self.home)], everything=False)

    def strangers(self, pid: int) -> list[str]:
        """Shared objects that the process maps from elsewhere, so that others are charged; the loader apart."""
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
        mapped = {line.split(maxsplit=5)[5] for line in lines if ".so" in line}
        return sorted(path for path in mapped if not path.startswith(str(self.home)) and "ld-linux" not in path)


def edge(home: Path) -> Private:
    """The worker, from this checkout, compiled."""
    library, packages = home / "lib" / _VERSION, home / "lib" / _VERSION / "site-packages"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / _VERSION
    shutil.copy2(Path(sys.executable).resolve(), program)
    shutil.copytree(Path(os.__file__).parent, library, ignore=_UNUSED)
    for name in RUNTIME:
        for file in importlib.metadata.files(name) or ():
            if not str(file).startswith("..") and Path(str(file.locate())).is_file():
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), packages / file)
    shutil.copytree(common.ROOT / "edge", packages / "edge")
    private = Private(home, program, [str(program), "-P", "-m", "edge"], {"PYTHONHOME": str(home)})
    compiling = [str(program), "-m", "compileall", "-q", str(packages), str(library)]
    subprocess.run(compiling, env=private.env, check=False, timeout=120, stdout=subprocess.DEVNULL)
    return private


def ffmpeg(home: Path) -> Private:
    home.mkdir(parents=True)
    program = home / "ffmpeg"
    shutil.copy2(Path(common.need("ffmpeg")).resolve(), program)
    return Private(home, program, [str(program)], {})


def _libraries(files: Iterable[Path]) -> set[Path]:
    """Every shared library that one of `files` needs, as the dynamic loader finds it."""
    found: set[Path] = set()
    for file in files:
        done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False, timeout=30)
        words = (line.split() for line in done.stdout.splitlines())
        found |= {Path(line[2]) for line in words if len(line) > 3 and line[1] == "=>" and line[2].startswith("/")}
    return found
