"""Where the chart keeps the state: a volume for each pod, and no switch of values that a cluster would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from support.chart_rendering import container, one, pod, refused, template, ways
from support.chart_upgrades import KEPT, PLACES, WORKLOADS

PATH = "/var/lib/dbs-exporter"


def workload(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The object that makes the exporter's pods."""
    (found,) = (document for document in documents if document["kind"] in WORKLOADS)
    return found


@pytest.mark.parametrize(
    ("way", "place"),
    [("account", place) for place in PLACES]
    + [("demo", place) for place in PLACES if place.startswith("one")],
)
def test_the_state_is_written_to_a_volume_and_to_nothing_else(way: str, place: str) -> None:
    """The flag names where the pod's own volume is mounted, to be written, while the root stays read-only."""
    documents = template({**ways(way), **PLACES[place]})
    found = workload(documents)
    spec = found["spec"]["template"]["spec"]
    exporter = spec["containers"][0]
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    claimed = {claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", [])}

    assert f"--storage.path={PATH}" in exporter["args"]
    assert [mount for mount in exporter["volumeMounts"] if not mount.get("readOnly")] == [
        {"name": "state", "mountPath": PATH}
    ]
    assert {mount["name"] for mount in exporter["volumeMounts"]} == set(volumes) | claimed
    assert not set(volumes) & claimed
    assert exporter["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    assert spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


@pytest.mark.parametrize("shards", [1, 3])
def test_without_persistence_the_state_goes_with_the_pod(shards: int) -> None:
    """An emptyDir outlives a container, and there is no claim that somebody pays for."""
    documents = template({**ways("account"), "shards": shards})
    volumes = workload(documents)["spec"]["template"]["spec"]["volumes"]

    assert {"name": "state", "emptyDir": {}} in volumes
    assert "PersistentVolumeClaim" not in {document["kind"] for document in documents}
    assert "volumeClaimTemplates" not in workload(documents)["spec"]


def test_the_claim_of_one_shard_is_kept_and_used_by_one_pod_at_a_time() -> None:
    """It stays when the release or the switch goes, whatever annotations all objects get, and an update replaces the pod."""
    values = {
        **ways("persistence"),
        "commonAnnotations": {"helm.sh/resource-policy": "delete", "owner": "dba"},
    }
    documents = template(values)
    claim = one(documents, "PersistentVolumeClaim")
    deployment = one(documents, "Deployment")

    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["metadata"]["annotations"]["owner"] == "dba"
    assert claim["spec"]["resources"] == {"requests": {"storage": "20Gi"}}
    assert claim["spec"]["storageClassName"] == values["persistence"]["storageClassName"]
    assert {
        "name": "state",
        "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]},
    } in deployment["spec"]["template"]["spec"]["volumes"]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_a_claim_that_is_there_is_used_instead() -> None:
    """The pod takes the claim by its name, and the chart makes none."""
    documents = template({**ways("account"), **PLACES["one-existing"]})

    assert "PersistentVolumeClaim" not in {document["kind"] for document in documents}
    assert {"name": "state", "persistentVolumeClaim": {"claimName": "mine"}} in pod(documents)["spec"][
        "volumes"
    ]


def test_each_shard_has_a_claim_of_its_own() -> None:
    """The claims follow the pods: they go with a shard that goes, and stay when the set is replaced by another workload."""
    values = {**ways("persistence"), "shards": 3, "commonLabels": {"team": "a"}}
    documents = template(values)
    spec = one(documents, "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]

    assert claim["metadata"] == {"name": "state", "labels": spec["selector"]["matchLabels"]}
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOncePod"],
        "storageClassName": values["persistence"]["storageClassName"],
        "resources": {"requests": {"storage": "20Gi"}},
    }
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Delete"}
    assert "PersistentVolumeClaim" not in {document["kind"] for document in documents}
    assert spec.get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"


@pytest.mark.parametrize(
    ("kubernetes", "shards_mode"),
    [
        ("1.27", "ReadWriteOnce"),
        ("1.28.15-aliyun.1", "ReadWriteOnce"),
        ("1.29", "ReadWriteOncePod"),
        ("1.29.3-aliyun.1", "ReadWriteOncePod"),
        ("1.37", "ReadWriteOncePod"),
    ],
)
def test_a_volume_is_one_pods_where_that_does_no_harm(kubernetes: str, shards_mode: str) -> None:
    """ReadWriteOncePod for shards where the cluster knows it, never for the pod that shall move from a dead node; or as asked."""

    def modes(**asked: str) -> list[list[str]]:
        values = {**ways("account"), "persistence": {**KEPT, **asked}}
        alone = one(template(values, kubernetes=kubernetes), "PersistentVolumeClaim")["spec"]
        sharded = one(template({**values, "shards": 2}, kubernetes=kubernetes), "StatefulSet")["spec"]
        return [alone["accessModes"], sharded["volumeClaimTemplates"][0]["spec"]["accessModes"]]

    assert modes() == [["ReadWriteOnce"], [shards_mode]]
    for mode in ("ReadWriteOnce", "ReadWriteOncePod"):
        assert modes(accessMode=mode) == [[mode], [mode]]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("release", ["rel", "a" * 53, "dbs-exporter." + "b" * 40, "x" * 45 + ".y"])
def test_names_leave_room_for_what_kubernetes_adds(release: str, place: str) -> None:
    """A StatefulSet's name and the eleven characters of a revision still are a label, and names do not end in a dash."""
    name = workload(template({**ways("account"), **PLACES[place]}, release=release))["metadata"]["name"]

    assert len(name) + len("-5f8d9c7b6d") <= 63
    assert "--" not in name
    assert not name.endswith("-")


@pytest.mark.parametrize("place", PLACES)
def test_whoever_names_the_workload_names_the_one_that_is_there(place: str) -> None:
    """The autoscaler's target is the workload; its pods' name still ends in the number of their shard."""
    documents = template({**ways("account"), **PLACES[place], "verticalPodAutoscaler": {"enabled": True}})
    found = workload(documents)
    target = one(documents, "VerticalPodAutoscaler")["spec"]["targetRef"]

    assert (target["kind"], target["name"]) == (found["kind"], found["metadata"]["name"])
    if found["kind"] == "StatefulSet":
        assert "--shard=$(POD_NAME)" in container(documents, "StatefulSet")["args"]
        assert found["spec"]["serviceName"] in {
            document["metadata"]["name"] for document in documents if document["kind"] == "Service"
        }


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"persistence": {"existingClaim": "mine"}}, "persistence.existingClaim needs persistence.enabled"),
        ({"persistence": {**KEPT, "existingClaim": "mine"}, "shards": 2}, "a volume of its own"),
        ({"persistence": {**KEPT, "size": "20 GB"}}, "persistence.size"),
        ({"persistence": {**KEPT, "size": 20}}, "persistence.size"),
        ({"persistence": {**KEPT, "accessMode": "ReadWriteMany"}}, "persistence.accessMode"),
        ({"persistence": {**KEPT, "existingClaim": "My_Claim"}}, "persistence.existingClaim"),
        ({"persistence": {**KEPT, "storageClass": "fast"}}, "storageClass is not allowed"),
    ],
)
def test_volumes_that_cannot_be_are_refused(values: Any, says: str) -> None:
    """A claim for several pods, or that nobody uses, a size that is none, a volume for many: told by the key."""
    assert says in refused({**ways("account"), **values})


def test_the_path_is_the_charts() -> None:
    """A path in the configuration, which would lie outside the volume, is refused."""
    values = ways("account")
    values["config"]["storage"] = {"path": "/data"}

    assert "config.storage: the chart mounts a volume" in refused(values)
