"""Giving back may meet a library that another thread loads: that one waits for the lock of the dynamic loader and keeps
the GIL. Whoever holds that lock and wants the GIL then stands still for ever, and the loop with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import _ctypes, glob, os, threading
import av
from edge.host.text import give_back

def load():
    for path in glob.glob(os.path.dirname(os.__file__) + "/lib-dynload/*.so") * 3:
        try:
            _ctypes.dlclose(_ctypes.dlopen(path, os.RTLD_NOW))  # as an import of an extension module does
        except OSError:
            pass

thread = threading.Thread(target=load)
thread.start()
while thread.is_alive():
    assert give_back() > 0
"""


@pytest.mark.skipif(sys.maxsize < 2**32, reason="64-bit systems only")
def test_a_library_may_be_loaded_meanwhile() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
