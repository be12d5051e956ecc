"""TLS, passwords, paths and pages of shards: whoever asks the exporter in a cluster asks it as it serves."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import container, one, refused, template, ways

from dbs_exporter.config.web_file import load_web_file

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
USERS = {"basic_auth_users": {"a": "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"}}
DEMANDS = {"tls_server_config": {"client_auth_type": "RequireAndVerifyClientCert"}}
SECRET = {"name": "tls", "key": "ca.crt"}
TRUST = {"ca": {"secret": SECRET}}


def endpoint(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The endpoint of the ServiceMonitor."""
    return dict(one(documents, "ServiceMonitor")["spec"]["endpoints"][0])


def asked(documents: list[dict[str, Any]], probe: str) -> dict[str, Any]:
    """What a probe asks."""
    return dict(container(documents)[probe])


def test_with_a_certificate_everybody_speaks_tls() -> None:
    """Probes, monitor, reloader, test pod and the port's protocol follow the certificate, and the exporter is given its files."""
    values = {
        **ways("reload"),
        "web": {"certificateSecret": "tls"},
        "serviceMonitor": {"enabled": True, "tlsConfig": TRUST},
    }
    documents = template(values)
    exporter, reloader = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"]

    assert [asked(documents, probe)["httpGet"]["scheme"] for probe in PROBES] == ["HTTPS"] * 3
    assert endpoint(documents)["scheme"] == "https"
    assert "--reload-url=https://127.0.0.1:10033/-/reload" in reloader["args"]
    assert one(documents, "Service")["spec"]["ports"][0]["appProtocol"] == "https"
    assert (
        "https://rel-dbs-exporter.monitoring:10033/metrics"
        in one(documents, "Pod")["spec"]["containers"][0]["args"]
    )
    assert "--web.config.file=/etc/dbs-exporter-web/web.yml" in exporter["args"]
    assert {"name": "certificate", "mountPath": "/etc/dbs-exporter-tls", "readOnly": True} in exporter[
        "volumeMounts"
    ]


@pytest.mark.parametrize(
    ("config", "tls"),
    [
        (USERS, {"cert_file": "tls.crt", "key_file": "tls.key"}),
        ({**USERS, **DEMANDS}, {"cert_file": "tls.crt", "key_file": "tls.key", "client_ca_file": "ca.crt"}),
    ],
)
def test_the_web_configuration_is_one_that_the_exporter_takes(
    config: Any, tls: dict[str, str], tmp_path: Path
) -> None:
    """What the chart puts into the Secret passes the exporter's own reading, with the paths of the mounted certificate."""
    made = one(template({"demo": True, "web": {"certificateSecret": "tls", "config": config}}), "Secret")
    file = tmp_path / "web.yml"
    file.write_bytes(base64.b64decode(made["data"]["web.yml"]))
    found = load_web_file(file)

    assert found.basic_auth_users == USERS["basic_auth_users"]
    assert found.tls_server_config is not None
    for key, name in tls.items():
        assert getattr(found.tls_server_config, key) == f"/etc/dbs-exporter-tls/{name}"


def test_a_web_configuration_without_tls_leaves_http() -> None:
    """Users alone change no scheme, and what the file says of TLS itself is not replaced."""
    documents = template({"demo": True, "web": {"config": USERS}})
    own = {"tls_server_config": {"cert_file": "/a", "key_file": "/b"}}
    kept = one(template({"demo": True, "web": {"certificateSecret": "tls", "config": own}}), "Secret")

    assert [asked(documents, probe)["httpGet"].get("scheme") for probe in PROBES] == [None] * 3
    assert one(documents, "Pod")["spec"]["containers"][0]["args"][1] == "password"
    assert yaml.safe_load(base64.b64decode(kept["data"]["web.yml"])) == own


