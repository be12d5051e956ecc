"""Values that a cluster would take and never do, or refuse though they are meant well: the chart refuses or mends them."""

from __future__ import annotations

from typing import Any

import pytest
from support.chart_rendering import container, one, pod, refused, template, ways


def account(**credentials: Any) -> Any:
    """One account of the configuration."""
    return {"name": "prod", "regions": ["cn-hangzhou"], "credentials": credentials or {"type": "default"}}


def ports_out(**values: Any) -> tuple[set[int], set[str]]:
    """The ports and the blocks of addresses that a NetworkPolicy lets out, under some values."""
    rules = one(template({"networkPolicy": {"enabled": True}, **values}), "NetworkPolicy")["spec"]["egress"]
    blocks = {peer["ipBlock"]["cidr"] for rule in rules for peer in rule.get("to", [])}
    return {port["port"] for rule in rules if "to" not in rule for port in rule["ports"]}, blocks


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"serviceMonitor": {"enabled": True, "interval": "5s"}}, "scrapeTimeout 10s must be"),
        ({"podMonitor": {"enabled": True, "scrapeTimeout": "1m1s"}}, "at most the interval 60s"),
        ({"serviceMonitor": {"enabled": True, "scrapeTimeout": "0s"}}, "above 0"),
        ({"podDisruptionBudget": {"enabled": True, "minAvailable": 1}}, "1 of 1 can never be evicted"),
        ({"podDisruptionBudget": {"enabled": True, "minAvailable": "1%"}}, "1% of 1 can never be evicted"),
        ({"podDisruptionBudget": {"enabled": True, "maxUnavailable": 0}}, "no pod can ever be evicted"),
        ({"extraArgs": ["--web.telemetry-path=/m"]}, "see config.web.telemetry_path"),
        ({"extraArgs": ["--web.listen-address", ":1"]}, "see service.port"),
        ({"extraEnv": [{"name": "A"}, {"name": "A"}]}, "extraEnv: A is there twice"),
        ({"extraVolumes": [{"name": "state"}]}, "extraVolumes: state is there twice"),
        ({"extraContainers": [{"name": "dbs-exporter"}]}, "extraContainers: dbs-exporter is there twice"),
        ({"extraVolumeMounts": [{"name": "a", "mountPath": "/a"}]}, "there is no volume a"),
        ({"resources": {"limits": {"memory": "64Mi"}}}, "memory asks for 96Mi and is limited to 64Mi"),
        ({"testPod": {"resources": {"limits": {"cpu": "9m"}}}}, "testPod.resources.requests.cpu"),
        (
            {"networkPolicy": {"enabled": True}, "service": {"type": "NodePort"}},
            "service.type lets others in",
        ),
        (
            {"networkPolicy": {"enabled": True}, "ingress": {"enabled": True, "hosts": [{"host": "a"}]}},
            "ingress.enabled lets others in, and networkPolicy shuts them out",
        ),
    ],
)
def test_what_would_do_nothing_is_refused(values: Any, says: str) -> None:
    """Monitors that are dropped, budgets that stop drains, flags that probes do not know: each is told with what would be right."""
    assert says in refused({"demo": True, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"serviceMonitor": {"enabled": True, "interval": "10s", "scrapeTimeout": "10000ms"}},
        {"podDisruptionBudget": {"enabled": True, "maxUnavailable": "1%"}},
        {"resources": {"requests": {"cpu": 0.5, "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": 1e9}}},
        {"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": 0.1}}},
    ],
)
def test_what_does_something_is_not(values: Any) -> None:
    """At the edge of what is refused, and with quantities that are numbers, the chart renders."""
    assert template({"demo": True, **values})


