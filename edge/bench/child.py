"""`python -m edge.bench.child KIND TASK`: one measurement in a fresh process, whose peak memory is its own.

TASK is JSON; the answer is one JSON line on standard output: `{"ok": …}`, or `{"error": …, "owner": …}`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge.bench.tasks import Answer, LagTask, Made, MakeTask, RecordTask, RungTask, SendTask, encode
from edge.config.model import Credentials
from edge.errors import EdgeError
from edge.units import dec_hook


def main(words: list[str]) -> int:
    kind, text = words
    try:
        answer = Answer(ok=msgspec.Raw(encode(_KINDS[kind](text))))
    except (EdgeError, TimeoutError, MemoryError, OSError) as error:
        why = str(error) or type(error).__name__
        answer = Answer(error=why, owner=error.owner if isinstance(error, EdgeError) else "host")
    sys.stdout.write(encode(answer).decode() + "\n")
    sys.stdout.flush()
    return 1 if answer.error else 0


def _decode(text: str, kind: type[Any]) -> Any:
    return msgspec.json.decode(text, type=kind, dec_hook=dec_hook)


def _make(text: str) -> Made:
    from edge.bench import sample  # noqa: PLC0415 - each kind loads its own

    task: MakeTask = _decode(text, MakeTask)
    sample.make(Path(task.path), sample.Spec(task.width, task.height, task.fps), task.patience)
    return _made(task.path)


def _record(text: str) -> Made:
    from edge.bench.record import record  # noqa: PLC0415

    task: RecordTask = _decode(text, RecordTask)
    secrets = sys.stdin.read().splitlines()
    record(task.channel, Credentials(*secrets) if len(secrets) == 2 else None, Path(task.path), task.patience)
    return _made(task.path)


def _made(path: str) -> Made:
    """What the sample holds, by the eyes of the demuxer that will read it."""
    from edge.bench.tsloop import TsLoop  # noqa: PLC0415
    from edge.media import kinds  # noqa: PLC0415
    from edge.media.source import open_url  # noqa: PLC0415

    data = Path(path).read_bytes()
    source = open_url(path, kinds.FILE)
    try:
        info, video = source.info(), source.video
        context = video.av.codec_context if video else None
        rate = (video.av.average_rate or video.av.guessed_rate) if video else None
        width, height = (context.width, context.height) if context else (0, 0)
        return Made(TsLoop(data).seconds, len(data), info.video, info.audio, width, height, float(rate or 0))
    finally:
        source.close()


def _rung(text: str) -> object:
    from edge.bench.rung import measure  # noqa: PLC0415

    return measure(_decode(text, RungTask))


def _lag(text: str) -> object:
    from edge.bench.lagging import measure  # noqa: PLC0415

    return measure(_decode(text, LagTask))


def _send(text: str) -> object:
    from edge.bench.sending import measure  # noqa: PLC0415

    return measure(_decode(text, SendTask))


_KINDS: dict[str, Callable[[str], object]] = {
    "make": _make, "record": _record, "rung": _rung, "lag": _lag, "send": _send,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
