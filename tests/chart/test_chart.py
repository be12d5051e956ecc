"""The Helm chart, rendered by the real helm and checked against Kubernetes' own schemas."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import (
    CHART,
    NODE_TOOLS,
    ROOT,
    WAYS,
    container,
    missing,
    one,
    pod,
    refused,
    template,
    ways,
)

KUBERNETES = ("1.27", "1.33", "1.37")
"""The oldest that the chart takes, one between, and the newest whose schemas are known."""
CUSTOM = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "HTTPRoute"}
OF_OTHERS = {"GrafanaDashboard", "VerticalPodAutoscaler", "ExternalSecret", "Certificate"}
WITH_CUSTOM = ("operator", "everything", "mesh", "tls", "client-certificates")
HELM4 = ROOT / ".tools" / "helm4"


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_use_is_valid_kubernetes(way: str) -> None:
    """Each object of each ci/*.yaml passes the strict schema of old and new Kubernetes."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    unknown = set()
    for kubernetes in KUBERNETES:
        for document in template(ways(way), kubernetes=kubernetes):
            try:
                kubernetes_validate.validate(document, kubernetes, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                unknown.add(document["kind"])

    assert unknown <= CUSTOM | OF_OTHERS


def test_there_is_a_file_for_each_kind_of_cluster() -> None:
    """A way of use that users ask about has its values, rendered by all the tests of this folder."""
    assert {
        "client-certificates", "ecs-role", "external-secrets", "ingress-path", "mesh", "openshift", "operator", "persistence",
        "proxy", "quota", "reload", "rrsa", "shards", "templated", "tls", "vault", "vault-token",
    } <= set(WAYS)  # fmt: skip


def test_custom_resources_pass_their_own_schemas() -> None:
    """Monitors, rules and routes are accepted by the schemas of their custom resource definitions."""
    if shutil.which("node") is None or not (NODE_TOOLS / "@kubernetes-models").is_dir():
        missing("the custom resources' schemas (tests/node)")
    documents = [
        document for way in WITH_CUSTOM for document in template(ways(way)) if document["kind"] in CUSTOM
    ]
    done = subprocess.run(
        ["node", "validate.mjs"], cwd=NODE_TOOLS.parent, input="\n".join(json.dumps(document) for document in documents),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert documents
    assert done.stdout == ""


# No schema can be had here for two of them, and those of the others let unknown fields pass; documented ones stand in.
SCRAPED = {
    "port", "path", "interval", "scrapeTimeout", "honorLabels", "scheme", "tlsConfig", "basicAuth", "authorization",
    "proxyUrl", "relabelings", "metricRelabelings", "followRedirects", "honorTimestamps",
}  # fmt: skip
MONITORS = {
    "jobLabel", "sampleLimit", "targetLimit", "labelLimit", "namespaceSelector", "selector", "scrapeClass", "attachMetadata",
    "podTargetLabels",
}  # fmt: skip
KNOWN_FIELDS = {
    "ServiceMonitor": {*MONITORS, "targetLabels", "endpoints"},
    "PodMonitor": {*MONITORS, "podMetricsEndpoints"},
    "PrometheusRule": {"groups"},
    "HTTPRoute": {"parentRefs", "hostnames", "rules"},
    "GrafanaDashboard": {"folder", "resyncPeriod", "instanceSelector", "allowCrossNamespaceImport", "json"},
    "VerticalPodAutoscaler": {"targetRef", "updatePolicy", "resourcePolicy"},
}
API_VERSIONS = {
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "GrafanaDashboard": "grafana.integreatly.org/v1beta1",
    "VerticalPodAutoscaler": "autoscaling.k8s.io/v1",
}


@pytest.mark.parametrize("way", WITH_CUSTOM)
def test_custom_resources_use_known_fields(way: str) -> None:
    """Each custom resource has the documented version and no other field than documented ones."""
    found = [document for document in template(ways(way)) if document["kind"] in KNOWN_FIELDS]

    assert found
    for document in found:
        assert document["apiVersion"] == API_VERSIONS[document["kind"]]
        assert set(document["spec"]) <= KNOWN_FIELDS[document["kind"]]
        for end in document["spec"].get("endpoints", []) + document["spec"].get("podMetricsEndpoints", []):
            assert set(end) <= SCRAPED
        if document["kind"] == "GrafanaDashboard":
            assert json.loads(document["spec"]["json"])["uid"].startswith("dbs-")


def test_helm_4_renders_every_way_of_use(tmp_path: Path) -> None:
    """Helm 4's linter, which renders every template, finds nothing worse than a remark."""
    if not (HELM4 / "helm_sdkpy").is_dir():
        missing("helm 4 (.tools/helm4)")
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    charts = [tmp_path / way / "dbs-exporter" for way in WAYS]
    for way, chart in zip(WAYS, charts, strict=True):
        shutil.copytree(CHART, chart)
        (chart / "values.yaml").write_text(yaml.safe_dump(merged(defaults, ways(way))), encoding="utf-8")
    program = (
        "import asyncio, json, sys, helm_sdkpy as h\n"
        "c = h.Configuration(namespace='default', kubeconfig='{apiVersion: v1, kind: Config, clusters: [], contexts: [], users: []}')\n"
        "for chart in sys.argv[1:]: print(json.dumps(asyncio.run(h.Lint(c).run(chart))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, charts)], env={**os.environ, "PYTHONPATH": str(HELM4)},
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()]

    assert [result["TotalChartsLinted"] for result in results] == [1] * len(WAYS)
    assert [result["Errors"] for result in results if result["Errors"]] == []
    # It says nothing at all of a chart without a flaw.
    messages = [message for result in results for message in result["Messages"] or ()]
    assert [message for message in messages if message["Severity"] > 1] == []


def merged(base: Any, over: Any) -> Any:
    """`over` on top of `base`, maps merged as helm merges values."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            key: merged(base.get(key), over[key]) if key in over else copy.deepcopy(base[key])
            for key in {**base, **over}
        }
    return over


def test_without_anything_it_says_what_is_missing() -> None:
    """`helm install` with no values is refused with the three ways to go on."""
    assert "set demo=true, or config.accounts, or existingConfigSecret" in refused({})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"demo": True, "replicas": 2}, "replicas"),
        ({"demo": True, "service": {"port": "x"}}, "service.port"),
        ({"demo": True, "image": {"digest": "latest"}}, "image.digest"),
        ({"demo": True, "resources": {"limit": {}}}, "limit"),
        ({"demo": True, "shards": 0}, "shards"),
        ({"demo": True, "shards": 2}, "Leave shards at 1"),
        ({"demo": True, "rrsa": {"enabled": True}}, "rrsa.roleName"),
        ({"demo": True, "serviceMonitor": {"interval": "1 minute"}}, "serviceMonitor.interval"),
        (
            {
                "config": {
                    "accounts": [
                        {
                            "name": "a",
                            "regions": "all",
                            "credentials": {
                                "type": "access_key",
                                "access_key_id": "id",
                                "access_key_secret": "plain",
                            },
                        }
                    ]
                }
            },
            "stands in plain text",
        ),
    ],
)
def test_bad_values_are_refused_with_a_message(values: Any, says: str) -> None:
    """Typing errors and values that contradict each other name the key."""
    assert says in refused(values)


def test_it_is_hardened_without_asking() -> None:
    """No root, no capabilities, a read-only root, no token, no service links."""
    documents = template(ways("account"))
    pod = one(documents, "Deployment")["spec"]["template"]["spec"]
    security = pod["containers"][0]["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_changed_configuration_rolls_the_pod() -> None:
    """The pod's template changes with the configuration and only then."""
    values = ways("account")
    before = one(template(values), "Deployment")["spec"]["template"]
    again = one(template(values), "Deployment")["spec"]["template"]
    values["config"]["accounts"][0]["regions"] = ["cn-shanghai"]
    after = one(template(values), "Deployment")["spec"]["template"]

    assert before == again
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]


def test_a_changed_configuration_is_reloaded_where_that_is_asked() -> None:
    """With the reloader the pod's template stays, the exporter takes reloads, and the watched file is the one it reads."""
    values = ways("reload")
    before = pod(template(values))
    values["config"]["accounts"][0]["regions"] = ["cn-shanghai"]
    exporter, reloader = pod(template(values))["spec"]["containers"]
    (file,) = (arg for arg in exporter["args"] if arg.startswith("--config.file="))

    assert pod(template(values)) == before
    assert "--web.enable-lifecycle" in exporter["args"]
    assert f"--config-file={file.partition('=')[2]}" in reloader["args"]
    assert "--reload-url=http://127.0.0.1:10033/-/reload" in reloader["args"]
    assert "--web.listen-address=:10033" in exporter["args"]
    assert reloader["volumeMounts"][0] in exporter["volumeMounts"]
    assert reloader["securityContext"] == exporter["securityContext"]


def test_images_come_from_where_they_should() -> None:
    """The tag is the chart's version, a digest wins over a tag, and one global registry over all, with its pull secrets."""
    values = {**ways("reload"), "imagePullSecrets": [{"name": "own"}]}
    everywhere = {"imageRegistry": "registry.example.com", "imagePullSecrets": ["all", {"name": "own"}]}
    digest = "sha256:" + "0" * 64
    spec = pod(template({**values, "global": everywhere, "image": {"tag": "1", "digest": digest}}))["spec"]
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]

    assert container(template(values))["image"] == f"ghcr.io/dbs-exporter/dbs-exporter:{version}"
    assert [one_of["image"].partition(":v")[0] for one_of in spec["containers"]] == [
        f"registry.example.com/dbs-exporter/dbs-exporter@{digest}",
        "registry.example.com/prometheus-operator/prometheus-config-reloader",
    ]
    assert spec["imagePullSecrets"] == [{"name": "own"}, {"name": "all"}]


def test_the_configuration_it_renders_is_one_the_exporter_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lands in the ConfigMap passes the exporter's own validation."""
    from dbs_exporter.config.load import load_config

    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    path = tmp_path / "dbs-exporter.yml"
    path.write_text(one(template(ways("account")), "ConfigMap")["data"]["dbs-exporter.yml"], encoding="utf-8")

    assert [account.name for account in load_config(path).accounts] == ["prod"]


def test_one_shard_is_a_deployment_and_more_are_a_stateful_set() -> None:
    """Sharded pods take their number from their name and know how many there are."""
    alone = template(ways("account"))
    sharded = template({**ways("account"), "shards": 3})
    arguments = container(sharded, "StatefulSet")["args"]

    assert not [document for document in alone if document["kind"] == "StatefulSet"]
    assert "--shard" not in " ".join(container(alone)["args"])
    assert one(sharded, "StatefulSet")["spec"]["replicas"] == 3
    assert "--shard=$(POD_NAME)" in arguments
    assert "--total-shards=3" in arguments


def test_the_monitor_finds_one_service() -> None:
    """The ServiceMonitor selects the Service and not the headless one, or every series would come twice."""
    documents = template({**ways("account"), "shards": 2, "serviceMonitor": {"enabled": True}})
    selector = one(documents, "ServiceMonitor")["spec"]["selector"]
    services = [document for document in documents if document["kind"] == "Service"]
    selected = [
        service["metadata"]["name"]
        for service in services
        if selector["matchLabels"].items() <= service["metadata"]["labels"].items()
        and all(
            expression["key"] not in service["metadata"]["labels"]
            for expression in selector["matchExpressions"]
        )
    ]

    assert selected == ["rel-dbs-exporter"]


def test_rules_can_be_left_out_and_pointed_elsewhere() -> None:
    """Groups and alerts go by name, labels are added, both URL bases are replaced."""
    everything = template({"demo": True, "prometheusRule": {"enabled": True}})
    groups = one(everything, "PrometheusRule")["spec"]["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    first = alerts[0]["alert"]
    rules = {
        "enabled": True,
        "disabledAlerts": [first],
        "extraAlertLabels": {"team": "databases"},
        "runbookBaseUrl": "https://runbooks.example.com/dbs/",
        "dashboardBaseUrl": "https://grafana.example.com",
    }
    changed = one(template({"demo": True, "prometheusRule": rules}), "PrometheusRule")["spec"]["groups"]
    kept = [rule for group in changed for rule in group["rules"] if "alert" in rule]
    fewer = one(
        template({"demo": True, "prometheusRule": {"enabled": True, "disabledGroups": [groups[0]["name"]]}}),
        "PrometheusRule",
    )["spec"]["groups"]

    assert len(kept) == len(alerts) - 1
    for rule in kept:
        assert rule["labels"]["team"] == "databases"
        assert rule["annotations"]["runbook_url"] == f"https://runbooks.example.com/dbs/{rule['alert']}.md"
        assert rule["annotations"]["dashboard_url"].startswith("https://grafana.example.com/d/dbs-")
    assert [group["name"] for group in fewer] == [group["name"] for group in groups[1:]]


@pytest.mark.parametrize(("folder", "pattern"), [("dashboards", "*.json"), ("rules", "*.rules.yml")])
def test_the_chart_carries_the_projects_own_files(folder: str, pattern: str) -> None:
    """Rules and dashboards in the chart are those of the project, byte for byte (`make docs` copies them)."""
    own = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ROOT / folder).glob(pattern)}
    packed = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (CHART / "files" / folder).iterdir()
        if path.is_file()
    }

    assert own
    assert packed == own


def test_the_readmes_values_are_those_of_the_chart(tmp_path: Path) -> None:
    """The generator finds every value documented, no other, and makes the README that is committed (`make docs`)."""
    generator = NODE_TOOLS / "@bitnami" / "readme-generator-for-helm" / "bin" / "index.js"
    if shutil.which("node") is None or not generator.is_file():
        missing("readme-generator-for-helm (tests/node)")
    readme = tmp_path / "README.md"
    shutil.copy(CHART / "README.md", readme)
    subprocess.run(
        ["node", str(generator), "--values", str(CHART / "values.yaml"), "--readme", str(readme)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    assert readme.read_text(encoding="utf-8") == (CHART / "README.md").read_text(encoding="utf-8")


def test_the_version_is_the_exporters() -> None:
    """Chart, appVersion and the package say the same version."""
    from dbs_exporter import __version__

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    assert chart["appVersion"] == chart["version"] == __version__
    assert f":{__version__}\n" in chart["annotations"]["artifacthub.io/images"]
