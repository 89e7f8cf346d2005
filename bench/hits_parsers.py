"""Which parser for a tracker's query: ours, the standard library's, or a compiled one from PyPI, where it is installed
(`pip install fast-query-parsers yarl falcon`)? Microseconds for a captured query, and what importing it takes (0 for
what the script itself has loaded already).

Each in a process of its own. Compiled ones read other rules than PHP's; how they differ is not judged here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import timeit
from pathlib import Path
from typing import Any

import common
import hits_load as load

PARSERS = {
    "edge.hits.query": "from edge.hits.query import parse",
    "urllib.parse": (
        "from urllib.parse import parse_qsl\nparse = lambda q: dict(parse_qsl(q.decode(), keep_blank_values=True))"
    ),
    "fast-query-parsers": (
        "from fast_query_parsers import parse_query_string as found\nparse = lambda q: dict(found(q, '&'))"
    ),
    "falcon": (
        "from falcon.util.uri import parse_query_string as found\nparse = lambda q: found(q.decode(), keep_blank=True)"
    ),
    "yarl, unquoting only": """from yarl._quoting_c import _Unquoter
unquote = _Unquoter(qs=True)
def parse(q):
    pairs = [pair.partition("=") for pair in q.decode().split("&")]
    return {name: unquote(value) if "%" in value or "+" in value else value for name, _, value in pairs}""",
}


def queries(path: Path) -> list[bytes]:
    found = []
    for whole, _ in load.captured(path):
        head, _, body = whole.partition(b"\r\n\r\n")
        target = head.split(b" ", 2)[1].partition(b"?")[2]
        if not body.startswith(b"{"):
            found.append(body or target)
    return found


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4


def child(name: str, path: Path) -> None:
    """One JSON line: microseconds a query, kilobytes that the import added."""
    asked = queries(path)
    before = resident()
    names: dict[str, Any] = {}
    exec(PARSERS[name], names)
    parse, added = names["parse"], resident() - before
    turns = timeit.repeat(
        lambda: [parse(query) for query in asked], number=500, repeat=9, timer=common.time.process_time
    )
    print(json.dumps({"parser": name, "us": min(turns) / 500 / len(asked) * 1e6, "resident_kb": added}))


def main() -> None:
    default = common.ROOT.parent / "shared" / "hits" / "captured-requests.jsonl"
    options = common.arguments(__doc__ or "", seconds=10, quick=3, captured=default)
    rows = []
    for name in PARSERS:
        command = [sys.executable, __file__, name, str(options.captured)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        rows.append(json.loads(done.stdout) if not done.returncode else {"parser": name, "missing": True})
    common.table(
        ("parser", "us a query", "kB of the import"),
        [(row["parser"], row.get("us", "not installed"), row.get("resident_kb", "-")) for row in rows],
    )
    common.save(options, "hits_parsers", {"parsers": rows})


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in PARSERS:
        sys.path.insert(0, str(common.ROOT))
        child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
