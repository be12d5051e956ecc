"""The chart's CronJob of drills: off by default, apart from the exporter, one at a time."""

from __future__ import annotations

from signal import SIGINT, SIGKILL, SIGTERM
from typing import Any

import pytest
from support.chart_rendering import container, one, refused, template

from dbs_exporter.cli.main import cli
from dbs_exporter.errors import EXIT_UNREACHABLE

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


def test_a_drill_that_failed_is_not_run_again() -> None:
    """What was ended from outside, or did not reach the API, is; what failed or was refused would begin another restore."""
    spec = cron_job()["spec"]["jobTemplate"]["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    killed = {128 + signal for signal in (SIGINT, SIGKILL, SIGTERM)}

    assert (spec["backoffLimit"], rule["action"]) == (1, "FailJob")
    assert rule["onExitCodes"]["operator"] == "NotIn"
    assert set(rule["onExitCodes"]["values"]) == {EXIT_UNREACHABLE, *killed}


def test_a_drill_stays_out_of_a_mesh_and_ends() -> None:
    """As the test pod does; both may be changed, and no label makes it an exporter."""
    pod = cron_job()["spec"]["jobTemplate"]["spec"]["template"]["metadata"]
    changed = cron_job(labels={"app.kubernetes.io/name": "dbs-exporter", "a": "b"})
    labels = changed["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]

    assert pod["labels"]["sidecar.istio.io/inject"] == "false"
    assert pod["annotations"] == {"linkerd.io/inject": "disabled"}
    assert (labels["app.kubernetes.io/name"], labels["a"]) == ("dbs-exporter-drill", "b")


def test_names_in_its_values_may_be_templates() -> None:
    """As in all values, and wherever helm renders this template among the others."""
    job = cron_job(configSecret="{{ .Release.Name }}-x", credentialsSecret="{{ .Release.Name }}-y")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert pod["volumes"][0]["secret"]["secretName"] == "rel-x"
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "rel-y"}}]


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
        ({"resources": {"limits": {"memory": "64Mi"}}}, "drill.resources: memory asks for 96Mi"),
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, Any], says: str) -> None:
    """What is missing or unknown is told by its key."""
    assert says in refused({"demo": True, "drill": {**DRILL, **values}})
