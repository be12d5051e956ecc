"""The HTTP server of the simulator, on loopback by default.

This module owns connections, authentication, throttling and the faults of the connection. It forms no answer of an
operation; `answering` and `changes` do.

    /                POST or GET: the DBS API, version 2019-03-06
    /-/…             control requests, see `control`
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.changes import WRITES
from dbs_exporter.simulator.control import Limits, answer_control
from dbs_exporter.simulator.encoding import to_json, to_xml
from dbs_exporter.simulator.faults import (
    CONNECTION,
    PAGES,
    REFUSALS,
    SHAPES,
    Fault,
    Faults,
    refuse,
    reshape,
    throttled,
    with_wrong_page,
)
from dbs_exporter.simulator.replies import Answer, Refused
from dbs_exporter.simulator.signatures import Keys, verify
from dbs_exporter.simulator.world import World

VERSION = "2019-03-06"
BODY_LIMIT = 2**20
CHUNK = b"x" * 2**16


class Simulator:
    """A running simulator, until `close`.

    `requests` counts calls by operation, `refused` error answers by code.
    """

    def __init__(
        self,
        world: World,
        *,
        host: str,
        port: int,
        access_key_id: str,
        access_key_secret: str,
        faults: Iterable[Any],
        requests_per_second: Limits,
        retry_after: bool,
        clock: Callable[[], float],
    ) -> None:
        self.world = world
        self.clock = clock
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.keys = Keys()
        self.faults = Faults(faults, clock=clock, seed=world.seed)
        self.closing = threading.Event()
        self._limits = requests_per_second
        self._retry_after = retry_after
        self._recent: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()
        for number, account in enumerate(world.accounts, start=1):
            name = access_key_id if number == 1 else f"{access_key_id}{number}"
            self.keys.add(name, access_key_secret, account)
        handler = type("Handler", (_Handler,), {"simulator": self})
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = type("Server", (_Server,), {"address_family": family})
        self._server: ThreadingHTTPServer = server((host, port), handler)
        self.host, self.port = self._server.server_address[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def set_faults(self, faults: Any) -> None:
        """Replace all faults by a list of maps or faults. Raises ValueError if one is wrong."""
        self.faults.replace(list(faults))

    def set_limits(self, requests_per_second: Limits) -> None:
        """Set the limits that hold from now on. Raises ValueError for anything but `Limits`."""
        if not isinstance(requests_per_second, int | float | Mapping | None):
            raise ValueError("limits are a number, a map of operation to number, or null")
        with self._lock:
            self._limits = requests_per_second

    def close(self) -> None:
        """Stop serving, abandon slow answers and close all connections."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def count(self, operation: str) -> None:
        """Count a call of an operation."""
        with self._lock:
            self.requests[operation] += 1

    def throttle(self, account: str, operation: str) -> int | None:
        """Record a call; if it exceeds the limit, return the milliseconds until the next is allowed instead."""
        now = time.monotonic()
        with self._lock:
            limit = self._limits.get(operation) if isinstance(self._limits, Mapping) else self._limits
            if limit is None:
                return None
            recent = self._recent.setdefault((account, operation), deque())
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= limit:
                return 1 + int(1000 * (recent[0] + 1 - now)) if recent else 1000
            recent.append(now)
            return None

    def answer(self, account: str, operation: str, params: Mapping[str, str], faults: list[Fault]) -> Answer:
        """Return the answer of an operation, changed by the faults. Raises Refused."""
        for fault in faults:
            if fault.kind in REFUSALS:
                refuse(fault)
        wait_ms = self.throttle(account, operation)
        if wait_ms is not None:
            raise throttled(wait_ms if self._retry_after else 0)
        original_params = params
        for fault in faults:
            if fault.kind in PAGES:
                params = with_wrong_page(fault, params)
        if read := READS.get(operation):
            body = read(self.world, account, params)
        elif write := WRITES.get(operation):
            token = params.get("ClientToken", "")
            body = self.world.answer_once(
                account, operation, token, lambda: write(self.world, account, params)
            )
        else:
            raise Refused(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        answer: Answer = {"RequestId": str(uuid4()).upper(), "Success": True, "HttpStatusCode": 200, **body}
        for fault in faults:
            if fault.kind in SHAPES:
                answer = reshape(fault, operation, answer, self.requests[operation])
            elif fault.kind == "repeated_page" and "PageNum" in answer:
                answer["PageNum"] = int(original_params.get("PageNum") or 0)
        return answer

    def region_of(self, params: Mapping[str, str]) -> str:
        """Return the region that a request names, or else the region of its plan; "" if it names neither."""
        region = params.get("Region") or params.get("RegionId")
        spec = None if region else self.world.spec(params.get("BackupPlanId", ""))
        return region or (spec.region if spec else "")


def start_simulator(
    world: World | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    access_key_id: str = "testak",
    access_key_secret: str = "testsk",
    clock: Callable[[], float] | None = None,
    faults: Iterable[Any] = (),
    requests_per_second: Limits = None,
    retry_after: bool = False,
) -> Simulator:
    """Start a simulator of a world; port 0 takes a free one (see `port` and `url` of the result).

    The access key of the first account is `access_key_id`, the others have 2, 3, ... appended; all share the secret.
    `requests_per_second` throttles each operation of each account; with `retry_after`, a header says for how long. The times
    of signatures are checked against `clock`, by default the world's. Raises OSError if the address is in use, and ValueError
    for a wrong fault.
    """
    return Simulator(
        world or World(clock=clock or time.time),
        host=host,
        port=port,
        access_key_id=access_key_id,
        access_key_secret=access_key_secret,
        faults=faults,
        requests_per_second=requests_per_second,
        retry_after=retry_after,
        clock=clock or (world.clock if world is not None else time.time),
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        # Before the address is bound, because the base class closes the server if that fails.
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dbs-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    simulator: Simulator

    def log_message(self, *_: Any) -> None:
        """Log nothing; requests are counted instead."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= BODY_LIMIT:
            self.close_connection = True
            self._send(413, b"", "text/plain")
            return
        body = self.rfile.read(length) if length else b""
        address = urlsplit(self.path)
        if address.path.startswith("/-/"):
            query = dict(parse_qsl(address.query))
            status, content = answer_control(self.simulator, self.command, address.path, query, body)
            self._send(status, to_json(content), "application/json;charset=utf-8")
            return
        self._api(address.path, address.query, body)

    def _api(self, path: str, query_text: str, body: bytes) -> None:
        query = parse_qsl(query_text, keep_blank_values=True)
        form: list[tuple[str, str]] = []
        if body and "x-www-form-urlencoded" in self.headers.get("Content-Type", ""):
            form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        params = dict(query + form)
        headers = {name.lower(): value for name, value in self.headers.items()}
        operation = headers.get("x-acs-action") or params.get("Action", "")
        self.simulator.count(operation)
        version = headers.get("x-acs-version") or params.get("Version")
        xml = "x-acs-action" not in headers and params.get("Format", "XML").upper() != "JSON"
        faults: list[Fault] = []
        status, extra = 200, {}
        try:
            if path not in ("", "/"):
                raise Refused(404, "InvalidAction.NotFound", "Specified api is not found.")
            if self.command not in ("GET", "POST"):
                raise Refused(400, "UnsupportedHTTPMethod", "This http method is not supported.")
            if version != VERSION:
                raise Refused(404, "InvalidVersion", "Specified parameter Version is not valid.")
            account = verify(
                self.simulator.keys, self.command, query, form, headers, body, self.simulator.clock()
            )
            faults = self.simulator.faults.take_matching(
                operation, account, params.get("BackupPlanId", ""), self.simulator.region_of(params)
            )
            answer = self.simulator.answer(account, operation, params, faults)
        except Refused as refused:
            status, answer = refused.status, _error(refused)
            if refused.retry_after_ms:
                extra = {"x-acs-retry-after": str(refused.retry_after_ms)}
            with self.simulator._lock:
                self.simulator.refused[refused.code] += 1
        content = (
            to_xml(f"{operation}Response" if status == 200 else "Error", answer) if xml else to_json(answer)
        )
        kind = "text/xml;charset=utf-8" if xml else "application/json;charset=utf-8"
        for fault in faults:
            if fault.kind in CONNECTION and self._apply_fault(fault, status, content, kind):
                return
        self._send(status, content, kind, extra)

    def _apply_fault(self, fault: Fault, status: int, content: bytes, kind: str) -> bool:
        """Carry out a fault of the connection; return whether the request is thereby answered."""
        if fault.kind == "latency":
            self.simulator.closing.wait(fault.seconds)
            return False
        if fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return True
        if fault.kind in ("drip", "torn", "huge"):
            self.close_connection = True
            self._head(status, fault.bytes if fault.kind == "huge" else len(content), kind, {})
            for piece in self._pieces(fault, content):
                self.wfile.write(piece)
                self.wfile.flush()
        elif fault.kind == "not_json":
            self._send(200, b"{not json", "application/json")
        elif fault.kind == "html":
            self._send(502, b"<html><body>502 Bad Gateway</body></html>", "text/html")
        elif fault.kind == "unavailable":
            refused = Refused(503, "ServiceUnavailable", "The request has failed.")
            self._send(503, to_json(_error(refused)), "application/json")
        elif fault.kind == "redirect":
            target = f"http://127.0.0.1:{self.simulator.port}/-/healthy"
            self._send(302, b"", "text/plain", {"Location": target})
        return True

    def _pieces(self, fault: Fault, content: bytes) -> Iterator[bytes]:
        if fault.kind == "torn":
            yield content[: len(content) // 2]
        elif fault.kind == "huge":
            for at in range(0, fault.bytes, len(CHUNK)):
                yield CHUNK[: fault.bytes - at]
        else:
            for at in range(len(content)):
                yield content[at : at + 1]
                if self.simulator.closing.wait(fault.seconds / len(content)):
                    return

    def _head(self, status: int, length: int, kind: str, extra: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, content: bytes, kind: str, extra: dict[str, str] | None = None) -> None:
        self._head(status, len(content), kind, extra or {})
        self.wfile.write(content)


def _error(refused: Refused) -> Answer:
    request = str(uuid4()).upper()
    if refused.status == 200:
        return {
            "RequestId": request,
            "Success": False,
            "ErrCode": refused.code,
            "ErrMessage": refused.message,
            "HttpStatusCode": 400,
        }
    return {
        "RequestId": request,
        "HostId": "dbs-api.example.com",
        "Code": refused.code,
        "Message": refused.message,
    }
