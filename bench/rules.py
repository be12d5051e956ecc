"""What the rules cost a Prometheus: all groups over a large fleet, against scraping that fleet's page.

The page is that of a simulated fleet with every incident, served as it is; Prometheus scrapes and evaluates it a few times.
Usage: `python -m bench.rules [--plans 10000]`. Needs prometheus.
"""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.measured import row
from dashboards.preview.history import Past
from dashboards.preview.servers import configuration, prometheus
from dbs_exporter.cli.demo import demo_config
from dbs_exporter.conditions.algebra import STATES
from dbs_exporter.config.load import parse_config

INTERVAL_SECONDS = 60
EVALUATIONS = 3
PATIENCE_SECONDS = 900.0
MOST_OF_THE_INTERVAL = 3 / INTERVAL_SECONDS


def page(plans: int) -> tuple[bytes, int]:
    """The fleet's page as text, compressed, and how many series it has."""
    # Read once and never again: with these intervals the facts stay fresh.
    config = re.sub(r"\{interval: \w+", "{interval: 6h", demo_config("http://127.0.0.1:1"))
    now = time.time()
    past = Past(parse_config(config, environ={}), seed=1, plans=plans, anchor=now, labels='from="bench"')
    try:
        # Without the time of each sample; Prometheus gives its own.
        lines = [line.rpartition(" ")[0] for line in past.samples_at(now)]
    finally:
        past.close()
    text = "\n".join(lines).replace('from="bench",', "").replace('{from="bench"}', "") + "\n"
    return gzip.compress(text.encode(), 1), len(lines)


@contextmanager
def served(body: bytes) -> Iterator[str]:
    """The `host:port` of a server that answers everything with this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=10_000)
    plans = parser.parse_args().plans
    body, count = page(plans)
    with tempfile.TemporaryDirectory() as folder, served(body) as address:
        config = configuration((address,), interval_seconds=INTERVAL_SECONDS)
        with prometheus(Path(folder), config) as server:
            evaluations: list[float] = []
            last = ""
            until = time.monotonic() + PATIENCE_SECONDS
            while len(evaluations) < EVALUATIONS and time.monotonic() < until:
                groups = server.ask("rules")["groups"]
                seen = max(group["lastEvaluation"] for group in groups)
                recorded = server.ask("query", query="count(plan:dbs_protection:state)")["result"]
                if recorded and seen != last and server.ask("query", query="up")["result"]:
                    evaluations.append(sum(group["evaluationTime"] for group in groups))
                    last = seen
                time.sleep(INTERVAL_SECONDS / 2)
            # The least: the first one also makes the series.
            scrapes = server.ask("query", query="min_over_time(scrape_duration_seconds[10m])")["result"]
            scrape = float(scrapes[0]["value"][1])
            states = float(recorded[0]["value"][1])
            made = float(server.ask("query", query='count({__name__=~".+:dbs_.+"})')["result"][0]["value"][1])
            slowest = sorted(
                ((rule["evaluationTime"], rule["name"]) for group in groups for rule in group["rules"]),
                reverse=True,
            )
    if len(evaluations) < EVALUATIONS or states != len(STATES) * plans:
        raise SystemExit(
            f"the rules saw {states:g} states of {plans} plans in {len(evaluations)} evaluations"
        )
    each = statistics.median(evaluations)
    row(
        f"All rules over {plans:,} plans ({count:,} series), one evaluation : a minute's interval",
        f"{each / INTERVAL_SECONDS:.3f} ({each:.1f} s; a scrape of the page {scrape:.1f} s)",
        f"<= {MOST_OF_THE_INTERVAL:g}",
        each / INTERVAL_SECONDS <= MOST_OF_THE_INTERVAL,
    )
    print(f"series per plan: {count / plans:.1f} scraped, {made / plans:.1f} recorded", file=sys.stderr)
    for seconds, name in slowest[:10]:
        print(f"{seconds:6.2f} s  {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
