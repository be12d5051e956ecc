"""Upgrades: from each set of values to each other, it is an upgrade that works, or an error in words before anything is sent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import CHART, WAYS, helm, one, rendered, template, ways
from support.chart_upgrades import KEPT, PLACES, WORKLOADS, chart_beside, immutable
from support.fake_cluster import FakeCluster, fake_cluster

CHANGED: dict[str, Any] = {
    "commonLabels": {"team": "a"},
    "podLabels": {"tier": "b"},
    "commonAnnotations": {"c": "d"},
    "revisionHistoryLimit": 7,
    "terminationGracePeriodSeconds": 40,
    "image": {"tag": "9"},
    "podSecurityContext": {"fsGroup": 1},
    "service": {"type": "NodePort", "port": 80},
    "web": {"certificateSecret": "tls"},
}
"""What may change beside where the state is."""
RENDERINGS: dict[str, Any] = {
    **{way: ways(way) for way in WAYS},
    **{place: {**ways("account"), **values} for place, values in PLACES.items()},
    **{
        f"{place}, changed": {**ways("account"), **PLACES[place], **CHANGED}
        for place in ("one", "one-kept", "three", "three-kept")
    },
}


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of a later release."""
    chart = tmp_path_factory.mktemp("later") / "dbs-exporter"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    about |= {"version": "7.8.9", "appVersion": "7.8.9"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    return chart


def test_each_pair_is_an_upgrade_or_an_error_in_words(later: Path, tmp_path: Path) -> None:
    """Where two renderings disagree in what a cluster never changes, and only there, an upgrade between them is refused by the chart."""
    made = {name: template(values) for name, values in RENDERINGS.items()}
    made |= {
        f"{place}, later": template(RENDERINGS[place], chart=later) for place in ("one-kept", "three-kept")
    }
    seen: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    objects: dict[tuple[str, str, str], dict[str, Any]] = {}
    for name, documents in made.items():
        for document in documents:
            fields = json.dumps(immutable(document), sort_keys=True)
            of = (document["kind"], document["metadata"]["name"])
            seen[of][fields].append(name)
            objects.setdefault((*of, fields), document)
    differing = {of: variants for of, variants in seen.items() if len(variants) > 1}
    refusals = []
    for of, variants in differing.items():
        for fields in variants:
            chart = chart_beside([objects[(*of, fields)]], tmp_path)
            for others in variants:
                done = rendered(RENDERINGS[variants[others][0]], "1.31", "rel", "monitoring", chart)
                assert (done.returncode == 0) == (others == fields), (of, fields, others, done.stderr)
                refusals += [done.stderr] if done.returncode else []

    assert {kind for kind, _ in differing} == {"PersistentVolumeClaim"}
    assert all("for good" in refusal and "kubectl" in refusal for refusal in refusals)
    assert refusals
    assert [name for kind, name in seen if kind in WORKLOADS and "backups" not in name] == [
        "rel-dbs-exporter", "rel-dbs-exporter", "rel-dbs-exporter-state",
    ]  # fmt: skip


def test_what_is_there_already_is_no_obstacle(tmp_path: Path) -> None:
    """Beside what the same values made, as an API server shows it, nothing is refused."""
    for name in ("persistence", "three-kept", "one-kept", "everything", "templated", "shards"):
        chart = chart_beside(template(RENDERINGS[name]), tmp_path)

        assert template(RENDERINGS[name], chart=chart)


@pytest.mark.parametrize("name", ["dbs", "exporter", "backups", "dbs-exporter"])
@pytest.mark.parametrize("full", ["", "same"])
def test_another_name_changes_no_selector(name: str, full: str) -> None:
    """With `nameOverride` on a release called dbs-exporter, an object of the same name still selects the same pods."""
    before, after = (
        template({"demo": True, "fullnameOverride": full, "nameOverride": override}, release="dbs-exporter")
        for override in ("", name)
    )
    deployments = [one(documents, "Deployment") for documents in (before, after)]

    assert immutable(deployments[0]) == immutable(deployments[1])


SERVICE = {"type": "LoadBalancer", "ipFamilies": ["IPv4"], "clusterIP": "10.0.0.1", "loadBalancerClass": "a"}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"service": {"ipFamilies": ["IPv4"]}}, {"service": {"ipFamilies": ["IPv6", "IPv4"]}}, "is IPv4 for good"),
        ({"service": SERVICE}, {"service": {**SERVICE, "clusterIP": "10.0.0.2"}}, "is 10.0.0.1 for good"),
        ({"service": SERVICE}, {"service": {**SERVICE, "loadBalancerClass": "b"}}, "is a for good"),
        (
            {"persistence": {**KEPT, "storageClassName": "a"}},
            {"persistence": {**KEPT, "storageClassName": "b"}},
            "made with a, for good, and b",
        ),
        ({"persistence": KEPT}, {"persistence": {**KEPT, "storageClassName": "b"}}, "the cluster's default, for good"),
        ({"persistence": {**KEPT, "storageClassName": "a"}}, {"persistence": KEPT}, "and the cluster's default is"),
        ({"persistence": KEPT}, {"persistence": {**KEPT, "size": "19.5Gi"}}, "cannot shrink"),
        ({"persistence": KEPT}, {"persistence": {**KEPT, "accessMode": "ReadWriteOncePod"}}, "persistence.accessMode"),
        ({"shards": 2, "persistence": KEPT}, {"shards": 3, "persistence": {**KEPT, "size": "40Gi"}}, "persistence.size"),
        (
            {"shards": 2, "persistence": KEPT},
            {"shards": 2, "persistence": {**KEPT, "accessMode": "ReadWriteOnce"}},
            "persistence.accessMode",
        ),
        (
            {"shards": 2, "persistence": KEPT},
            {"shards": 2, "persistence": {**KEPT, "storageClassName": "b"}},
            "persistence.storageClassName: StatefulSet rel-dbs-exporter-state",
        ),
    ],
)  # fmt: skip
def test_what_is_set_once_is_refused_in_words(before: Any, after: Any, says: str, tmp_path: Path) -> None:
    """Service and claims that cannot be changed are named, with what they have, what is asked for, and the command that helps."""
    values = ways("account")
    chart = chart_beside(template({**values, **before}), tmp_path)
    done = rendered({**values, **after}, "1.31", "rel", "monitoring", chart)

    assert done.returncode != 0
    assert says in done.stderr
    assert "Delete it first: kubectl --namespace monitoring delete" in done.stderr


