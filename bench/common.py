"""What the scripts share: starting edge and its source, reading a process's cost from /proc, writing results."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from together import rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
RESULTS = ROOT / "bench" / "results"
sys.path.insert(0, str(TESTS))

_TICKS = os.sysconf("SC_CLK_TCK")
CHANNEL = """
[[channel]]
name = "news"
source = "{source}"
[channel.video]
codec = "h264"
width = 352
height = 240
fit = "anamorphic"
fps = 15
bitrate = "256k"
[channel.audio]
codec = "{audio}"
bitrate = "64k"
channels = 1
"""
ENCODE = (  # the same settings for ffmpeg's command line
    "-map 0:v:0 -map 0:a:0 -vf fps=15,scale=352:240 -c:v libx264 -preset ultrafast -tune zerolatency -b:v 256k "
    "-maxrate 256k -bufsize 256k -g 30 -threads 1 -c:a aac -b:a 64k -ac 1 -f mpegts"
)


# ---- command line and results


def arguments(what: str, seconds: int, quick: int, **more: Any) -> argparse.Namespace:
    """`--seconds`, `--quick`, `--json`, and an option for each of `more` (its value is the default)."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--seconds", type=int, default=seconds, help=f"length of a measurement, {seconds} unless told")
    parser.add_argument("--quick", action="store_true", help=f"{quick} s: shows that the script works, no figures")
    parser.add_argument("--json", type=Path, help="where the results go as JSON")
    for name, default in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    found = parser.parse_args()
    if found.quick:
        found.seconds = quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started and made is cleaned up
    return found


