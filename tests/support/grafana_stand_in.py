"""A stand-in for Grafana's server, run in a container: it reads the provisioning from Grafana's places and answers on Grafana's paths.

Of Grafana it owns only this: which boards the provisioned folders hold, in which folder they are shown, which board is home, and
that a query to a data source goes to the address provisioned for it. It draws nothing. It ends at once where Grafana would log an
error: a file that is no board, a uid used twice, a place that it must write to and cannot.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

PROVISIONING = Path("/etc/grafana/provisioning")


def provisioned(kind: str) -> Iterator[dict[str, Any]]:
    """The documents of one kind of provisioning."""
    files = sorted((PROVISIONING / kind).glob("*.y*ml"))
    assert files, f"no provisioning of {kind}"
    for path in files:
        yield yaml.safe_load(path.read_text(encoding="utf-8"))


def boards() -> Iterator[tuple[str, dict[str, Any]]]:
    """(folder, board) for every JSON file below the providers' paths, at any depth, as Grafana looks for them."""
    for provider in (
        provider for document in provisioned("dashboards") for provider in document["providers"]
    ):
        found = sorted(Path(provider["options"]["path"]).rglob("*.json"))
        assert found, f"no boards in {provider['options']['path']}"
        for path in found:
            board = json.loads(path.read_text(encoding="utf-8"))
            assert board.get("title"), f"{path} is no board"
            yield provider["folder"], board


class Server(ThreadingHTTPServer):
    """What was provisioned, read once."""

    def __init__(self, port: int) -> None:
        self.boards = {board["uid"]: (folder, board) for folder, board in boards()}
        assert len(self.boards) == len(list(boards())), "a uid is used twice"
        home = Path(os.environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
        self.home = json.loads(home.read_text(encoding="utf-8"))
        self.sources = {
            source["uid"]: source["url"]
            for document in provisioned("datasources")
            for source in document["datasources"]
        }
        super().__init__(("", port), Answer)


class Answer(BaseHTTPRequestHandler):
    """Grafana's paths, as far as they are known here."""

    server: Server

    def do_GET(self) -> None:
        self._answer(self.path)

    def _answer(self, path: str) -> None:
        body: Any
        if path == "/api/health":
            body = {"database": "ok"}
        elif path.startswith("/api/search"):
            body = [
                {"uid": uid, "title": board["title"], "folderTitle": folder}
                for uid, (folder, board) in self.server.boards.items()
            ]
        elif path == "/api/dashboards/home":
            body = {"dashboard": self.server.home}
        elif path.startswith("/api/datasources/proxy/uid/"):
            uid, _, asked = path.removeprefix("/api/datasources/proxy/uid/").partition("/")
            with urllib.request.urlopen(f"{self.server.sources[uid]}/{asked}", timeout=10) as response:
                body = json.load(response)
        else:
            self.send_error(404)
            return
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # process 1 has no other way to end on it
    for place in ("/var/lib/grafana", "/tmp"):
        (Path(place) / "written").write_text("by the stand-in\n", encoding="utf-8")
    Server(3000).serve_forever()