def test_a_claim_that_somebody_restored_is_taken_as_it_is(tmp_path: Path) -> None:
    """Without the chart's own note on its class, the class that it has counts, and only where one is asked for."""
    values = {**ways("account"), "persistence": {**KEPT, "storageClassName": "a"}}
    documents = template(values)
    del one(documents, "PersistentVolumeClaim")["metadata"]["annotations"]
    chart = chart_beside(documents, tmp_path)
    other = {**values, "persistence": {**KEPT, "storageClassName": "b"}}

    assert template(values, chart=chart)
    assert template({**values, "persistence": KEPT}, chart=chart)
    assert "made with a, for good" in rendered(other, "1.31", "rel", "monitoring", chart).stderr


def test_a_class_of_the_clouds_own_is_no_obstacle(tmp_path: Path) -> None:
    """A load balancer's class that nobody asked for is left alone."""
    values = {**ways("account"), "service": {"type": "LoadBalancer"}}

    assert template(values, chart=chart_beside(template(values), tmp_path))


def test_a_claim_may_grow(tmp_path: Path) -> None:
    """A larger size of the one claim is sent: whether it can grow is for its storage class to say."""
    values = {**ways("account"), "persistence": KEPT}
    chart = chart_beside(template(values), tmp_path)
    documents = template({**values, "persistence": {**KEPT, "size": "40Gi"}}, chart=chart)

    assert one(documents, "PersistentVolumeClaim")["spec"]["resources"]["requests"] == {"storage": "40Gi"}


def upgraded(cluster: FakeCluster, chart: Path, values: Any) -> str:
    """What helm says to an installation or upgrade in a cluster; "" if it succeeded."""
    done = subprocess.run(
        [
            helm(), "upgrade", "--install", "rel", str(chart), "--kubeconfig", str(cluster.kubeconfig), "-n", "monitoring",
            "--disable-openapi-validation", "-f", "-",
        ],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "HOME": str(cluster.kubeconfig.parent)},
    )  # fmt: skip
    assert (done.returncode == 0) == ("Error" not in done.stderr)
    return done.stderr if done.returncode else ""


def test_helm_upgrades_from_place_to_place_and_asks_before_it_sends(tmp_path: Path) -> None:
    """By the real helm each switch of shards and persistence works; what a cluster would refuse is told with nothing written."""
    account = ways("account")
    # Without boards, which no object here is made of and which each release would carry along.
    chart = tmp_path / "dbs-exporter"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("dashboards", "ci"))
    with fake_cluster(tmp_path) as cluster:
        for place in ("one", "three-kept", "three", "one-kept"):
            assert upgraded(cluster, chart, {**account, **PLACES[place]}) == "", place

        assert cluster.names("statefulsets") == set()
        assert cluster.names("deployments") == {"rel-dbs-exporter"}
        assert cluster.names("persistentvolumeclaims") == {"rel-dbs-exporter-state"}

        before = len(cluster.writes)
        other = {**KEPT, "storageClassName": "fast", "size": "10Gi"}
        said = upgraded(
            cluster, chart, {**account, "persistence": other, "service": {"ipFamilies": ["IPv6"]}}
        )

        assert len(cluster.writes) == before
        assert (
            "persistence.storageClassName: claim rel-dbs-exporter-state was made with the cluster's default"
            in said
        )
        assert "persistence.size" in said
        assert "service.ipFamilies: the first of Service rel-dbs-exporter is IPv4 for good" in said