def describe_host() -> dict[str, Any]:
    """Processor, kernel and versions: figures mean nothing without them."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown")
    memory = Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_mb": int(memory) // 1024,
        "kernel": platform.release(),
        "python": f"{platform.python_version()}, {'the system' if sys.base_prefix == '/usr' else 'not the system'}'s",
        "edge": _first_line([*edge_command(), "--version"]),
        "ffmpeg": _first_line(["ffmpeg", "-version"]),
        "nginx": _first_line(["nginx", "-v"]),
        "commit": _first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _first_line(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "not installed"
    return ((done.stdout or done.stderr).splitlines() or ["?"])[0]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns; floats with three figures after the point."""
    cells = [list(head), *([f"{c:.3f}" if isinstance(c, float) else str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def verdict(name: str, value: float, bound: float) -> dict[str, Any]:
    """A bound of the issue, and whether it held."""
    print(f"{'holds' if value <= bound else 'FAILS'}: {name}: {value:.4g}, at most {bound:.4g} wanted")
    return {"name": name, "value": value, "bound": bound, "holds": value <= bound}


def at_least(name: str, value: float, bound: float) -> dict[str, Any]:
    """A bound from below."""
    print(f"{'holds' if value >= bound else 'FAILS'}: {name}: {value:.4g}, at least {bound:.4g} wanted")
    return {"name": name, "value": value, "bound": bound, "least": True, "holds": value >= bound}


def save(options: argparse.Namespace, name: str, result: dict[str, Any]) -> None:
    """The result with the host, as JSON, where `--json` says."""
    whole = {"benchmark": name, "seconds": options.seconds, "quick": options.quick, "host": describe_host()} | result
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        print(f"written to {options.json}")


# ---- processes


def stop(process: subprocess.Popen[Any], patience: float = 15.0) -> int:
    """SIGTERM, then SIGKILL after `patience` seconds; the return code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(10)


def edge_command() -> list[str]:
    return [sys.executable, "-m", "edge"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary directory for one run."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as path:
        yield Path(path)


class Source:
    """A fault source in a process of its own. `about` says where and when: see `python -m faultsource`."""

    def __init__(self, sample: Path, *options: str) -> None:
        command = [sys.executable, "-m", "faultsource", "--log", "--tied", *options, str(sample)]
        self._events = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in stop()
        self.process = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=self._events, text=True)
        until(lambda: os.fstat(self._events.fileno()).st_size > 0 and self._lines(), 30, "the source's address")
        self.about: dict[str, Any] = json.loads(self._lines()[0])
        self.url: str = self.about["url"]

    def _lines(self) -> list[str]:
        text = os.pread(self._events.fileno(), 1 << 26, 0).decode()
        return text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines()[1:]]

    def sent_at(self, picture: int) -> float:
        """The monotonic time at which picture `picture` of the endless stream was due on the wire."""
        lap, n = divmod(picture, len(self.about["sent"]))
        return float(self.about["epoch"] + lap * self.about["period"] + self.about["sent"][n])

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        stop(self.process)
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Edge:
    """`edge run --config F` with one channel `news`, on a free port of the loopback."""

    def __init__(
        self,
        work: Path,
        source: str,
        *,
        audio: str = "aac",
        http: str = "",
        channel: str = "",
        command: Sequence[str] = (),
        env: dict[str, str] | None = None,
        patience: float = 30,
    ) -> None:
        """`command`: what to run instead of `python -m edge`, as one process; `patience`: seconds until it is ready."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data = work / f"edge-data-{self.port}"
        config = work / f"edge-{self.port}.toml"
        head = f'data_dir = "{data}"\n[http]\nlisten = ["127.0.0.1:{self.port}"]\n{http}\n'
        config.write_text(head + (channel or CHANNEL).format(source=source, audio=audio), encoding="utf-8")
        self.log_path = work / f"edge-{self.port}.log"
        self.started = time.monotonic()
        with self.log_path.open("wb") as log:
            whole = [*(command or edge_command()), "run", "--config", str(config)]
            self.process = subprocess.Popen(whole, stdout=log, stderr=log, env=env)
        try:
            until(self._ready, patience, "edge to be ready", self.log)
        except BaseException:
            stop(self.process, 2)
            raise

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"edge ended with {self.process.returncode}:\n{self.log()}")
        try:
            return fetch(f"{self.url}/readyz")[0] == 200
        except OSError:
            return False

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_live(self, seconds: float = 30) -> None:
        """Until the channel shows pictures."""
        until(lambda: fetch(f"{self.url}/live/news.jpg")[0] == 200, seconds, "the channel to be live", self.log)

    def state(self) -> dict[str, Any]:
        """What /live/news/state says; nothing where it does not answer."""
        with contextlib.suppress(OSError, ValueError):
            status, body = fetch(f"{self.url}/live/news/state")
            return dict(json.loads(body)) if status == 200 else {}
        return {}

    def metrics(self) -> dict[str, float]:
        """Samples of /metrics by name with labels; none where it does not answer."""
        status, body = fetch(f"{self.url}/metrics")
        lines = body.decode().splitlines() if status == 200 else []
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def stop(self) -> int:
        return stop(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        code = self.stop()
        if code:
            print(f"edge ended with {code}; its last words:\n{self.log()[-2000:]}", file=sys.stderr)


def fetch(url: str, timeout: float = 10) -> tuple[int, bytes]:
    """Status and body of a GET; an error status is an answer too."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def until(done: Any, seconds: float, what: str, log: Any = None) -> None:
    """Wait for a condition; give up with a reason."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds:.0f} s for {what} in vain\n{log() if log else ''}")
        rest(0.05)


def need(program: str) -> str:
    """A peer that the comparison is with."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise SystemExit(f"this comparison needs {program}; on Debian: apt install {program}")
    return found


# ---- what a process costs


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system seconds of the process tree; threads included."""
    total = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def memory(pid: int) -> dict[str, int]:
    """Kilobytes of the process tree: VmHWM (peak resident), VmRSS, RssAnon, Pss, Private (what it alone causes)."""
    total = dict.fromkeys(("VmHWM", "VmRSS", "RssAnon", "Pss", "Private"), 0)
    for each in tree(pid):
        with contextlib.suppress(OSError):
            for name, value in _kilobytes(Path(f"/proc/{each}/status")):
                if name in ("VmHWM", "VmRSS", "RssAnon"):
                    total[name] += value
            for name, value in _kilobytes(Path(f"/proc/{each}/smaps_rollup")):
                if name == "Pss":
                    total["Pss"] += value
                elif name.startswith("Private"):
                    total["Private"] += value
    return total


def _kilobytes(path: Path) -> Iterator[tuple[str, int]]:
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            yield name, int(rest.split()[0])


def socket_memory() -> int:
    """Kilobytes that the kernel holds for TCP sockets of this network namespace."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0
