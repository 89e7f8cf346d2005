"""`python -m faultsource --port 9000 --cut 12 --replay 2 --damage 0.001 sample.ts`: one JSON line says where it is.

With --log the lines after it are events. Any other field of Faults is set with --set, its value as JSON:
`--set status_every=5 --set 'mute=[[10,20,"audio"]]'`. It ends on SIGINT and SIGTERM, or with --tied when its standard
input ends (its parent has died).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading

import msgspec

from faultsource import Event, Faults, FaultSource


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faultsource", description="a live source that fails on purpose")
    parser.add_argument("sample", help="a clean .ts or .flv file")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the stream in a real second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cut", type=float, default=0.0, help="end each response after so many seconds")
    parser.add_argument("--replay", type=float, default=0.0, help="begin each so many seconds before live")
    parser.add_argument("--damage", type=float, default=0.0, help="share of packets, 0 to 1")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=JSON", help="any other field of Faults")
    parser.add_argument("--tied", action="store_true", help="end when standard input does")
    parser.add_argument("--log", action="store_true", help="print each event as a JSON line")
    return parser.parse_args()


def _faults(arguments: argparse.Namespace) -> Faults:
    fields = {name: getattr(arguments, name) for name in ("seed", "cut", "replay", "damage")}
    for text in arguments.set:
        name, _, value = text.partition("=")
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return msgspec.convert(fields, Faults)


def _show(event: Event) -> None:
    print(json.dumps(msgspec.to_builtins(event)), flush=True)


def _wait_for_parent(over: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: a thread in its lock would abort the interpreter at its end
        pass
    over.set()


def main() -> None:
    arguments = _arguments()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if arguments.tied:
        threading.Thread(target=_wait_for_parent, args=(over,), daemon=True).start()
    source = FaultSource(
        arguments.sample,
        _faults(arguments),
        speed=arguments.speed,
        port=arguments.port,
        on_event=_show if arguments.log else None,
    )
    with source as url:
        about = {
            "url": url,
            "epoch": source._epoch,
            "period": source.loop.period,
            "replay": source.faults.replay,
            "sent": list(source.loop.sent),
        }
        print(json.dumps(about), flush=True)
        over.wait()


if __name__ == "__main__":
    main()
