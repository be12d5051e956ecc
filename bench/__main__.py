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

- **A poll's CPU**: from the wire to facts costs some eight times `json.loads` here; judging and rendering nearly double that. With the
  calls that a region is allowed it is a few per cent of a core.
- **Memory with fewer series**: what is known of a plan stays in memory whatever is exported of it. What rules need is far below the bound;
  with what boards need too, it was 237 MiB on a calmer machine.
- **Scrapes without gzip**: pages are kept compressed alone, which halves the memory of a large fleet; who does not accept gzip has them
  inflated for each scrape. Prometheus accepts it.
- **A restart with 10,000 plans** shows everything after 8 seconds of CPU, and these were 13 on a clock.
- **p99 while polling**: requests wait for the interpreter's lock behind threads that read.
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
