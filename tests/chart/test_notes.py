"""What the chart says after an installation: true of what was installed, for each way of use."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chart_rendering import CHART, WAYS, helm, one, template, ways


def notes(values: Any, folder: Path) -> str:
    """NOTES.txt under some values; `helm template` leaves it out, so a copy of the chart has it as an object too."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    shutil.copy(CHART / "templates" / "NOTES.txt", chart / "files" / "notes.txt")
    (chart / "templates" / "notes.yaml").write_text(
        'said: {{ tpl (.Files.Get "files/notes.txt") . | toJson }}\n', encoding="utf-8"
    )
    done = subprocess.run(
        [helm(), "template", "rel", str(chart), "--kube-version", "1.31.0", "-n", "monitoring", "-s", "templates/notes.yaml", "-f", "-"],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return str(yaml.safe_load(done.stdout)["said"])


@pytest.mark.parametrize("way", WAYS)
def test_the_notes_name_what_is_there(way: str, tmp_path: Path) -> None:
    """The Service to forward, the workload to ask, the file it reads, and what is not yet switched on."""
    documents = template(ways(way))
    said = notes(ways(way), tmp_path)
    service = next(document for document in documents if document["kind"] == "Service")
    workload = next(document for document in documents if document["kind"] in {"Deployment", "StatefulSet"})
    name = workload["metadata"]["name"]
    arguments = workload["spec"]["template"]["spec"]["containers"][0]["args"]
    kinds = {document["kind"] for document in documents}

    assert (
        f"port-forward service/{service['metadata']['name']} {service['spec']['ports'][0]['port']}\n" in said
    )
    assert "helm test rel --namespace monitoring" in said
    if "demo" in arguments:
        assert "dbs-exporter check" not in said
    else:
        asked = f"{name}-0" if workload["kind"] == "StatefulSet" else f"deployment/{name}"
        (file,) = (argument for argument in arguments if argument.startswith("--config.file="))
        assert f"exec {asked} -- dbs-exporter check {file}" in said
    assert ("Nothing scrapes it yet" in said) == (not kinds & {"ServiceMonitor", "PodMonitor"})
    assert ("Nobody is alerted yet" in said) == ("PrometheusRule" not in kinds)
    assert ("RRSA" in said) == (way == "rrsa")
    asks_for_volumes = "demo" not in arguments and "persistence" not in ways(way)
    assert ("Its state goes with the pod" in said) == asks_for_volumes


@pytest.mark.parametrize(
    ("regions", "shards", "says"),
    [
        (["cn-hangzhou", "cn-shanghai"], 2, False),
        (["cn-hangzhou", "cn-shanghai"], 3, True),
        ("all", 3, False),
    ],
)
def test_the_notes_say_if_shards_have_nothing_to_read(
    regions: object, shards: int, says: bool, tmp_path: Path
) -> None:
    """A region is one shard's, so more shards than the accounts have regions are told to be too many, where that is known."""
    account = {"name": "prod", "regions": regions}
    said = notes({"config": {"accounts": [account]}, "shards": shards}, tmp_path)

    assert f"by one of the {shards} pods" in said
    assert ("no more than 2 to read" in said) == says


def test_the_notes_lead_to_the_page_as_it_is_served(tmp_path: Path) -> None:
    """The address to open has the scheme and the path, and each shard's page is named, or the way to it."""
    served = notes(
        {"demo": True, "web": {"certificateSecret": "tls", "routePrefix": "/dbs"}}, tmp_path / "one"
    )
    own = notes({**ways("persistence"), "shards": 2}, tmp_path / "own")
    shared = notes(ways("shards"), tmp_path / "shared")

    assert "open https://127.0.0.1:10033/dbs/\n" in served
    assert "port-forward pod/rel-dbs-exporter-state-0 10033\n" in own
    assert [f"https://dbs-{shard}.example.com/\n" in shared for shard in range(4)] == [
        True,
        True,
        True,
        False,
    ]


def test_the_notes_say_what_a_policy_cannot_know(tmp_path: Path) -> None:
    """Of a configuration in a Secret no port is known, until rules of one's own are there."""
    values = {"existingConfigSecret": "own", "networkPolicy": {"enabled": True}}
    more = {"enabled": True, "extraEgress": [{"ports": [{"port": 8443}]}]}

    assert "needs networkPolicy.extraEgress" in notes(values, tmp_path / "one")
    assert "extraEgress" not in notes({**values, "networkPolicy": more}, tmp_path / "two")


def test_the_notes_of_one_shard_say_nothing_of_shards(tmp_path: Path) -> None:
    """Who does not share is not told about sharing."""
    assert "Shards" not in notes(ways("account"), tmp_path)


def test_the_notes_have_no_gaps(tmp_path: Path) -> None:
    """No line of a template is left, and no two lines are empty in a row."""
    said = notes({"demo": True}, tmp_path)

    assert not re.search(r"\{\{|<no value>|%!", said)
    assert "\n\n\n" not in said
    assert one(template({"demo": True}), "Service")["metadata"]["name"] in said
