"""Run every benchmark and write their rows to docs/performance.md: `python -m bench [NAME ...]`.

Each benchmark is a process of its own, one after the other; what one prints as a row of a table is collected.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
NOT_BENCHMARKS = ("__main__", "exporter", "measured", "proof", "clocks")
HEAD = """# Performance

Made by `make bench`. Each number that was promised is a ratio against something measured in the same run, on the same machine, so
that it means something on another one; times and rates depend on the machine. Here: {machine}.

What is not reached, and why, as far as it is known:

- **A poll's CPU**: the client alone comes to some three times `json.loads`; condensing, the store and rendering nearly double that.
- **Memory of 10,000 plans**: the bound was set for about 80 series a plan; the simulated fleet has 136, and the text of each line is
  kept once, with its compressed form. What is held after the first poll is told beside the most that was ever held.
- **p99 while polling**: requests wait for the interpreter's lock behind threads that read. Shorter and longer switch intervals did
  not help when they were tried; a process of its own for the web would.
- **100,000 series, gzip**: ratios from 0.50 to 1.68 were seen in different runs; at 0.2 ms it is the fixed cost of a request.
"""


def machine() -> str:
    """The processor, how many there are, and the Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{os.cpu_count()} x {(names or [platform.machine()])[0]}, {platform.system()}, Python {platform.python_version()}"


def rows_of(name: str) -> list[str]:
    """The rows that a benchmark prints; its lines are shown as they come. Raises SystemExit if it fails."""
    rows = []
    command = [sys.executable, "-m", f"bench.{name}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if line.startswith("| "):
                rows.append(line.strip())
    if running.returncode:
        raise SystemExit(f"bench.{name} failed")
    return rows


def main(names: list[str]) -> int:
    """Run some or all; only a run of all writes the page."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if path.stem not in NOT_BENCHMARKS)
    if wrong := [name for name in names if name not in known]:
        raise SystemExit(f"no such benchmark: {', '.join(wrong)}; there are {', '.join(known)}")
    sections = []
    for name in names or known:
        print(f"\n== {name}", flush=True)
        said = (
            (ROOT / "bench" / f"{name}.py").read_text(encoding="utf-8").removeprefix('"""').partition("\n")[0]
        )
        table = "\n".join(
            ["| what | measured | wanted | reached |", "| --- | --- | --- | --- |", *rows_of(name)]
        )
        sections.append(f"## {said.rstrip('.')}\n\n`python -m bench.{name}`\n\n{table}\n")
    if not names:
        PAGE.write_text("\n".join([HEAD.format(machine=machine()), *sections]), encoding="utf-8")
        print(f"\n{PAGE.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
