"""`edge bundle`: a release for a host, made on the controller; the host only unpacks it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from pathlib import Path

from edge import __version__
from edge.bundle import archive, lock, tools, tree
from edge.bundle.archive import Manifest
from edge.bundle.target import ARCHITECTURES, Target, lock_folder, target
from edge.errors import ConfigError, EdgeError

HELP = "make a release for another host: edge and its wheels, verified, compiled, in one file"
EXAMPLES = (
    "edge bundle --python 3.11 --arch x86_64",
    "edge bundle --refresh --python 3.12 --arch aarch64",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("--python", default=here, metavar="MINOR", help="the host's (default: %(default)s)")
    parser.add_argument("--arch", default=ARCHITECTURES[0], help=f"{' or '.join(ARCHITECTURES)} (default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: dist/edge-VERSION-pyMINOR-ARCH.tar.gz")
    parser.add_argument(
        "--lock", type=Path, metavar="FILE", help="its packages; default: the one of the checkout's role"
    )
    parser.add_argument("--refresh", action="store_true", help="resolve the packages anew and write the lock file only")
    parser.add_argument("--json", action="store_true", help="say what was made as JSON")


def run(args: argparse.Namespace) -> int:
    """0: made; 1: a program failed; 2: wrong usage."""
    try:
        wanted = target(args.python, args.arch)
        file = args.lock or lock_folder() / wanted.lock_name
        if args.refresh:
            return _refresh(file, wanted)
        output = args.output or Path("dist") / f"edge-{__version__}-{wanted.tag}.tar.gz"
        made = bundle(wanted, file, output)
    except EdgeError as error:  # said here, as `main` needs msgspec for it, which a controller may not have
        print(f"edge: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    print(json.dumps({"file": str(output.resolve()), **made._asdict()}) if args.json else f"{made.release}  {output}")
    return 0


def bundle(wanted: Target, file: Path, output: Path) -> Manifest:
    """Makes `output` unless it is made of the same already."""
    if not file.is_file():
        raise ConfigError(
            f"expected the lock file {file}, got none: run this from a checkout that has one for Python "
            f"{wanted.minor} on {wanted.arch}, or make it with --refresh"
        )
    pins = lock.pins(file.read_text(), str(file))
    version = tools.run([tools.python_of(wanted), "-c", "import sys; print(sys.version)"], "asking Python its version")
    made_of = archive.inputs(wanted, pins, version)
    before = archive.saved(output)
    if before and before.inputs == made_of:
        return before
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edge-bundle-") as name:
        release = _tree(Path(name), wanted, file, pins, archive.name(made_of))
        made = archive.manifest(wanted, archive.pack(release, output), made_of)
    archive.save(made, output)
    return made


def _tree(work: Path, wanted: Target, file: Path, pins: list[lock.Pin], name: str) -> Path:
    wheels, release = work / "wheels", work / "release"
    wheels.mkdir()
    release.mkdir()
    tree.build(release, tools.download(file, wanted, wheels), wanted, name)
    archive.describe(release, name, wanted, pins)
    return release


def _refresh(file: Path, wanted: Target) -> int:
    """From the bounds in pyproject.toml, so only in a checkout."""
    project = tree.PACKAGE.parent / "pyproject.toml"
    if not project.is_file():
        raise ConfigError(f"--refresh: expected a checkout with {project.name}, got an installed edge")
    bounds = tomllib.loads(project.read_text())["project"]["dependencies"]
    pins = lock.resolved(tools.resolve(bounds, wanted))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(lock.text(wanted, pins))
    print(f"{file}: {', '.join(f'{pin.name} {pin.version}' for pin in pins)}")
    return 0
