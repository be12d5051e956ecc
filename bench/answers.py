"""A page of full backups from the wire to facts, against `json.loads` of the same bytes.

Everything is counted that one call costs the process: preparing, signing, HTTP, JSON, checks, facts. The server runs in
another process and gives prepared bytes. Prints CPU per page, user and system, and the ratio.
Usage: `python -m bench.answers [--records 90] [--pages 500]`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection

from bench.measured import row
from dbs_exporter.api.client import Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.clock import SystemClock
from dbs_exporter.facts.full_backups import read_full_backup
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.subjects import Scope

AT = 1_583_740_896_000


def answer(records: int) -> bytes:
    """The bytes of one page, as the API's documents show it, with the fields that its newer models add."""
    files = [
        {
            "BackupSetId": f"1ibh2f5u{number:04d}",
            "BackupStatus": "finish",
            "StorageMethod": "Standard",
            "CreateTime": AT + number,
            "StartTime": AT + number + 543_000,
            "EndTime": AT + number + 569_000,
            "FinishTime": AT + number + 570_000,
            "BackupSetExpiredTime": AT + number + 63_072_000_000,
            "BackupSize": 151_000_000 + number,
            "BackupObjects": '[{"DBName":"orders"}]',
            "SourceEndpointIpPort": "100.64.0.10:33204",
            "SourceEndpointInstanceId": "rm-bp1p8c29479jv8pxe",
            "SourceEndpointInstanceType": "rds",
            "SourceEndpointRegion": "cn-hangzhou",
            "ErrMessage": "NULL",
        }
        for number in range(records)
    ]
    whole = {
        "Success": True,
        "RequestId": "636BC118",
        "PageNum": 0,
        "PageSize": 100,
        "TotalElements": records,
    }
    return json.dumps(whole | {"Items": {"FullBackupFile": files}}).encode()


def serve(body: bytes, ready: Connection) -> None:
    """Give the same bytes to every request, in a process of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_port)
    server.serve_forever()


class _Key:
    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret="testsk")


def cpu_seconds(work: Callable[[], object], times: int) -> float:
    """CPU of this process for one run of `work`, user and system."""
    work()
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=90)
    parser.add_argument("--pages", type=int, default=500)
    given = parser.parse_args()
    body = answer(given.records)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(body, there), daemon=True)
    server.start()
    clock = SystemClock()
    client = Client(
        Scope(account="bench", region="cn-hangzhou"),
        f"http://127.0.0.1:{here.recv()}",
        _Key(),
        Pacer(1e9, 1, clock),
        clock,
        timeout=10.0,
    )

    def read() -> object:
        records = client.pages("DescribeFullBackupList", {"BackupPlanId": "dbs1"})
        return Reader(time.time()).each(records, read_full_backup)[0]

    try:
        whole = cpu_seconds(read, given.pages)
        parsed = cpu_seconds(lambda: json.loads(body), given.pages)
    finally:
        client.close()
        server.terminate()
        server.join()
    row(
        f"client to facts, a page of {given.records} records, {len(body) / 1024:.0f} KiB",
        f"{whole * 1e3:.3f} ms CPU",
    )
    row("`json.loads` of the same page", f"{parsed * 1e3:.3f} ms CPU")
    row("ratio", f"{whole / parsed:.1f}", "at most 4", whole <= 4 * parsed)


if __name__ == "__main__":
    main()
