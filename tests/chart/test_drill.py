"""The chart's CronJob of drills: off by default, apart from the exporter, one at a time."""

from __future__ import annotations

from typing import Any

import pytest
from support.chart_rendering import container, one, refused, template

from dbs_exporter.cli.main import cli

DRILL: dict[str, Any] = {"enabled": True, "configSecret": "drill", "credentialsSecret": "drill-key"}


def cron_job(**values: Any) -> dict[str, Any]:
    """The CronJob of a release."""
    return one(template({"demo": True, "drill": {**DRILL, **values}}), "CronJob")


def test_there_is_no_drill_by_default() -> None:
    """Nothing that changes the cloud is installed unless it is asked for."""
    assert "CronJob" not in {document["kind"] for document in template({"demo": True})}


def test_a_drill_runs_alone_with_credentials_of_its_own() -> None:
    """One at a time, each pod by its own Secrets, none of which the exporter gets, and the command is the program's."""
    documents = template({"demo": True, "drill": DRILL})
    spec = one(documents, "CronJob")["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (drill,) = pod["containers"]

    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("0 3 2 * *", "Forbid")
    assert drill["args"] == [
        "drill",
        "restore",
        "--config.file=/etc/dbs-drill/drill.yml",
        "--yes",
        "--output=json",
    ]
    assert drill["envFrom"] == [{"secretRef": {"name": "drill-key"}}]
    assert [volume["secret"]["secretName"] for volume in pod["volumes"]] == ["drill"]
    assert drill["securityContext"]["readOnlyRootFilesystem"] is True
    assert "drill" not in str(container(documents))


def test_no_selector_takes_a_drill_for_an_exporter() -> None:
    """Service, disruption budget and network policy leave its pods alone."""
    documents = template(
        {
            "demo": True,
            "drill": DRILL,
            "podDisruptionBudget": {"enabled": True},
            "networkPolicy": {"enabled": True},
        }
    )
    labels = one(documents, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"][
        "labels"
    ].items()
    selectors = [
        one(documents, "Service")["spec"]["selector"],
        one(documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(documents, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]

    assert [selector for selector in selectors if selector.items() <= labels] == []


@pytest.mark.parametrize("command", ["restore", "download", "gateway"])
def test_each_command_is_one_of_the_program(command: str) -> None:
    """Arguments of one's own come last."""
    arguments = cron_job(command=command, extraArgs=["--plan=dbs1h6s7x"])["spec"]["jobTemplate"]["spec"][
        "template"
    ]["spec"]["containers"][0]["args"]

    assert arguments[1] == command
    assert command in cli.commands["drill"].commands  # type: ignore[attr-defined]
    assert arguments[-1] == "--plan=dbs1h6s7x"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"configSecret": ""}, "drill.enabled needs drill.configSecret"),
        ({"command": "destroy"}, "drill.command"),
        ({"schedule": "monthly"}, "drill.schedule"),
        ({"yes": True}, "yes"),
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, Any], says: str) -> None:
    """What is missing or unknown is told by its key."""
    assert says in refused({"demo": True, "drill": {**DRILL, **values}})
