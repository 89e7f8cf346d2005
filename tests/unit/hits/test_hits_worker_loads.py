"""A worker that only counts hits loads nothing of video, and nothing else that it does without."""

import subprocess
import sys

# libcrypto alone, which hashlib brings, is 3.3 MB resident.
UNWANTED = {
    "av", "ssl", "hashlib", "_hashlib", "argparse", "email", "http.server", "urllib.request", "tempfile", "shutil",
    "ast", "zoneinfo", "rich", "json", "csv", "pathlib",
}  # fmt: skip


def test_what_a_collector_loads():
    script = f"""
import sys
from edge.cli import run
run._uvloop()
import edge.app, edge.config.load, edge.hits.service
print(sorted({UNWANTED!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