@pytest.mark.parametrize(("least", "refuses"), [(2, False), (3, True), ("66%", False), ("67%", True)])
def test_a_budget_of_shards_lets_one_go(least: Any, refuses: bool) -> None:
    """Of three pods two may have to stay and not three, in numbers as in percent, which Kubernetes rounds up."""
    values = {**ways("account"), "shards": 3, "podDisruptionBudget": {"enabled": True, "minAvailable": least}}

    if refuses:
        assert "can never be evicted" in refused(values)
    else:
        spec = one(template(values), "PodDisruptionBudget")["spec"]
        assert spec["minAvailable"] == least
        assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_network_policy_knows_what_the_values_know() -> None:
    """Ports of endpoints, proxies and sources of credentials are let out, and the metadata service for those who ask it."""
    metadata = {"100.100.100.200/32"}
    sts = account(
        type="ram_role_arn",
        access_key_id="${A}",
        access_key_secret="${B}",
        role_arn="a:b",
        sts_endpoint="sts.example:8443",
    )
    uri = account(type="credentials_uri", credentials_uri="http://127.0.0.1:9000/")
    proxies = [
        {"name": "https_proxy", "value": "user:word@proxy:3128"},
        {"name": "HTTP_PROXY", "value": "http://proxy"},
    ]

    assert ports_out(demo=True) == ({53, 443}, set())
    assert ports_out(config={"accounts": [account()]}) == ({53, 443}, metadata)
    assert ports_out(config={"accounts": [account(type="ecs_ram_role")]}) == ({53, 443}, metadata)
    assert ports_out(config={"accounts": [account()]}, rrsa={"enabled": True, "roleName": "a"}) == (
        {53, 443},
        set(),
    )
    assert ports_out(
        config={"accounts": [{**sts, "endpoint": "http://dbs.example:8080"}, {**uri, "name": "b", "endpoint": "https://dbs.example"}]},
        extraEnv=proxies,
    ) == ({53, 80, 443, 3128, 8080, 8443, 9000}, set())  # fmt: skip


def test_a_port_that_nobody_knows_is_asked_for() -> None:
    """Where an endpoint is a variable, the chart wants the rule that it cannot make."""
    values = {"config": {"accounts": [{**account(), "endpoint": "${ENDPOINT}"}]}}
    policy = {"enabled": True, "extraEgress": [{"ports": [{"port": 8443}]}]}

    assert "endpoint of account prod is a variable" in refused({**values, "networkPolicy": {"enabled": True}})
    assert template({**values, "networkPolicy": policy})


def test_peers_besides_are_let_in() -> None:
    """The ingress controller's pods stand beside those that scrape."""
    peer = {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    values = {
        "demo": True,
        "networkPolicy": {"enabled": True, "extraFrom": [peer]},
        "service": {"type": "NodePort"},
    }
    peers = one(template(values), "NetworkPolicy")["spec"]["ingress"][0]["from"]

    assert peer in peers
    assert len(peers) == 3


def test_what_is_a_template_of_others_stays_one() -> None:
    """Helm fills in what begins with .Release, .Values, .Chart or include, in any value; all other braces reach the cluster."""
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}"},
        "stringData": {"a": "{{ .id }}", "b": '{{ .Values.global.team }}-{{ if eq .x "y" }}"{{ end }}', "c": "{{ .Valuesx }}"},
    }  # fmt: skip
    documents = template(
        {
            "demo": True,
            "global": {"team": 'data"bases'},
            "podAnnotations": {"a": '{{ with secret "x" }}{{ .Data.y }}{{ end }}', "b": "<{{ .Release.Name }}>"},
            "workloadAnnotations": {"a": '{{- include "dbs-exporter.fullname" . -}}', "b": "{{ .Chart.Name | upper }}"},
            "prometheusRule": {
                "enabled": True,
                "extraGroups": [{"name": "a", "rules": [{"alert": "A", "expr": "1", "annotations": {"a": "{{ $value }}"}}]}],
            },
            "extraManifests": [secret, '{{ range list "a" "b" }}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ . }}}}\n{{ end }}'],
        }
    )  # fmt: skip
    annotations = pod(documents)["metadata"]["annotations"]
    made = one(documents, "Secret")
    (own,) = (group for group in one(documents, "PrometheusRule")["spec"]["groups"] if group["name"] == "a")

    assert annotations["a"] == '{{ with secret "x" }}{{ .Data.y }}{{ end }}'
    assert annotations["b"] == "<rel>"
    assert one(documents, "Deployment")["metadata"]["annotations"] == {
        "a": "rel-dbs-exporter",
        "b": "DBS-EXPORTER",
    }
    assert made["metadata"]["name"] == "rel"
    assert made["stringData"]["a"] == "{{ .id }}"
    assert made["stringData"]["b"] == 'data"bases-{{ if eq .x "y" }}"{{ end }}'
    assert made["stringData"]["c"] == "{{ .Valuesx }}"
    assert own["rules"][0]["annotations"] == {"a": "{{ $value }}"}
    assert [document["metadata"]["name"] for document in documents if document["kind"] == "ConfigMap"] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("path", ["existingConfigSecret", "credentials.secretName", "serviceAccount.name"])
