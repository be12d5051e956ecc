"""The HTTP side: requests in, signed answers out, on loopback unless asked otherwise.

It owns connections, authentication, throttling and the faults of the wire; what an operation says is `reads` and `writes`.

    /                POST or GET: the DBS API, version 2019-03-06
    /-/healthy       200
    /-/requests      how often each operation was asked, as JSON
    /-/faults        POST a list of faults; GET the kinds there are
    /-/incidents     POST a list of incident names; GET them with the plans they hit
    /-/plans/ID      DELETE a plan
    /-/credentials   a short-lived key with token, for credentials_uri
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from .answers import Answer, Refused
from .encoding import to_json, to_xml
from .faults import CONNECTION, KINDS, REFUSALS, SHAPES, Fault, Faults, refuse, reshape
from .reads import READS
from .signatures import Keys, verify
from .world import World
from .writes import WRITES

VERSION = "2019-03-06"
BODY_LIMIT = 2**20
TOKEN_SECONDS = 3600


class Simulator:
    """A running simulator; `close()` ends it. `requests` counts calls per operation, `denied` the refused ones."""

    def __init__(
        self,
        world: World,
        *,
        host: str,
        port: int,
        access_key_id: str,
        access_key_secret: str,
        faults: Iterable[Any],
        requests_per_second: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.world = world
        self.clock = clock
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.keys = Keys()
        self.faults = Faults(faults, seed=world.seed)
        self._limit = requests_per_second
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
        """Replace all faults."""
        self.faults.set(list(faults))

    def close(self) -> None:
        """Stop serving; open connections are cut."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def counted(self, operation: str) -> None:
        """Count a call."""
        with self._lock:
            self.requests[operation] += 1

    def throttled(self, account: str, operation: str) -> bool:
        """True if an account asks an operation more often than the simulator's limit allows."""
        if self._limit is None:
            return False
        now = time.monotonic()
        with self._lock:
            recent = self._recent.setdefault((account, operation), deque())
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= self._limit:
                return True
            recent.append(now)
            return False

    def answer(self, account: str, operation: str, params: dict[str, str], faults: list[Fault]) -> Answer:
        """What an operation says; raises Refused."""
        for fault in faults:
            if fault.kind in REFUSALS:
                refuse(fault)
        if self.throttled(account, operation):
            raise Refused(400, "Throttling.User", "Request was denied due to user flow control.")
        call = READS.get(operation) or WRITES.get(operation)
        if call is None:
            raise Refused(
                404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
            )
        if any(fault.kind == "ignore_page" for fault in faults):
            params = {**params, "PageNum": "0"}
        body = call(self.world, account, params)
        answer: Answer = {"RequestId": str(uuid4()).upper(), "Success": True, "HttpStatusCode": 200, **body}
        for fault in faults:
            if fault.kind in SHAPES:
                answer = reshape(fault, operation, answer, self.requests[operation])
        return answer


