"""`dbs-exporter healthcheck`: one question to this machine, and the exit code for a container."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from support.command_line import invoke

from dbs_exporter.cli.healthcheck import check_health
from dbs_exporter.errors import Unreachable


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = self.path == "/-/ready"
        known = self.path in ("/-/ready", "/-/healthy", "/dbs/-/healthy")
        self.send_response(503 if ready else 200 if known else 404)
        self.end_headers()
        self.wfile.write(b"not ready: plans of prod\n" if ready else b"healthy\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def health_port() -> Iterator[int]:
    """A server that is healthy and not ready."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_healthcheck_asks_this_machine(health_port: int) -> None:
    """0 if it serves, 4 if it does not or is not ready, and why."""
    good = invoke("healthcheck", f"--web.listen-address=:{health_port}")
    unready = invoke("healthcheck", f"--web.listen-address=127.0.0.1:{health_port}", "--ready")
    gone = invoke("healthcheck", "--web.listen-address=127.0.0.1:1", "--timeout=1s")

    assert (good.exit_code, good.output) == (0, "healthy\n")
    assert unready.exit_code == 4
    assert "/-/ready answers 503: not ready: plans of prod" in unready.output
    assert gone.exit_code == 4
    assert "no exporter answers on 127.0.0.1:1" in gone.output


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
def test_an_exporter_on_every_interface_is_asked_on_this_machine(health_port: int, host: str) -> None:
    """An address that only a listener can have is asked by loopback."""
    assert check_health(f"{host}:{health_port}", "/-/healthy", 10.0) == "healthy"


def test_a_prefix_is_put_before_the_path(health_port: int) -> None:
    """By the flags and variables that `run` has."""
    address = f"--web.listen-address=:{health_port}"

    assert invoke("healthcheck", address, "--web.route-prefix=/dbs/").exit_code == 0
    assert (
        invoke("healthcheck", address, DBS_EXPORTER_WEB_EXTERNAL_URL="https://x.example/dbs").exit_code == 0
    )
    assert invoke("healthcheck", address, "--web.route-prefix=/other").exit_code == 4


def test_who_is_not_ready_is_told_with_the_reason(health_port: int) -> None:
    """The answer's own words say what it waits for."""
    with pytest.raises(Unreachable, match="/-/ready answers 503: not ready: plans of prod"):
        check_health(f":{health_port}", "/-/ready", 10.0)
