"""What uvloop and httptools bring: the same /metrics by each event loop and each HTTP protocol of uvicorn, in turns.

The application is the exporter's. Its own server has limits on connections; the other four are uvicorn's, without them, each in a
process of its own. nginx serves the same bytes as a file.
Usage: `python -m bench.wire [--rounds 1000]`. Needs nginx.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.measured import MIB, cpu_seconds, row
from bench.scrape import Scraper, nginx, quantiles, series_of_a_plan, web_side

SIDES = (None, ("uvloop", "httptools"), ("asyncio", "httptools"), ("uvloop", "h11"), ("asyncio", "h11"))
"""(loop, protocol); None is the exporter's own server, with its limits."""


def compare(series_wanted: int, rounds: int) -> None:
    """Scrape all servers and nginx in turns, as Prometheus does with gzip, and print the p50 of each, its ratio to nginx, and the CPU of a scrape."""
    plans = -(-series_wanted // series_of_a_plan())
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        served = {side: stack.enter_context(web_side(plans, folder, side)) for side in SIDES}
        file_port = stack.enter_context(nginx(folder))
        scrapers = {side: Scraper(port, "/metrics", coding="gzip") for side, (port, _, _) in served.items()}
        file = Scraper(file_port, "/gzip", coding="gzip")
        turns = [*scrapers.values(), file]
        taken: dict[Scraper, list[float]] = {scraper: [] for scraper in turns}
        used = {side: cpu_seconds(process) for side, (_, _, process) in served.items()}
        size = 0
        for number in range(rounds + 10):
            for scraper in turns[number % len(turns) :] + turns[: number % len(turns)]:
                seconds, size = scraper.scrape()
                if number >= 10:
                    taken[scraper].append(seconds)
        theirs = quantiles(taken[file])
        for side, scraper in scrapers.items():
            ours = quantiles(taken[scraper])
            cpu = (cpu_seconds(served[side][2]) - used[side]) * 1000 / (rounds + 10)
            name = "the exporter's server" if side is None else " and ".join(side)
            row(
                f"{served[side][1]:,} series, gzip, {size / MIB:.2f} MiB: {name}",
                f"{ours[0]:.2f} ms, {ours[0] / theirs[0]:.2f} times nginx; CPU {cpu:.2f} ms",
                "at most 1.2 times" if side is None else "",
                ours[0] <= 1.2 * theirs[0] if side is None else None,
            )
            scraper.close()
        file.close()


def main() -> None:
    """Run the benchmark and print its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    arguments = parser.parse_args()
    for series in (10_000, 100_000, 400_000):
        compare(series, arguments.rounds)


if __name__ == "__main__":
    main()
