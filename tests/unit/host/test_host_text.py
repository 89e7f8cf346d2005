"""What starting has mapped is given back, and everything works as before."""

from __future__ import annotations

import os
import subprocess
import sys

import media
import pytest

SCRIPT = """
import sys, threading
import av
from edge.host.text import give_back

def resident():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return tuple(int(fields[name].split()[0]) for name in ("RssFile", "RssAnon"))

def decoded():
    with av.open(sys.argv[1]) as container:
        return sum(bytes(frame.planes[0])[1000] for frame in container.decode(video=0))

def busy():
    while not over.is_set():
        seen.add(decoded())

before, seen, over = decoded(), set(), threading.Event()
give_back()
file_before, anon_before = resident()
work = threading.Thread(target=busy)
work.start()
given = [give_back() for _ in range(200)]
over.set()
work.join()
assert seen <= {before}, seen
give_back()
file_after, anon_after = resident()
print(min(given), file_before, file_after, anon_after - anon_before, decoded() == before)
"""


@pytest.mark.skipif(sys.maxsize < 2**32, reason="64-bit systems only")
def test_text_goes_and_comes_back_while_it_is_in_use() -> None:
    command = [sys.executable, "-c", SCRIPT, str(media.sample("small"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    given, file_before, file_after, grown, same = done.stdout.split()
    assert int(given) > 10 << 20
    assert int(file_after) < int(file_before) * 1.5  # it was given back just before, each time
    assert int(grown) < 8 << 10  # kB: decoding takes some; what was given back is not copied
    assert same == "True"


def test_a_process_maps_less_afterwards() -> None:
    lines = "import av; from edge.host.text import give_back\n"
    lines += "look = lambda: int(open('/proc/self/statm').read().split()[2])\n"  # pages of files
    lines += "before = look(); given = give_back(); print(before, look(), given)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=60, check=True)
    before, after, given = map(int, done.stdout.split())
    assert after < before * 0.7
    assert given > (before - after) * os.sysconf("SC_PAGE_SIZE")