def test_names_may_be_templates(path: str) -> None:
    """What a chart that depends on this one writes as a template passes the schema, and is filled in."""
    values: dict[str, Any] = ways("account") if "." in path else {}
    above = values
    *keys, last = path.split(".")
    for key in keys:
        above = above.setdefault(key, {})
    above[last] = "{{ .Release.Name }}-x"

    assert '"rel-x"' in str(template(values)).replace("'", '"')


def test_a_pod_name_is_there_for_shards_alone() -> None:
    """Only shards go by it, and then one given besides would be the second, which a server-side apply refuses."""
    own = [{"name": "POD_NAME", "value": "a"}]
    (given,) = container(template({"demo": True, "extraEnv": own}))["env"]
    made = container(template({**ways("account"), "shards": 2}), "StatefulSet")["env"][0]

    assert given == own[0]
    assert made["valueFrom"] == {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    assert "env" not in container(template({"demo": True}))
    assert "POD_NAME" not in {each["name"] for each in container(template(ways("account")))["env"]}
    assert "POD_NAME is there twice" in refused({**ways("account"), "shards": 2, "extraEnv": own})


@pytest.mark.parametrize("way", ["rrsa", "vault", "account"])
def test_an_api_token_is_for_those_who_ask_for_it(way: str) -> None:
    """Vault's agent gets the pod's token; RRSA brings its own, and the exporter needs none."""
    documents = template(ways(way))

    assert pod(documents)["spec"]["automountServiceAccountToken"] is (way == "vault")
    assert one(documents, "ServiceAccount")["automountServiceAccountToken"] is (way == "vault")


@pytest.mark.parametrize("way", ["quota", "reload", "account", "shards"])
def test_every_container_asks_for_something(way: str) -> None:
    """Exporter, reloader and test pod have requests by default, and under a quota whatever is given."""
    pods = [
        document["spec"]["template"]["spec"] if "template" in document["spec"] else document["spec"]
        for document in template(ways(way))
        if document["kind"] in {"Deployment", "StatefulSet", "Pod"}
    ]
    resources = [container["resources"] for found in pods for container in found["containers"]]

    assert len(pods) == 2
    assert all(set(each["requests"]) == {"cpu", "memory"} for each in resources)
    if way == "quota":
        assert all(set(each["limits"]) == {"cpu", "memory"} for each in resources)


def test_the_test_pod_stays_out_of_a_mesh_and_ends() -> None:
    """No sidecar of Istio or Linkerd keeps it running, and the cluster ends it if another one does; both may be changed."""
    metadata = one(template({"demo": True}), "Pod")["metadata"]
    changed = one(
        template({"demo": True, "testPod": {"labels": {"sidecar.istio.io/inject": None, "a": "b"}, "annotations": {"helm.sh/hook": "x"}}}),
        "Pod",
    )  # fmt: skip

    assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
    assert metadata["annotations"]["linkerd.io/inject"] == "disabled"
    assert one(template({"demo": True}), "Pod")["spec"]["activeDeadlineSeconds"] > 60
    assert "sidecar.istio.io/inject" not in changed["metadata"]["labels"]
    assert changed["metadata"]["labels"]["a"] == "b"
    assert changed["metadata"]["annotations"]["helm.sh/hook"] == "test"
