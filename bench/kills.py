"""State on disk under 200 kills at any moment: the test of a few, `tests/whole/test_kills.py`, at full length.

A real process, a busy simulated cloud and a real Prometheus. Usage: `python -m bench.kills [--kills 200]`. Needs prometheus.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from bench.measured import row

TEST = Path(__file__).resolve().parent.parent / "tests" / "whole" / "test_kills.py"


def main() -> int:
    """Print the row, and what the test said if it failed, with its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    kills = parser.parse_args().kills
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", "-p", "no:cacheprovider", str(TEST)],
        cwd=TEST.parent.parent.parent,
        env={**os.environ, "DBS_EXPORTER_TEST_KILLS": str(kills), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    seed = found[1] if (found := re.search(r"seed (\d+)", done.stdout)) else "unknown"
    fine = done.returncode == 0
    if not fine:
        print(done.stdout, done.stderr, sep="\n")
    row(
        f"{kills} kills, seed {seed}: counters that went back, were missing or wrong, also for Prometheus' `increase`",
        f"{'none' if fine else 'some'}, {time.monotonic() - began:.0f} s",
        "none",
        fine,
    )
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
