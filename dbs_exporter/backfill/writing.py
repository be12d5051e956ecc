"""Day files of OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`.

One file for each day: promtool passes over the whole file once for each block of two hours. A file has its name only once it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from dbs_exporter.backfill.plan_past import FAMILIES, PlanPast, segments
from dbs_exporter.metrics.text import escaped_label

DAY_SECONDS = 86_400.0


def days(begin: float, end: float, step: float) -> Iterator[tuple[str, list[float]]]:
    """Yield (file name, steps) of each day in UTC; the steps are multiples of `step` from `begin` to before `end`, in Unix seconds."""
    at = -(-begin // step) * step
    while at < end:
        midnight = (at // DAY_SECONDS + 1) * DAY_SECONDS
        count = int(-(-(min(midnight, end) - at) // step))
        yield f"history-{datetime.fromtimestamp(at, UTC):%Y-%m-%d}.om", [at + step * i for i in range(count)]
        at += count * step


def write_day(
    path: Path, pasts: Sequence[PlanPast], steps: Sequence[float], labels: Mapping[str, str]
) -> int:
    """Write the file of a day and return its samples; `labels` are those that a scrape would add."""
    times = [f"{at:.0f}" for at in steps]
    added = "".join(f'{name}="{escaped_label(value)}",' for name, value in labels.items()).encode()
    plans = [segments(past, steps) for past in pasts]
    count = 0
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        for place, family in enumerate(FAMILIES):
            file.write(family.header(openmetrics=True))
            for found in plans:
                series: dict[bytes, list[bytes]] = {}
                for (first, lines), (end, _) in pairwise((*found, (len(times), ()))):
                    for line in lines[place].splitlines():
                        name, value = line.rsplit(b" ", 1)
                        head = name.replace(b"{", b"{" + added, 1) + b" " + value + b" "
                        stamps = [head + at.encode() + b"\n" for at in times[first:end]]
                        series.setdefault(name, []).extend(stamps)
                for samples in series.values():
                    count += len(samples)
                    file.writelines(samples)
        file.write(b"# EOF\n")
    unfinished.replace(path)
    return count
