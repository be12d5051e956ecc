"""Upgrades of the Helm chart: what a cluster never lets one change, and what is in a cluster already."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from support.chart_rendering import CHART

WORKLOADS = ("Deployment", "StatefulSet")
KEPT: dict[str, Any] = {"enabled": True}
PLACES: dict[str, dict[str, Any]] = {
    "one": {},
    "one-kept": {"persistence": KEPT},
    "one-existing": {"persistence": {**KEPT, "existingClaim": "mine"}},
    "two": {"shards": 2},
    "two-kept": {"shards": 2, "persistence": KEPT},
    "three": {"shards": 3},
    "three-kept": {"shards": 3, "persistence": KEPT},
}
"""What a user may switch between, as often as they like."""
MUTABLE = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}
"""All of a StatefulSet's spec that Kubernetes lets an update change; the history's limit joined only after 1.31."""


def immutable(document: dict[str, Any]) -> Any:
    """What of an object a cluster never lets an upgrade change."""
    spec = document.get("spec", {})
    match document["kind"]:
        case "StatefulSet":
            return {key: value for key, value in spec.items() if key not in MUTABLE}
        case "Deployment":
            return spec["selector"]
        case "PersistentVolumeClaim":
            return spec
        case "Service":
            # Its loadBalancerClass may change together with its type.
            return [spec.get("clusterIP"), spec.get("ipFamilies", ["IPv4"])[0]]
        case "Secret" | "ConfigMap":
            return [document.get("immutable"), document.get("type")]
        case _:
            return None


def as_served(document: dict[str, Any]) -> dict[str, Any]:
    """An object as an API server shows it: with what it fills in."""
    made = copy.deepcopy(document)
    spec = made.get("spec", {})
    if spec.get("type") == "LoadBalancer":
        # Some clouds set one, which no value asks for.
        spec |= {"loadBalancerClass": spec.get("loadBalancerClass", "cloud")}
    if made["kind"] == "Service" and spec.get("clusterIP") is None:
        spec |= {"clusterIP": "10.0.0.9", "ipFamilies": spec.get("ipFamilies", ["IPv4"])}
    for claim in [spec] if made["kind"] == "PersistentVolumeClaim" else []:
        claim |= {"storageClassName": claim.get("storageClassName", "usual"), "volumeMode": "Filesystem"}
    for template in spec.get("volumeClaimTemplates", []):
        template["spec"] |= {"volumeMode": "Filesystem"}
    return made


def chart_beside(existing: list[dict[str, Any]], folder: Path) -> Path:
    """A copy of the chart that is rendered as if these objects were in the cluster."""
    chart = folder / "dbs-exporter"
    if not chart.is_dir():
        shutil.copytree(CHART, chart)
    source = (CHART / "templates" / "_changes.tpl").read_text(encoding="utf-8")
    asked = "{{- lookup .apiVersion .kind .namespace .name | toJson -}}"
    assert source.count(asked) == 1
    answers = ""
    for document in existing:
        if document["kind"] in {"Service", "StatefulSet", "PersistentVolumeClaim"}:
            of = {key: document["metadata"][key] for key in ("namespace", "name")}
            of |= {key: document[key] for key in ("kind", "apiVersion")}
            asks = " ".join(f'(eq .{key} "{value}")' for key, value in of.items())
            answers += "{{- if and " + asks + " -}}" + json.dumps(as_served(document)) + "{{- end -}}"
    # Nothing is what `lookup` returns for an object that is not there.
    (chart / "templates" / "_changes.tpl").write_text(
        source.replace(asked, answers),
        encoding="utf-8",
    )
    return chart
