"""The chart under strange values: whatever it renders is valid, and what cannot be is refused in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from chart_rendering import one, pod, refused, template, ways

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
    everything_is_valid(template({**ways("account"), "shards": shards}, release=release, namespace="123"))


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
