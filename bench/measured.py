"""A measurement as one row of a table: what, how much, what was wanted, and whether it was reached.

`python -m bench` collects the rows of all benchmarks into docs/performance.md.
"""

from __future__ import annotations

from pathlib import Path

MIB = 2**20


def row(what: str, measured: str, wanted: str = "", reached: bool | None = None) -> None:
    """Print a row; `wanted` is "" for what is only told."""
    verdict = "" if reached is None else "yes" if reached else "**no**"
    print(f"| {what} | {measured} | {wanted} | {verdict} |", flush=True)


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used so far, user and system (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_bytes(pid: int, *, peak: bool = False) -> int:
    """Resident memory of a process now, or the most it ever had (Linux)."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} tells no {name}")