def start_simulator(
    world: World | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    access_key_id: str = "testak",
    access_key_secret: str = "testsk",
    clock: Callable[[], float] | None = None,
    faults: Iterable[Any] = (),
    requests_per_second: float | None = None,
) -> Simulator:
    """Serve a world; port 0 takes a free one (`.port`, `.url`).

    The first account's key is `access_key_id`, the next ones have 2, 3, ... behind it; all share the secret.
    `requests_per_second` throttles each operation of each account; signatures are held against `clock`, the world's unless given. Raises OSError if the address is taken.
    """
    return Simulator(
        world or World(clock=clock or time.time),
        host=host,
        port=port,
        access_key_id=access_key_id,
        access_key_secret=access_key_secret,
        faults=faults,
        requests_per_second=requests_per_second,
        clock=clock or (world.clock if world is not None else time.time),
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

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
            still = list(self._open)
        for one in still:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dbs-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    simulator: Simulator

    def log_message(self, *_: Any) -> None:
        """Requests are counted, not logged."""

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
            self._control(address.path, body)
            return
        self._api(address.query, body)

    def _api(self, query_text: str, body: bytes) -> None:
        query = parse_qsl(query_text, keep_blank_values=True)
        form: list[tuple[str, str]] = []
        if body and "x-www-form-urlencoded" in self.headers.get("Content-Type", ""):
            form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        params = dict(query + form)
        headers = {name.lower(): value for name, value in self.headers.items()}
        operation = headers.get("x-acs-action") or params.get("Action", "")
        self.simulator.counted(operation)
        version = headers.get("x-acs-version") or params.get("Version")
        xml = "x-acs-action" not in headers and params.get("Format", "XML").upper() != "JSON"
        faults: list[Fault] = []
        status, extra = 200, {}
        try:
            if version != VERSION:
                raise Refused(404, "InvalidVersion", "Specified parameter Version is not valid.")
            account = verify(
                self.simulator.keys, self.command, query, form, headers, body, self.simulator.clock()
            )
            faults = self.simulator.faults.matching(operation, account, params)
            answer = self.simulator.answer(account, operation, params, faults)
        except Refused as refused:
            status, answer = refused.status, _error(refused)
            if status != 200 and refused.code.startswith("Throttling"):
                retry = next((fault.retry_after_ms for fault in faults if fault.retry_after_ms), 0)
                extra = {"x-acs-retry-after": str(retry)} if retry else {}
            with self.simulator._lock:
                self.simulator.refused[refused.code] += 1
        content = (
            to_xml(f"{operation}Response" if status == 200 else "Error", answer) if xml else to_json(answer)
        )
        kind = "text/xml;charset=utf-8" if xml else "application/json;charset=utf-8"
        for fault in faults:
            if fault.kind in CONNECTION and self._disturbed(fault, content):
                return
        self._send(status, content, kind, extra)

    def _disturbed(self, fault: Fault, content: bytes) -> bool:
        """Carry out a fault of the connection; True if that was the answer."""
        if fault.kind == "latency":
            time.sleep(fault.seconds)
            return False
        if fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return True
        if fault.kind in ("drip", "torn"):
            self.close_connection = True
            self._head(200, len(content), "application/json;charset=utf-8", {})
            if fault.kind == "torn":
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                return True
            for place in range(len(content)):
                self.wfile.write(content[place : place + 1])
                self.wfile.flush()
                time.sleep(fault.seconds / max(1, len(content)))
            return True
        if fault.kind == "huge":
            self._send(200, b'{"Success":true,"Filler":"' + b"x" * fault.bytes + b'"}', "application/json")
        elif fault.kind == "not_json":
            self._send(200, b"{not json", "application/json")
        elif fault.kind == "html":
            self._send(502, b"<html><body>502 Bad Gateway</body></html>", "text/html")
        elif fault.kind == "unavailable":
            self._send(
                503,
                to_json(_error(Refused(503, "ServiceUnavailable", "The request has failed."))),
                "application/json",
            )
        elif fault.kind == "redirect":
            self._send(
                302, b"", "text/plain", {"Location": f"http://127.0.0.1:{self.simulator.port}/-/healthy"}
            )
        return True

    def _control(self, path: str, body: bytes) -> None:
        simulator, world = self.simulator, self.simulator.world
        try:
            given = json.loads(body) if body else None
            if path == "/-/healthy":
                self._json(200, {"healthy": True})
            elif path == "/-/requests":
                self._json(200, dict(simulator.requests))
            elif path == "/-/faults":
                if self.command == "POST":
                    simulator.set_faults(given if given is not None else [])
                self._json(200, {"kinds": KINDS})
            elif path == "/-/incidents":
                if self.command == "POST":
                    world.set_incidents(given if given is not None else [])
                self._json(200, {"holding": world.incidents, "plans": world.incident_plans})
            elif path.startswith("/-/plans/") and self.command == "DELETE":
                world.delete_plan(path.removeprefix("/-/plans/"))
                self._json(200, {"deleted": path.removeprefix("/-/plans/")})
            elif path == "/-/credentials":
                self._json(200, self._token())
            else:
                self._json(404, {"error": f"nothing at {path}"})
        except (ValueError, TypeError) as error:
            self._json(400, {"error": str(error)})
        except KeyError as error:
            self._json(404, {"error": f"no plan {error}"})

    def _token(self) -> Answer:
        token, key = uuid4().hex, f"STS.{uuid4().hex[:12]}"
        self.simulator.keys.add(key, "sts-secret", self.simulator.world.accounts[0], token)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.simulator.clock() + TOKEN_SECONDS))
        return {
            "Code": "Success",
            "AccessKeyId": key,
            "AccessKeySecret": "sts-secret",
            "SecurityToken": token,
            "Expiration": expires,
        }

    def _json(self, status: int, content: Any) -> None:
        self._send(status, to_json(content), "application/json;charset=utf-8")

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
