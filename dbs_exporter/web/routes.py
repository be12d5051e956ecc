"""The routes: what each path answers.

`create_app` builds the ASGI application that `web.server` serves. The metrics are bytes that `metrics.exposition` has
prepared; nothing here waits for a poll, calls the API or renders a metric.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dbs_exporter.clock import Clock
from dbs_exporter.errors import DbsExporterError
from dbs_exporter.web.negotiation import wants_gzip, wants_openmetrics
from dbs_exporter.web.page.overview import Snapshot
from dbs_exporter.web.page.rendering import Renderer
from dbs_exporter.web.pages import Pages
from dbs_exporter.web.prepared import Answers

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_BARE_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_METRICS_IDENTITY = ((b"vary", b"accept, accept-encoding"), *_SECURITY, _BARE_POLICY)
_METRICS_GZIP = ((b"content-encoding", b"gzip"), *_METRICS_IDENTITY)


class MetricsPage(Protocol):
    """A complete metrics page in one format; the lengths are those of all chunks together, in bytes."""

    @property
    def content_type(self) -> str:
        """The media type, with version and charset."""
        ...

    @property
    def identity(self) -> Iterable[bytes]:
        """The uncompressed page, in chunks that are made one by one."""
        ...

    @property
    def gzip(self) -> Sequence[bytes]:
        """The page as gzip, in chunks."""
        ...

    @property
    def identity_length(self) -> int:
        """The length of `identity` in bytes."""
        ...

    @property
    def gzip_length(self) -> int:
        """The length of `gzip` in bytes."""
        ...


class MetricsPages(Protocol):
    """The source of metrics pages (`metrics.exposition.Exposition`)."""

    def page(self, *, openmetrics: bool) -> MetricsPage:
        """Return the page last published; never waits."""
        ...


def create_app(
    *,
    exposition: MetricsPages,
    snapshot: Callable[[], Snapshot],
    missing: Callable[[], Sequence[str]],
    clock: Clock,
    telemetry_path: str = "/metrics",
    route_prefix: str = "",
    reload: Callable[[], None] | None = None,
    links: Iterable[tuple[str, str]] = (),
    grafana: str = "",
) -> ASGIApp:
    """Return the ASGI application with all routes.

    `snapshot` returns what the status page shows; it is called in a worker thread. `missing` returns what readiness waits
    for, one sentence each, and nothing once the exporter is ready. POST /-/reload calls `reload` in a worker thread and
    answers with the DbsExporterError that it raises; if it is None, the request is refused. `links` are (text, address) for
    the foot of the status page. Everything is served below `route_prefix`, a path without a slash at its end; all links
    are relative, so that a proxy may put another path in front or take it away.
    """
    pages = Pages(
        Answers(snapshot, clock=clock),
        Renderer(telemetry_path=telemetry_path, links=tuple(links), grafana=grafana),
    )

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def ready(_: Request) -> Response:
        reasons = list(missing())
        if not reasons:
            return PlainTextResponse("ready\n")
        lines = "".join(f"{reason}\n" for reason in reasons)
        return PlainTextResponse(f"not ready:\n{lines}", status_code=503)

    async def reloaded(request: Request) -> Response:
        if reload is None:
            return PlainTextResponse(
                "Reloading over HTTP is off; --web.enable-lifecycle allows it.\n", status_code=403
            )
        if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("A page of another site may not reload the exporter.\n", status_code=403)
        try:
            reloading = asyncio.get_running_loop().run_in_executor(None, reload)
        except RuntimeError:
            return PlainTextResponse("The system gives no thread to wait in.\n", status_code=503)
        try:
            await reloading
        except DbsExporterError as error:
            return PlainTextResponse(f"not reloaded:\n{error}\n", status_code=500)
        return PlainTextResponse("reloaded\n")

    metrics = Metrics(exposition)
    app = Starlette(
        routes=[
            Route(telemetry_path, metrics, methods=["GET"]),
            Route("/", pages.overview, methods=["GET"]),
            Route("/plans/{account}/{region}/{plan_id}", pages.plan, methods=["GET"]),
            Route("/api/v1/plans", pages.plans_as_json, methods=["GET"]),
            Route("/api/v1/plans/{account}/{region}/{plan_id}", pages.plan_as_json, methods=["GET"]),
            Route("/api/v1/gateways", pages.gateways_as_json, methods=["GET"]),
            Route("/api/v1/status", pages.status_as_json, methods=["GET"]),
            Route("/-/healthy", healthy, methods=["GET"]),
            Route("/-/ready", ready, methods=["GET"]),
            Route("/-/reload", reloaded, methods=["POST", "PUT"]),
        ],
    )
    app.router.redirect_slashes = False
    others = _with_security_headers(app)

    metrics_path = route_prefix + telemetry_path

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        # Starlette's routing and middleware would be a third of the cost of a scrape.
        if path == metrics_path and scope["method"] in ("GET", "HEAD"):
            await metrics(scope, receive, send)
        elif not route_prefix:
            await others(scope, receive, send)
        elif path.startswith(f"{route_prefix}/"):
            inner = path.removeprefix(route_prefix)
            await others({**scope, "path": inner, "raw_path": inner.encode()}, receive, send)
        elif path in ("/", route_prefix) and scope["method"] in ("GET", "HEAD"):
            target = route_prefix[1:] if path == "/" else route_prefix.rpartition("/")[2]
            redirect = Response(status_code=302, headers={"location": f"./{quote(target)}/"})
            await _with_security_headers(redirect)(scope, receive, send)
        else:
            await _with_security_headers(PlainTextResponse("Not Found", 404))(scope, receive, send)

    return routed


class Metrics:
    """Serves the telemetry path: the last published page, chunk by chunk."""

    def __init__(self, exposition: MetricsPages) -> None:
        self._exposition = exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer a GET or HEAD request."""
        page = self._exposition.page(openmetrics=wants_openmetrics(_header(scope, b"accept")))
        compressed = wants_gzip(_header(scope, b"accept-encoding"))
        headers = [
            (b"content-type", page.content_type.encode("latin-1")),
            (b"content-length", b"%d" % (page.gzip_length if compressed else page.identity_length)),
            *(_METRICS_GZIP if compressed else _METRICS_IDENTITY),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif compressed:
            for chunk in page.gzip[:-1]:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": page.gzip[-1] if page.gzip else b""})
        else:
            for chunk in page.identity:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # Each chunk has to be inflated; others get their turn in between.
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, name: bytes) -> bytes:
    """Return all values of a header, joined as RFC 9110, 5.3 defines."""
    return b",".join(value for key, value in scope["headers"] if key == name)


def _with_security_headers(app: ASGIApp) -> ASGIApp:
    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                has_policy = any(name == _BARE_POLICY[0] for name, _ in headers)
                message["headers"] = [*headers, *_SECURITY, *(() if has_policy else (_BARE_POLICY,))]
            await send(message)

        await app(scope, receive, send_secured)

    return secured
