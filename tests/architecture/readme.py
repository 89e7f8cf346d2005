"""Reads what README.md promises, and writes its list of metrics: `python tests/architecture/readme.py`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from edge.observe.catalogue import METRICS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
START, END = "<!-- metrics: tests/architecture/readme.py writes this -->", "<!-- end of metrics -->"


def commands(text: str) -> list[str]:
    """The lines of the blocks fenced as ```sh, without comments, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def edge_calls(text: str) -> Iterator[list[str]]:
    """The words after each `edge`, in the commands and in `inline code`."""
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in (*commands(text), *inline):
        for part in re.split(r"&&|\|\||[|;]", line):
            words = _words(part)
            while words and ("=" in words[0] or words[0] in ("sudo", "exec")):
                words = words[1:]
            if words and words[0].rsplit("/", 1)[-1] == "edge" and len(words) > 1:
                yield words[1:]


def _words(part: str) -> list[str]:
    try:
        return shlex.split(part, comments=True)
    except ValueError:
        return []


def metrics(text: str) -> set[str]:
    """Every name that looks like one of our metrics."""
    return set(re.findall(r"\bedge_[a-z0-9_]+\b", text))


def table() -> str:
    rows = [f"| `{m.name}` | {m.kind} | {', '.join(m.labels)} | {m.help} |" for m in METRICS]
    return "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *rows])


def section(text: str) -> str | None:
    """What stands between the two marks."""
    found = re.search(f"{re.escape(START)}\n(.*?)\n{re.escape(END)}", text, re.DOTALL)
    return found[1] if found else None


def updated(text: str) -> str:
    """`text` with the list of metrics as it is now, at its end if it had none."""
    old = section(text)
    if old is None:
        return f"{text}\n{START}\n{table()}\n{END}\n"
    return text.replace(f"{START}\n{old}\n{END}", f"{START}\n{table()}\n{END}")


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
