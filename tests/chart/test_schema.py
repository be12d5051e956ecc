"""The schema of the chart's values: it knows what the exporter and Kubernetes know, and refuses what they would."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import CHART, helm, refused, template

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
KUBERNETES = "v1.37.0-local-strict"
KINDS = {
    "livenessProbe": "Probe", "readinessProbe": "Probe", "startupProbe": "Probe", "securityContext": "SecurityContext",
    "podSecurityContext": "PodSecurityContext", "tolerations": "Toleration", "hostAliases": "HostAlias",
    "topologySpreadConstraints": "TopologySpreadConstraint", "extraEnv": "EnvVar", "extraEnvFrom": "EnvFromSource",
    "extraVolumeMounts": "VolumeMount", "dnsConfig": "PodDNSConfig", "affinity": "Affinity",
}  # fmt: skip
"""Values that Kubernetes gets as they are, and what it calls them."""


def test_every_value_has_its_place_in_the_schema() -> None:
    """The schema and values.yaml have the same keys, at every depth that the chart itself reads."""
    others = {
        *KINDS,
        "config",
        "resources",
        "configReloader.resources",
        "drill.resources",
        "prometheusRule.thresholds",
    }

    def keys(values: Any, schema: Any, where: str) -> list[str]:
        if where.lstrip(".") in others or where.endswith(("tlsConfig", "basicAuth", "authorization")):
            return []
        known = schema.get("properties", {})
        if not known:
            return []
        wrong = [f"{where}.{key}" for key in (set(known) ^ set(values)) - {"enabled" if not where else ""}]
        return wrong + [
            at for key in set(known) & set(values) for at in keys(values[key], known[key], f"{where}.{key}")
        ]

    assert keys(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), SCHEMA, "") == []


@pytest.mark.parametrize("value", sorted(KINDS))
def test_what_kubernetes_gets_has_the_keys_that_it_knows(value: str) -> None:
    """Keys of probes, contexts, tolerations and the like are those of the newest Kubernetes, no more and no fewer."""
    validate = pytest.importorskip("kubernetes_validate")
    folder = Path(validate.__file__).parent / "kubernetes-json-schema" / KUBERNETES
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    known = definitions[f"io.k8s.api.core.v1.{KINDS[value]}"]["properties"]
    schema = SCHEMA["properties"][value]

    assert set(schema.get("items", schema)["properties"]) == set(known)


def account(**more: Any) -> Any:
    """Values with one account."""
    return {"config": {"accounts": [{"name": "a", "regions": "all", **more}]}}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"demo": True, "livenessProbe": {"periodSecond": 5}}, "periodSecond"),
        ({"demo": True, "readinessProbe": {"periodSeconds": "5s"}}, "readinessProbe.periodSeconds"),
        ({"demo": True, "securityContext": {"readOnlyRootFileSystem": True}}, "readOnlyRootFileSystem"),
        ({"demo": True, "podSecurityContext": {"runAsUser": "root"}}, "podSecurityContext.runAsUser"),
        ({"demo": True, "tolerations": [{"effect": "NoShedule"}]}, "tolerations.0.effect"),
        ({"demo": True, "extraEnv": [{"name": "A", "value": 1}]}, "extraEnv.0.value"),
        ({"demo": True, "extraEnv": {"A": "1"}}, "extraEnv"),
        ({"demo": True, "extraVolumeMounts": [{"name": "a", "path": "/a"}]}, "mountPath is required"),
        ({"demo": True, "extraContainers": [{"image": "a"}]}, "name is required"),
        (
            {"demo": True, "serviceMonitor": {"relabelings": [{"source_labels": ["a"]}]}},
            "source_labels is not allowed",
        ),
        (
            {"demo": True, "podMonitor": {"metricRelabelings": [{"action": "remove"}]}},
            "metricRelabelings.0.action",
        ),
        ({"demo": True, "serviceMonitor": {"tlsConfig": {"insecure": True}}}, "insecure is not allowed"),
        ({"demo": True, "podMonitor": {"tlsConfig": {"caFile": "/ca"}}}, "caFile is not allowed"),
        ({"demo": True, "serviceMonitor": {"basicAuth": {"username": "me"}}}, "basicAuth.username"),
        ({"demo": True, "hostAliases": [{"hostNames": ["a"]}]}, "hostNames"),
        (account(region="cn-hangzhou"), "region is not allowed"),
        (account(timeout=10), "timeout"),
        (account(concurrency="4"), "concurrency"),
        (account(network="private"), "network"),
        (account(credentials="key"), "credentials"),
        (account(credentials={"type": "access_key", "access_key_id": "a"}), "access_key_secret is required"),
        ({"config": {**account()["config"], "collectors": {"plan": {}}}}, "plan is not allowed"),
        ({"config": {**account()["config"], "objectives": [{"plans": ["*"], "rpo": "5 minutes"}]}}, "rpo"),
    ],
)
def test_typing_errors_are_found_before_the_pod_starts(values: Any, says: str) -> None:
    """A wrong key or type is told by helm, in what Kubernetes gets as well as in the exporter's own configuration."""
    assert says in refused(values)


def test_variables_may_stand_where_a_text_does() -> None:
    """${NAME} is no typing error: only the exporter knows what it becomes."""
    assert template(account(network="${NETWORK}", timeout="${TIMEOUT}", regions=["${REGION}"]))


def test_another_chart_may_depend_on_it(tmp_path: Path) -> None:
    """As a dependency with a condition, beside global values of others, it renders what its own values say."""
    umbrella = tmp_path / "umbrella"
    shutil.copytree(CHART, umbrella / "charts" / "dbs-exporter")
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    dependency = {"name": "dbs-exporter", "version": version, "condition": "dbs-exporter.enabled"}
    chart = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}
    (umbrella / "Chart.yaml").write_text(yaml.safe_dump(chart), encoding="utf-8")

    def rendered(enabled: bool) -> list[Any]:
        values = {"global": {"storageClass": "fast"}, "dbs-exporter": {"enabled": enabled, "demo": True}}
        done = subprocess.run(
            [helm(), "template", "rel", str(umbrella), "--kube-version", "1.31.0", "-f", "-"],
            input=yaml.safe_dump(values), capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    assert "Deployment" in {document["kind"] for document in rendered(True)}
    assert rendered(False) == []
