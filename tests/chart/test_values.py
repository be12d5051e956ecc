"""The chart under strange values: whatever it renders is valid, and what cannot be is refused in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.chart_rendering import container, one, pod, refused, template, ways

SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
SELECTED = {"app.kubernetes.io/name": "dbs-exporter", "app.kubernetes.io/instance": "rel"}


def everything_is_valid(documents: list[dict[str, Any]]) -> None:
    """Each object passes the strict schema of Kubernetes, and every name and label is a text that may be one."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
        metadata = document["metadata"]
        assert SERVICE_NAME.fullmatch(metadata["name"]), metadata["name"]
        assert len(metadata["name"]) <= 63
        for label in metadata["labels"].values():
            assert isinstance(label, str)
            assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", label), label


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    "release",
    [
        "123",
        "1e3",
        "0x1f",
        "null",
        "true",
        "my.release",
        "1-dbs-exporter",
        "a" * 53,
        "dbs-exporter." + "b" * 40,
    ],
)
def test_every_release_name_that_helm_takes_gives_valid_objects(release: str, shards: int) -> None:
    """Numbers, words that YAML reads as something else, dots and the longest name give Services and labels that may be."""
    documents = template({**ways("account"), "shards": shards}, release=release, namespace="123")
    everything_is_valid(documents)

    assert "Service" in {document["kind"] for document in documents}


@pytest.mark.parametrize("where", ["commonLabels", "podLabels"])
def test_labels_cannot_take_the_selectors_away(where: str) -> None:
    """A label of one's own replaces a usual one, and never one by which the Service finds the pod."""
    labels = {
        "app.kubernetes.io/name": "x",
        "app.kubernetes.io/component": "backup",
        "yes": "true",
        "one": "1",
    }
    documents = template({"demo": True, where: labels})

    found = pod(documents)["metadata"]["labels"]
    assert found == {**found, **labels, **SELECTED}
    assert one(documents, "Service")["spec"]["selector"] == SELECTED
    everything_is_valid(documents)


def test_annotations_cannot_hide_a_changed_configuration() -> None:
    """An annotation of one's own stands beside the checksum, and not in its place."""
    asked = {"checksum/config": "x", "note": "true"}
    found = pod(template({**ways("account"), "podAnnotations": asked, "commonAnnotations": asked}))[
        "metadata"
    ]["annotations"]

    assert found["note"] == "true"
    assert re.fullmatch(r"[0-9a-f]{64}", found["checksum/config"])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"nameOverride": "Big_Name"}, "nameOverride"),
        ({"fullnameOverride": "a.b"}, "fullnameOverride"),
        ({"namespaceOverride": "a b"}, "namespaceOverride"),
        ({"commonLabels": {"team": "data bases"}}, "commonLabels.team"),
        ({"commonLabels": {"team": 1}}, "commonLabels.team"),
        ({"podLabels": {"team": "-"}}, "podLabels.team"),
        ({"serviceMonitor": {"labels": {"release": "a/b"}}}, "serviceMonitor.labels.release"),
        ({"existingConfigSecret": "My_Secret"}, "existingConfigSecret"),
        ({"existingConfigSecretKey": "a/b"}, "existingConfigSecretKey"),
        ({"credentials": {"secretName": ["a"]}}, "credentials.secretName"),
    ],
)
def test_names_that_kubernetes_would_refuse_are_refused_before(values: Any, says: str) -> None:
    """What cannot be a name or a label's value is told by its key."""
    assert says in refused({"demo": True, **values})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({**ways("account"), "existingConfigSecret": "a"}, "existingConfigSecret and config.accounts"),
        ({"demo": True, "service": {"nodePort": 30033}}, "service.type NodePort"),
        ({"demo": True, "serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "twice"),
        ({"demo": True, "prometheusRule": {"enabled": True, "disabledAlerts": ["DBSTypo"]}}, "DBSTypo"),
        ({"demo": True, "prometheusRule": {"enabled": True, "disabledGroups": ["dbs-typo"]}}, "dbs-typo"),
        ({"config": None}, "Nothing to watch"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: Any, says: str) -> None:
    """Two configurations, a port that no type has, every series twice, a rule that is not there: all told in words."""
    assert says in refused(values)


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_a_probe_is_turned_off_by_null(probe: str) -> None:
    """null takes a probe away, as it does the security contexts; an empty map is merged with the default and does not."""
    assert probe not in container(template({"demo": True, probe: None}))
    assert probe in container(template({"demo": True, probe: {}}))
    assert (
        "runAsUser"
        not in pod(template({"demo": True, "podSecurityContext": {"runAsUser": None}}))["spec"][
            "securityContext"
        ]
    )


@pytest.mark.parametrize("values", [{"demo": True}, ways("account")], ids=["demo", "account"])
def test_the_logs_are_as_asked(values: Any) -> None:
    """Level and format reach the exporter, in the demo too."""
    arguments = container(template({**values, "log": {"level": "debug", "format": "json"}}))["args"]

    assert {"--log.level=debug", "--log.format=json"} <= set(arguments)


@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_scrapes_follow_the_configurations_path(monitor: str) -> None:
    """Monitor and test pod ask where the configuration serves; a monitor's own path wins."""
    values = ways("account")
    values["config"]["web"] = {"telemetry_path": "/dbs"}

    def path(**more: Any) -> str:
        (found,) = (
            one_end["path"]
            for document in template({**values, monitor: {"enabled": True, **more}})
            for one_end in document.get("spec", {}).get("endpoints", [])
            + document.get("spec", {}).get("podMetricsEndpoints", [])
        )
        return str(found)

    assert path() == "/dbs"
    assert path(path="/own") == "/own"
    assert [
        arg
        for arg in one(template(values), "Pod")["spec"]["containers"][0]["args"]
        if arg.endswith(":10033/dbs")
    ]


def test_the_test_pod_is_let_in_and_is_no_exporter() -> None:
    """`helm test` reaches the exporter through a policy of one's own, and nothing takes its pod for an exporter's."""
    policy = {"enabled": True, "from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}
    documents = template(
        {
            "demo": True,
            "networkPolicy": policy,
            "podDisruptionBudget": {"enabled": True},
            "tolerations": [{"operator": "Exists"}],
        }
    )
    labels = one(documents, "Pod")["metadata"]["labels"].items()
    peers = one(documents, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    selectors = [
        one(documents, "Service")["spec"]["selector"],
        one(documents, "Deployment")["spec"]["selector"]["matchLabels"],
        one(documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]

    assert [
        peer
        for peer in peers
        if "podSelector" in peer and peer["podSelector"]["matchLabels"].items() <= labels
    ]
    assert not [selector for selector in selectors if selector.items() <= labels]
    assert one(documents, "Pod")["spec"]["tolerations"] == [{"operator": "Exists"}]
    everything_is_valid(documents)
