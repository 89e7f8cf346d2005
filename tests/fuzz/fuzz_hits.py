"""Coverage-guided fuzzing of the reader of hits, by hand: CI runs the same target under hypothesis (test_hits_fuzz).

    pip install atheris
    PYTHONPATH=tests/fuzz python tests/fuzz/fuzz_hits.py -max_len=4096 -max_total_time=600 CORPUS

CORPUS is a directory that keeps what was found. `--seed CORPUS` fills it with one request of each form, and ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

SEEDS = (
    b"idsite=1&rec=1&url=http%3A%2F%2Fa.example%2F%3Fa%3Db&action_name=a%20%C3%A9+b&_id=&send_image=0&token_auth=t",
    b"idsite=1&rec=1&cs=windows-1252&url=http%3A%2F%2Fa%2F%25E9\n\nlink=%E9&cdt=2026-11-24+14:00:00&cdo=30&cid=x",
    b"a[]=1&a.b=2&c%00=3&[d]=4&e[=5\nhttp://a.example/\nidgoal=0&ec_id=1&ec_items=[]",
    b'\n\n{"requests":["?idsite=1&rec=1&e_c=a&e_a=b","x"],"send_image":0,"token_auth":"t"}',
    b'\n\n{"requests":[{"idsite":1,"rec":true,"cdt":1.5,"ec_items":[["a"]],"x":null}]}',
)


def seed(corpus: Path) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(data)


def main() -> None:
    import atheris  # noqa: PLC0415 - not a dependency of the tests

    with atheris.instrument_imports(include=["edge.hits"]):
        import hits_target  # noqa: PLC0415 - instrumented as it is imported

    atheris.Setup(sys.argv, hits_target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seed"]:
        seed(Path(sys.argv[2]))
    else:
        main()
