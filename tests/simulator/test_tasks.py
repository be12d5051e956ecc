"""Restore and download tasks follow the clock from their check to their end."""

from __future__ import annotations

import pytest
from support.simulated_cloud import DAY, NOW, Cloud

from dbs_exporter.simulator.replies import Refused
from dbs_exporter.simulator.tasks import DOWNLOAD_SECONDS, STAGES, Download, Restore


def test_a_restore_of_a_set_goes_through_the_stages_of_its_engine(cloud: Cloud) -> None:
    """Logical, physical and combined restores report their own stages, and end with all of them at 100."""
    seen = set()
    for plan_id in cloud.world.plan_ids("demo"):
        newest = cloud.world.history(plan_id).newest_finished()
        assert newest is not None
        task = cloud.ask(
            "CreateRestoreTask",
            BackupPlanId=plan_id,
            RestoreTaskName="x",
            DestinationEndpointInstanceType="agent",
            DestinationEndpointIP="10.1.1.1",
            DestinationEndpointPort=3306,
            BackupSetId=newest.set_id,
        )["RestoreTaskId"]
        cloud.ask("StartRestoreTask", RestoreTaskId=task)
        cloud.clock.advance(DAY)
        (found,) = cloud.ask("DescribeRestoreTaskList", RestoreTaskId=task)["Items"]["RestoreTaskDetail"]
        stages = {name: value for name, value in found.items() if name.endswith("Progress")}
        assert found["RestoreStatus"] == "finish"
        assert found["DestinationEndpointIpPort"] == "10.1.1.1:3306"
        assert set(stages.values()) == {100}
        assert "ContinuousRestoreProgress" not in stages
        seen.add(frozenset(stages))

    assert len(seen) == 3


def restore(**more: object) -> Restore:
    """A restore of 6 GB, started a minute after it was made."""
    given: dict[str, object] = {
        "task_id": "s1", "plan_id": "dbs1", "name": "drill", "created_at": NOW, "started_at": NOW + 60,
        "size_bytes": 6_000_000_000, "kind": "logical", "continuous": True, **more,
    }  # fmt: skip
    return Restore(**given)  # type: ignore[arg-type]  # the fields of the class


def test_a_restore_waits_for_its_check_and_its_start() -> None:
    """Made, it is checked for some seconds; nothing moves before somebody starts it."""
    waiting = restore(started_at=None)

    assert [waiting.at(NOW + seconds)[0] for seconds in (0, 20, DAY)] == ["init", "check_pass", "check_pass"]
    assert set(waiting.at(NOW + DAY)[2].values()) == {0}


@pytest.mark.parametrize("kind", STAGES)
def test_the_stages_of_a_restore_come_one_after_the_other(kind: str) -> None:
    """A stage begins when the one before it is done; at the end all are, and the time of the end stands."""
    task = restore(kind=kind)
    total = sum(seconds for _, seconds in task.stages())
    for step in range(0, 101, 10):
        progress = list(task.at(NOW + 60 + total * step / 100)[2].values())
        assert progress == sorted(progress, reverse=True)
        assert sum(0 < value < 100 for value in progress) <= 1
    assert task.at(NOW + DAY) == ("finish", NOW + 60 + total, dict.fromkeys(progress_names(kind), 100), "")


def progress_names(kind: str) -> list[str]:
    """The wire names of the stages."""
    return [name for name, _ in STAGES[kind]]


def test_a_stuck_restore_stands_and_a_failed_one_says_why() -> None:
    """Neither moves any more, however long one waits."""
    stuck, failed = restore(stuck=True), restore(failed=True)

    assert stuck.at(NOW + DAY)[0] == stuck.at(NOW + 9 * DAY)[0] == "running"
    assert stuck.at(NOW + DAY)[2] == stuck.at(NOW + 9 * DAY)[2]
    assert stuck.at(NOW + DAY)[2]["FullDataRestoreProgress"] == 43
    status, ended_at, progress, error = failed.at(NOW + DAY)
    assert (status, progress["FullDataRestoreProgress"], bool(error)) == ("stop", 20, True)
    assert ended_at is not None
    assert ended_at < NOW + DAY


@pytest.mark.parametrize(("failed", "ending"), [(False, "finish"), (True, "stop")])
def test_a_download_takes_its_time(failed: bool, ending: str) -> None:
    """Begun, running, ended; a failed one says why."""
    task = Download(
        task_id="d1",
        plan_id="dbs1",
        name="n",
        set_id="s",
        code="s",
        created_at=NOW,
        size_bytes=1,
        failed=failed,
    )

    assert [task.at(NOW + seconds)[0] for seconds in (0, 60, DOWNLOAD_SECONDS)] == ["init", "running", ending]
    assert bool(task.at(NOW + DAY)[2]) is failed


def made(cloud: Cloud, **more: object) -> dict[str, object]:
    """A restore that is created and started; gives its record a day later."""
    newest = cloud.world.history(cloud.plan_id).newest_finished()
    assert newest is not None
    given = {
        "BackupPlanId": cloud.plan_id,
        "RestoreTaskName": "x",
        "DestinationEndpointInstanceType": "rds",
        "DestinationEndpointInstanceID": "rm-spare",
        "BackupSetId": newest.set_id,
        **more,
    }
    task = cloud.ask("CreateRestoreTask", **given)["RestoreTaskId"]
    cloud.clock.advance(60)
    cloud.ask("StartRestoreTask", RestoreTaskId=task)
    cloud.clock.advance(DAY)
    (found,) = cloud.ask("DescribeRestoreTaskList", RestoreTaskId=task)["Items"]["RestoreTaskDetail"]
    return dict(found)


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("success", "finish", None),
        ("stuck", "running", None),
        ("failed", "stop", "Duplicate object found on the destination"),
        ("stopped", "stop", None),
    ],
)
def test_restores_end_as_they_are_told_to(cloud: Cloud, how: str, status: str, message: str | None) -> None:
    """Well, never, by an error, or because someone stops it, of which no reason is kept."""
    cloud.world.restores_end = how
    found = made(cloud)

    assert (found["RestoreStatus"], found.get("ErrMessage")) == (status, message)


def test_a_restore_whose_check_failed_cannot_be_started(cloud: Cloud) -> None:
    """Its check says which item failed, and it stays where it is."""
    cloud.world.restores_end = "failed_precheck"
    with pytest.raises(Refused, match="pre-check"):
        made(cloud)
    (task,) = cloud.world.created_restores()
    check = cloud.ask("DescribePreCheckProgressList", RestoreTaskId=task.task_id)

    assert check["Status"] == "failed"
    assert [item["Item"] for item in check["Items"]["PreCheckProgressDetail"] if item["State"] == "failed"]
    assert task.at(cloud.clock.now())[0] == "init"


def test_two_restores_of_one_name_to_one_destination_collide(cloud: Cloud) -> None:
    """The second fails by the object that is there; under another name, elsewhere, or once the first is dropped it does not."""
    named = '[{"DBName":"a","NewDBName":"b"}]'
    first = made(cloud, RestoreObjects=named)
    again = made(cloud, RestoreObjects=named)
    other = made(cloud, RestoreObjects=named.replace('"b"', '"c"'))
    elsewhere = made(cloud, RestoreObjects=named, DestinationEndpointInstanceID="rm-other")
    for task in cloud.world.created_restores():
        task.is_dropped = True
    after = made(cloud, RestoreObjects=named)

    assert (again["RestoreStatus"], again["ErrMessage"]) == ("stop", "The object b exists already")
    assert {found["RestoreStatus"] for found in (first, other, elsewhere, after)} == {"finish"}
