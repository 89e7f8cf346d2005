"""The processes of a run: children that measure, and the real worker. In the cage when one was asked for."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

import edge
from edge.bench import own
from edge.bench.tasks import Answer, encode
from edge.errors import CodecError, ConfigError, EdgeError, SourceError
from edge.host.cage import Cage, CageUsage

LAST_WORDS = 4096  # of a child's standard error
_LISTENING = re.compile(r"event=ready look=\"?(http://[0-9.:]+)/")


class NotMeasuredError(EdgeError):
    """A part of the run could not be done, for this reason; the others go on."""

    owner = "host"


class Processes:
    """Starts and ends them. `tick` is called while waiting, a few times a second."""

    def __init__(self, cage: Cage | None, tick: Callable[[], None]) -> None:
        self._cage, self._tick = cage, tick
        self._environment = _environment()
        self.startup = 0.0  # seconds that the last child took besides its task

    def run(
        self, kind: str, task: Any, patience: float, answer: type[Any], *, free: bool = False, secret: str = ""
    ) -> Any:
        """What the child answers. `free`: outside the cage. NotMeasuredError: it failed, or took longer than `patience`
        seconds; the child's own ConfigError, SourceError or CodecError."""
        command = [sys.executable, "-P", "-m", "edge.bench.child", kind, encode(task).decode()]
        with tempfile.TemporaryFile() as said:
            process = self._start(command, said, free=free)
            try:
                out = self._wait(process, patience, secret)
            finally:
                _end(process)
            if process.returncode < 0:
                raise NotMeasuredError(_killed(-process.returncode, self._cage))
            return _answer(out, answer, said)

    def _start(
        self, command: list[str], said: IO[bytes], *, free: bool, out: int | None = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C is for us, who then end it."""
        options: dict[str, Any] = {
            "stdin": subprocess.PIPE, "stdout": out, "stderr": said, "env": self._environment,
            "start_new_session": True,
        }  # fmt: skip
        try:
            if self._cage is None or free:
                return subprocess.Popen(command, **options)  # noqa: S603 - our own module
            return self._cage.start(command, **options)
        except OSError as error:
            raise NotMeasuredError(f"no process could be started: {error.strerror}") from None

    def _wait(self, process: subprocess.Popen[bytes], patience: float, secret: str) -> bytes:
        end = time.monotonic() + patience
        given: bytes | None = secret.encode()
        while True:
            self._tick()
            left = end - time.monotonic()
            if left <= 0:
                raise NotMeasuredError(f"it did not end within {patience:.0f} s")
            try:
                return process.communicate(given, timeout=min(0.1, left))[0]
            except subprocess.TimeoutExpired:
                given = None

    def cage_usage(self) -> CageUsage:
        """Nothing is counted without a cage."""
        return self._cage.usage() if self._cage else CageUsage()

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(0.1, left))

    @contextmanager
    def worker(self, folder: Path, config: str, patience: float) -> Iterator[Worker]:
        """`edge run` with this configuration, once it listens."""
        file = folder / "edge.toml"
        file.write_text(config, encoding="utf-8")
        log = folder / "edge.log"
        with log.open("wb") as said:
            process = self._start(
                [sys.executable, "-P", "-m", "edge", "run", "--config", str(file)], said, free=False, out=None
            )
        worker = Worker(process, log)
        try:
            end = time.monotonic() + patience
            while not worker.listening():
                if process.poll() is not None:
                    raise NotMeasuredError(f"the worker ended with {process.returncode}: {_tail(log.read_bytes())}")
                if time.monotonic() > end:
                    raise NotMeasuredError(f"the worker did not listen within {patience:.0f} s")
                self.pause(0.05)
            yield worker
        finally:
            _end(process)


class Worker:
    """A running `edge run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pid, self.url = process.pid, ""
        self._process, self._log = process, log

    def listening(self) -> bool:
        found = _LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace"))
        self.url = found[1] if found else ""
        return bool(found)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def processor(self) -> float:
        return own.processor(self.pid)

    def memory(self) -> dict[str, int]:
        return own.memory(self.pid)

    def metrics(self) -> dict[str, float]:
        """Samples of /metrics by name with labels; nothing while it does not answer."""
        lines = _get(self.url, "/metrics").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def state(self, channel: str) -> dict[str, Any]:
        """What the player page is told of the channel; nothing while it does not answer."""
        body = _get(self.url, f"/live/{channel}/state")
        found: dict[str, Any] = msgspec.json.decode(body) if body else {}
        return found

    def last_words(self) -> str:
        return _tail(self._log.read_bytes())


def _get(url: str, path: str) -> str:
    """The body of a finite answer, "" when there is none. By hand: urllib would bring ssl and five megabytes."""
    try:
        return _ask(url, path)
    except OSError:
        return ""


def _ask(url: str, path: str) -> str:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    return body.decode(errors="replace") if head.startswith(b"HTTP/1.1 200") else ""


def _environment() -> dict[str, str]:
    """So that children find this very package, wherever it was started from."""
    here = str(Path(edge.__file__).resolve().parents[1])
    paths = [here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _killed(number: int, cage: Cage | None) -> str:
    if number == 9:
        return "the kernel ended it: " + (
            "the memory allowed is too little" if cage else "the host has too little memory"
        )
    return f"it was ended by signal {number}"


_OWNERS = {"configuration": ConfigError, "codec": CodecError}


def _answer(out: bytes, kind: type[Any], said: IO[bytes]) -> Any:
    try:
        answer = msgspec.json.decode(out.splitlines()[-1], type=Answer)
    except (IndexError, msgspec.DecodeError):
        said.seek(0)
        raise NotMeasuredError(f"it failed: {_tail(said.read())}") from None
    if answer.error is None:
        return msgspec.json.decode(answer.ok, type=kind)
    if answer.owner == "source":
        raise SourceError("io", answer.error)
    raise _OWNERS.get(answer.owner or "", NotMeasuredError)(answer.error)


def _tail(said: bytes) -> str:
    lines = said[-LAST_WORDS:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
