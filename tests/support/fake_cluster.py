"""As much of a Kubernetes API server as helm needs to install and upgrade: discovery, objects, and fields that never change."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.chart_upgrades import as_served, immutable

KINDS = {
    "v1": {
        "ConfigMap": "configmaps", "PersistentVolumeClaim": "persistentvolumeclaims", "Pod": "pods", "Secret": "secrets",
        "Service": "services", "ServiceAccount": "serviceaccounts",
    },
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "networking.k8s.io/v1": {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
}  # fmt: skip
OBJECT = re.compile(r"/(?:api/v1|apis/[^/]+/v1)/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?")
VERBS = ["create", "delete", "get", "list", "patch", "update"]


def _merged(old: Any, patch: Any) -> Any:
    """A merge patch applied; lists are replaced, and the directives of a strategic one left out."""
    if not isinstance(old, dict) or not isinstance(patch, dict):
        return patch
    kept = {key: value for key, value in patch.items() if not key.startswith("$")}
    made = {key: value for key, value in old.items() if key not in kept}
    return made | {key: _merged(old.get(key), value) for key, value in kept.items() if value is not None}


class FakeCluster:
    """The objects by (resource, name), all writes as (method, resource, name), and a kubeconfig that leads here."""

    def __init__(self, url: str, folder: Path) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.kubeconfig = folder / "kubeconfig"
        cluster = {"name": "fake", "cluster": {"server": url}}
        context = {"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "monitoring"}}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "fake", "clusters": [cluster], "contexts": [context],
            "users": [{"name": "fake", "user": {}}],
        }  # fmt: skip
        self.kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        self.kubeconfig.chmod(0o600)

    def names(self, resource: str) -> set[str]:
        """The names of all objects of one kind."""
        return {name for kind, name in self.objects if kind == resource}

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """The status and the object that answer a request."""
        path = urlsplit(target).path
        if method == "GET" and (found := self._discovery(path)) is not None:
            return 200, found
        match = OBJECT.fullmatch(path)
        if match is None:
            return 404, _status(404, path)
        resource, name = match[2], match[3] or ""
        if method == "GET" and not name:
            labels = dict(
                term.split("=") for term in parse_qs(urlsplit(target).query)["labelSelector"][0].split(",")
            )
            items = [
                item
                for (kind, _), item in self.objects.items()
                if kind == resource and labels.items() <= item["metadata"].get("labels", {}).items()
            ]
            return 200, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": items}
        if method == "POST":
            name = body["metadata"]["name"]
        known = self.objects.get((resource, name))
        if method != "GET":
            self.writes.append((method, resource, name))
        if (known is None) != (method == "POST"):
            return 409 if known else 404, _status(409 if known else 404, name)
        if method == "GET":
            return 200, known
        if method == "DELETE":
            return 200, self.objects.pop((resource, name))
        made = as_served(_merged(known or {}, body))
        if known and immutable(made) != immutable(known):
            return 422, _status(422, f"{resource} {name}: field is immutable")
        self.objects[resource, name] = made
        return 201 if method == "POST" else 200, made

    def _discovery(self, path: str) -> Any:
        if path == "/version":
            return {"major": "1", "minor": "31", "gitVersion": "v1.31.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = [
                {
                    "name": version.split("/")[0],
                    "versions": [{"groupVersion": version, "version": "v1"}],
                    "preferredVersion": {"groupVersion": version, "version": "v1"},
                }
                for version in KINDS
                if version != "v1"
            ]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version not in KINDS:
            return None
        resources = [
            {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": VERBS}
            for kind, name in KINDS[version].items()
        ]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": version,
            "resources": resources,
        }


def _status(code: int, message: str) -> Any:
    reason = {404: "NotFound", 409: "AlreadyExists", 422: "Invalid"}[code]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
        "message": message,
    }


@contextmanager
def fake_cluster(folder: Path) -> Iterator[FakeCluster]:
    """A cluster without anything in it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            status, answer = cluster.answer(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - as the library calls them

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    cluster = FakeCluster(f"http://127.0.0.1:{server.server_port}", folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