@pytest.mark.parametrize(
    "web",
    [
        {"certificateSecret": "tls", "config": DEMANDS},
        {"configSecret": "web", "configSecretHas": ["clientCertificates"], "routePrefix": "/dbs"},
    ],
)
def test_where_certificates_are_demanded_probes_run_the_exporters_own_command(web: Any) -> None:
    """The kubelet has no certificate, so `dbs-exporter healthcheck` asks, with the same file, and time enough to start."""
    documents = template({"demo": True, "web": web})
    file = next(arg for arg in container(documents)["args"] if arg.startswith("--web.config.file="))
    for probe in PROBES:
        found = asked(documents, probe)

        assert "httpGet" not in found
        assert found["exec"]["command"][:2] == ["/app/bin/dbs-exporter", "healthcheck"]
        assert file in found["exec"]["command"]
        assert ("--web.route-prefix=/dbs" in found["exec"]["command"]) == ("routePrefix" in web)
        assert found["timeoutSeconds"] == 5


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"web": {"certificateSecret": "a"}, "serviceMonitor": {"enabled": True}}, "serviceMonitor.tlsConfig: TLS is on"),
        (
            {"web": {"certificateSecret": "a", "config": DEMANDS}, "podMonitor": {"enabled": True, "tlsConfig": TRUST}},
            "podMonitor.tlsConfig: web demands a certificate",
        ),
        ({"web": {"config": USERS}, "serviceMonitor": {"enabled": True}}, "serviceMonitor.basicAuth"),
        ({"web": {"config": USERS, "configSecret": "a"}}, "Two web configurations"),
        ({"web": {"configSecretHas": ["tls"]}}, "web.configSecretHas"),
        ({"web": {"shardUrl": "https://a-{shard}.b/"}}, "web.shardUrl is for shards"),
    ],
)  # fmt: skip
def test_what_nobody_could_ask_is_refused(values: Any, says: str) -> None:
    """A scrape without trust, certificate or password, and files that are given twice or not at all, are told in words."""
    assert says in refused({"demo": True, **values})


def test_a_reloader_without_a_password_is_refused() -> None:
    """It can show none, so every reload would be refused."""
    assert "configReloader can show neither" in refused({**ways("reload"), "web": {"config": USERS}})


@pytest.mark.parametrize(
    ("values", "prefix"),
    [
        ({"web": {"externalUrl": "https://ops.example/dbs/"}}, "/dbs"),
        ({"web": {"externalUrl": "https://ops.example/dbs/", "routePrefix": "/"}}, ""),
        ({"config": {"web": {"external_url": "https://ops.example/a/b"}}}, "/a/b"),
        ({"ingress": {"hosts": [{"host": "ops.example", "paths": [{"path": "/dbs"}]}]}}, "/dbs"),
        ({"ingress": {"hosts": [{"host": "ops.example", "paths": [{"path": "/dbs(/|$)(.*)"}]}]}}, ""),
        (
            {"ingress": {"hosts": [{"host": "a", "paths": [{"path": "/b"}]}], "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/"}}},
            "",
        ),
        ({"ingress": {"hosts": [{"host": "ops.example"}]}}, ""),
    ],
)  # fmt: skip
def test_a_path_is_followed_by_everybody(values: Any, prefix: str) -> None:
    """Below the path of URL, prefix or ingress lie what probes, monitor, test pod and reloader ask, unless a proxy takes it away."""
    base = ways("reload")
    base["config"] |= values.get("config", {})
    asks = {k: v for k, v in values.items() if k != "config"}
    if "ingress" in asks:
        asks["ingress"]["enabled"] = True
    documents = template({**base, **asks, "serviceMonitor": {"enabled": True}})
    reloader = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"][1]

    assert asked(documents, "livenessProbe")["httpGet"]["path"] == f"{prefix}/-/healthy"
    assert asked(documents, "readinessProbe")["httpGet"]["path"] == f"{prefix}/-/ready"
    assert endpoint(documents)["path"] == f"{prefix}/metrics"
    assert f"--reload-url=http://127.0.0.1:10033{prefix}/-/reload" in reloader["args"]
    assert one(documents, "Pod")["spec"]["containers"][0]["args"][2].endswith(f":10033{prefix}/metrics")


def test_each_shard_has_a_page_of_its_own() -> None:
    """The Ingress leads each host to the Service of one pod, which no monitor finds, and the pods are given the address."""
    documents = template(ways("shards"))
    services = {
        document["metadata"]["name"]: document for document in documents if document["kind"] == "Service"
    }
    workload = one(documents, "StatefulSet")["metadata"]["name"]
    rules = one(documents, "Ingress")["spec"]["rules"]
    hosts = {rule["host"]: rule["http"]["paths"][0]["backend"]["service"]["name"] for rule in rules}

    assert set(hosts) == {"dbs.example.com", *(f"dbs-{shard}.example.com" for shard in range(3))}
    for shard in range(3):
        service = services[hosts[f"dbs-{shard}.example.com"]]
        assert service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] == f"{workload}-{shard}"
        assert "dbs-exporter/scrape" in service["metadata"]["labels"]
    assert "--shard-url=https://dbs-{shard}.example.com/" in container(documents, "StatefulSet")["args"]
