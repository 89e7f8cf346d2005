"""A host of 128 MB under qemu, by software emulation: real in memory, boot, systemd and power cuts, not in speed.

`restrict=on` keeps the guest off every network. Forwarded are two ports of this machine's loopback (ssh and edge), and
one address that the guest may connect to (`SOURCE`), which is a port of this machine's loopback as well.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SOURCE = "10.0.2.100:9000"  # what the guest calls the loopback's source
EDGE = 8080  # where edge listens in the guest
MEMORY = 128  # MB
BOOT = 240.0  # seconds; 25 to 40 are usual
# Page-table isolation has the emulator forget its translations at every system call: a third of all processor time.
FASTER = "mitigations=off"


class Image(NamedTuple):
    """What build.sh made; never written to: a machine's disk is an overlay."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"


def image() -> Image:
    """Builds it unless it is there: of Debian's packages, in a minute, as root."""
    cache = Path(os.environ.get("EDGE_VM_CACHE") or Path.home() / ".cache" / "edge-vm")
    folder = cache / "debian-12"
    if not (folder / "disk.raw").is_file() or (folder / "build.sh").read_bytes() != (HERE / "build.sh").read_bytes():
        new = cache / f"new.{os.getpid()}"
        subprocess.run([HERE / "build.sh", new], check=True, timeout=900)
        shutil.copy(HERE / "build.sh", new)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    return Image(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """One guest. `work` holds its disk (an overlay) and what its console says."""

    def __init__(self, of: Image, work: Path, source_port: int) -> None:
        self._image, self.work, self._source_port = of, work, source_port
        self.ssh_port, self.port = free_port(), free_port()
        self.booted = 0.0  # seconds that the last start took until the first login
        self._process: subprocess.Popen[bytes] | None = None
        disk = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", of.folder / "disk.raw", self.disk]
        subprocess.run(disk, check=True, timeout=30)

    @property
    def disk(self) -> Path:
        return self.work / "disk.qcow2"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ssh_options(self) -> list[str]:
        said = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        return ["-i", str(self._image.key), *(word for option in said for word in ("-o", option))]

    def start(self) -> float:
        """Boots; seconds until the first login. AssertionError with the console's end if there is none."""
        began = time.monotonic()
        with (self.work / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.monotonic() - began < BOOT:
            assert self._process.poll() is None, f"qemu ended with {self._process.returncode}:\n{self.console()}"
            if self._login():
                self.booted = time.monotonic() - began
                return self.booted
            time.sleep(1)
        raise AssertionError(f"expected a login within {BOOT:.0f} s, got none; the console's end:\n{self.console()}")

    def _login(self) -> bool:
        try:
            return self._ssh("true", 15).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _command(self) -> list[str]:
        relay = f"{sys.executable} -S {HERE / 'relay.py'} {self._source_port}"
        forward = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.port}-:{EDGE}"
        return [
            *("setpriv", "--pdeathsig", "KILL"),  # no machine outlives its test
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-machine", "q35", "-accel", "tcg", "-cpu", "Nehalem", "-m", str(MEMORY), "-smp", "1"),
            *("-kernel", str(self._image.folder / "vmlinuz"), "-initrd", str(self._image.folder / "initrd.img")),
            *("-append", f"root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet {FASTER}"),
            *("-drive", f"file={self.disk},if=virtio,format=qcow2,cache=writeback"),
            *("-netdev", f"user,id=n0,restrict=on,{forward},guestfwd=tcp:{SOURCE}-cmd:{relay}"),
            *("-device", "virtio-net-pci,netdev=n0", "-device", "virtio-rng-pci"),
            *("-serial", f"file:{self.work / 'console.log'}"),
        ]

    def console(self) -> str:
        file = self.work / "console.log"
        return file.read_text(errors="replace")[-3000:] if file.exists() else "(nothing)"

    def _ssh(self, command: str, timeout: float) -> subprocess.CompletedProcess[str]:
        # A login takes seconds of the emulated processor, and ten times that beside a channel: one is kept open.
        kept = ["ControlMaster=auto", f"ControlPath={self.work / 'ssh'}", "ControlPersist=600", "ConnectTimeout=60"]
        options = [*self.ssh_options(), *(word for option in kept for word in ("-o", option))]
        line = ["ssh", *options, "-p", str(self.ssh_port), "root@127.0.0.1"]
        return subprocess.run(
            [*line, command], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False
        )

    def ssh(self, command: str, timeout: float = 90.0) -> str:
        """What it prints; AssertionError if it fails."""
        done = self._ssh(command, timeout)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        return done.stdout

    def cut(self) -> None:
        """A power cut: what the guest has not flushed is gone. The disk's own cache outlives it, as qemu's is ours."""
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None
