"""What refuses a restore before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.drilling import DAY, DrillGround, ground, write_config

from dbs_exporter.errors import DrillError
from dbs_exporter.simulator.tasks import Restore


@pytest.fixture
def drills(tmp_path: Path) -> DrillGround:
    """A healthy account."""
    return ground(tmp_path)


def refusal(
    drills: DrillGround, plan: Any, place: Any = None, *, plan_id: str | None = None, **keys: Any
) -> str:
    """Why a drill is refused; nothing was changed, with --yes."""
    before = drills.made
    with pytest.raises(DrillError) as caught:
        drills.restore(drills.load(plan, place, **keys), plan_id=plan_id)

    assert drills.made == before
    return str(caught.value)


def test_a_source_in_any_region_is_no_destination(drills: DrillGround) -> None:
    """The sources of all regions count, also of plans that are not selected."""
    plan = drills.plan("MySQL", "logical", index=14)
    other = next(
        spec
        for spec in drills.world.specs("demo")
        if spec.source_type == "ecs" and spec.region != plan.region
    )
    found = refusal(drills, plan, {"instance_id": other.instance_id})

    assert (
        f"destination spare: it is the source of plan {other.plan_id} ({other.name}) in {other.region}"
        in found
    )


def test_a_region_that_cannot_be_listed_refuses_the_drill(drills: DrillGround) -> None:
    """What is not known of it cannot be compared."""
    drills.service.set_faults(
        [{"kind": "deny", "operation": "DescribeBackupPlanList", "region": "cn-qingdao"}]
    )
    found = refusal(drills, drills.plan("MySQL", "logical", index=14))

    assert (
        "region cn-qingdao cannot be listed, so nobody knows whether a destination is the source of a plan"
        in found
    )


def test_a_source_that_cannot_be_read_refuses_the_drill(drills: DrillGround) -> None:
    """A plan whose endpoint is no text might be the destination."""
    plan = drills.plan("MySQL", "logical", index=14)
    drills.world.change_fields(drills.plan("MSSQL").plan_id, {"SourceEndpointHost": {"odd": 1}})

    assert "the source of plan" in refusal(drills, plan)


@pytest.mark.parametrize(
    ("kind", "method"), [("Redis", ""), ("MySQL", "physical"), ("Oracle", ""), ("MSSQL", "")]
)
def test_names_that_cannot_be_changed_need_a_dedicated_destination(
    drills: DrillGround, kind: str, method: str
) -> None:
    """Redis, physical backups, Oracle and SQL Server come back under their own names."""
    plan = drills.plan(kind, method)
    place = {"oracle_sid": "ORCL"} if kind == "Oracle" else {}

    assert "must serve drills alone; if it does, add dedicated: true" in refusal(drills, plan, place)
    (result,) = drills.restore(drills.load(plan, {**place, "dedicated": True}))
    assert result.state == "proven"
    assert all(name.startswith("app_") for name in result.to_drop)


def test_a_dedicated_destination_is_emptied_before_the_next_drill(drills: DrillGround) -> None:
    """The second month is refused until someone says that the first is gone, or a command drops it."""
    plan = drills.plan("Redis")
    place = {"dedicated": True}
    drills.restore(drills.load(plan, place))
    drills.clock.sleep(30 * DAY)
    found = refusal(drills, plan, place)
    (task,) = drills.tasks(plan)
    task.is_dropped = True
    (result,) = drills.restore(drills.load(plan, {**place, "dropped_before": "2026-10-01"}))

    assert "1 earlier restores may be on destination spare, and keep is 0: app_0" in found
    assert result.state == "proven"


def test_more_earlier_restores_than_keep_refuse_the_next(drills: DrillGround) -> None:
    """Three months work, the fourth is refused: two earlier ones may stay; the refusal names what to drop."""
    plan = drills.plan("MySQL", "logical", index=14)
    config = drills.load(plan)
    for _ in range(3):
        (result,) = drills.restore(config)
        assert result.state == "proven"
        drills.clock.sleep(25 * DAY)
    found = refusal(drills, plan)

    assert "3 earlier restores may be on destination spare, and keep is 2" in found
    assert all(name in found for task in drills.tasks(plan) for name in task.databases)


def begun_elsewhere(drills: DrillGround, plan: Any, config: Any, **changes: Any) -> Restore:
    """A task of the drill's name that was created and not started, changed."""
    drills.heard.on_each_line = lambda line: (
        (_ for _ in ()).throw(KeyboardInterrupt) if "waiting" in line else None
    )
    with pytest.raises(KeyboardInterrupt):
        drills.restore(config)
    drills.heard.on_each_line = lambda line: None
    (task,) = drills.tasks(plan)
    for name, value in changes.items():
        setattr(task, name, value)
    return task


def test_a_task_that_would_restore_without_the_prefix_is_left_alone(drills: DrillGround) -> None:
    """A task of the drill's name with a database under its own name was not made by a drill, and is not started."""
    plan = drills.plan("MySQL", "logical", index=14)
    task = begun_elsewhere(drills, plan, drills.load(plan), objects='[{"DBName":"app_0"}]')
    found = refusal(drills, plan)

    assert "would restore app_0 without the prefix drill_; it is left alone" in found
    assert task.started_at is None


def test_a_task_to_another_destination_is_left_alone(drills: DrillGround) -> None:
    """The name of a task is no proof of where its data goes."""
    plan = drills.plan("MySQL", "logical", index=14)
    begun_elsewhere(drills, plan, drills.load(plan), destination_instance_id="rm-production")

    assert "has the drill's name" in refusal(drills, plan)


def test_one_drill_at_a_time_on_a_destination(drills: DrillGround) -> None:
    """While another plan's restore goes there, none is begun."""
    first, second = drills.plan("MySQL", "logical", index=0), drills.plan("MySQL", "logical", index=14)
    drills.world.restores_end = "stuck"
    values = drills.values(first, limits={"stage_timeout": "10m"})
    values["account"]["plans"] = [first.plan_id, second.plan_id]
    config = write_config(drills.folder, values)
    drills.restore(config, plan_id=first.plan_id)
    with pytest.raises(
        DrillError, match=f"of plan {first.plan_id} \\(running\\) uses destination spare now; one at a time"
    ):
        drills.restore(config, plan_id=second.plan_id)


def test_more_plans_or_bytes_than_the_limits_are_refused(drills: DrillGround) -> None:
    """A run never leaves plans out by itself."""
    plan = drills.plan("MySQL", "logical", index=14)
    values = drills.values(plan, {"plans": ["*-mysql-*"], "dedicated": True}, limits={"plans": 1})
    values["account"]["plans"] = "all"
    with pytest.raises(
        DrillError, match=r"plans are selected, and limits\.plans allows 1; select fewer, or add oldest: 1"
    ):
        drills.restore(write_config(drills.folder, values))

    assert "limits.bytes allows 1,048,576" in refusal(drills, plan, limits={"bytes": "1MiB"})


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ("set:nobody", "it has no finished full backup nobody that is kept"),
        ("200d", "nothing that old is kept; its oldest full backup is"),
    ],
)
def test_a_point_that_is_not_kept_is_refused(drills: DrillGround, point: str, says: str) -> None:
    """What the API does not offer is not asked for."""
    assert says in refusal(drills, drills.plan("MySQL", "logical", index=14), point=point)


def test_a_plan_without_a_good_backup_is_refused(tmp_path: Path) -> None:
    """There is nothing to restore."""
    drills = ground(tmp_path, plans=40, healthy=False)
    (plan_id,) = drills.world.incident_plans["never_succeeded"]
    plan = drills.world.spec(plan_id)
    assert plan is not None
    place = {"dedicated": True, "database": "postgres", "oracle_sid": "ORCL"}

    assert "no full backup is finished and kept" in refusal(drills, plan, place)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"plan_id": "dbs1nobody"}, "--plan: the configuration selects no plan 'dbs1nobody'"),
        ({"place": {"databases": ["app_9"]}}, "it does not back up app_9 (`databases` of spare)"),
        ({"place": {"plans": ["nobody-*"]}}, "no destination fits a selected plan; give one with database_type MySQL"),
        ({"place": {"prefix": "drill_for_the_month_"}, "fields": {"BackupObjects": f'[{{"DBName":"{"x" * 60}"}}]'}}, "longer than"),
        ({"fields": {"BackupObjects": "*"}}, "its list does not say which databases it backs up; name them as `databases`"),
        (
            {"place": {"instance_type": "agent", "instance_id": None, "host": "10.250.0.1", "port": 3306, "gateway_id": 7,
                       "restore_dir": "/data", "dedicated": True}},
            "no gateway 7 is listed in cn-hangzhou; there are ",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(drills: DrillGround, keys: dict[str, Any], says: str) -> None:
    """Plans, databases, destinations, names and gateways that are not there."""
    plan = drills.plan("MySQL", "logical", index=14)
    drills.world.change_fields(plan.plan_id, keys.get("fields", {}))

    assert says in refusal(drills, plan, keys.get("place"), plan_id=keys.get("plan_id"))


def test_without_destinations_nothing_is_restored(drills: DrillGround) -> None:
    """The refusal says where to read on."""
    assert "no destination is configured" in refusal(drills, drills.plan("MySQL", "logical"), destinations=[])


@pytest.mark.parametrize(
    ("point", "wanted"),
    [("latest", "RestoreTime"), ("full", "BackupSetId"), ("6h", "RestoreTime"), ("3d", "RestoreTime")],
)
def test_the_point_is_named_as_the_api_wants_it(drills: DrillGround, point: str, wanted: str) -> None:
    """A time where log leads to it, else the full backup before it, never both."""
    plan = drills.plan("MySQL", "logical", index=14)
    drills.restore(drills.load(plan, point=point), yes=False)
    parameters = drills.heard.calls[0].parameters

    assert {"RestoreTime", "BackupSetId"} & set(parameters) == {wanted}
    if point.endswith(("h", "d")):
        ago = {"6h": 6 * 3600, "3d": 3 * DAY}[point]
        assert parameters["RestoreTime"] / 1000 == pytest.approx(drills.clock.now() - ago, abs=30)


def test_a_plan_without_log_restores_the_set_before_the_age(drills: DrillGround) -> None:
    """Redis has no log: an age means the newest full backup that is at least that old."""
    plan = drills.plan("Redis")
    (result,) = drills.restore(drills.load(plan, {"dedicated": True}, point="3d"), yes=False)
    history = drills.world.history(plan.plan_id)
    older = [
        backup.set_id
        for backup in map(history.full, history.full_numbers())
        if backup.status == "finish" and (backup.ended_at or 0) <= drills.clock.now() - 3 * DAY
    ]

    assert result.backup_set_id == older[-1]
    assert drills.heard.calls[0].parameters["BackupSetId"] == older[-1]


def test_the_plans_whose_proof_is_oldest_are_restored(drills: DrillGround) -> None:
    """`oldest` takes those that were never proven first, then by the end of their last restore."""
    values = drills.values(drills.plan("MySQL", "logical"), {"dedicated": True}, oldest=2)
    values["account"]["plans"] = "all"
    config = write_config(drills.folder, values)
    proofs = {}
    for spec in drills.world.specs("demo"):
        if spec.engine.database_type == "MySQL":
            ends = [task.at(drills.clock.now())[1] or 0.0 for task in drills.world.restores(spec.plan_id)]
            proofs[spec.plan_id] = max(ends, default=0.0)
    results = drills.restore(config, yes=False)

    assert [result.plan_id for result in results] == sorted(
        proofs, key=lambda plan_id: (proofs[plan_id], plan_id)
    )[:2]
    assert any("have no destination that fits" in note for note in drills.report.notes)


KINDS: dict[str, dict[str, Any]] = {
    "MySQL": {},
    "PostgreSQL": {"database": "postgres"},
    "MongoDB": {"database": "admin", "instance_type": "dds", "instance_id": "dds-bp1spare"},
    "MSSQL": {"dedicated": True},
    "Oracle": {
        "dedicated": True,
        "oracle_sid": "ORCL",
        "instance_type": "ecs",
        "instance_id": "i-bp1spare",
        "port": 1521,
    },
    "Redis": {"dedicated": True, "user": None, "password": None},
}
NEEDED: dict[str, set[str]] = {
    "MySQL": {"UserName", "Password"},
    "PostgreSQL": {"UserName", "Password", "DatabaseName"},
    "MongoDB": {"UserName", "Password", "DatabaseName"},
    "MSSQL": {"UserName", "Password"},
    "Oracle": {"UserName", "Password", "OracleSID", "Port"},
    "Redis": set(),
}
"""What the vendor's reference asks for beside the instance (DestinationEndpoint…)."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_of_database_gets_what_the_reference_asks_for(drills: DrillGround, kind: str) -> None:
    """The parameters of CreateRestoreTask are complete, and the restore comes back."""
    (result,) = drills.restore(drills.load(drills.plan(kind), KINDS[kind], limits={"bytes": "2TiB"}))
    parameters = drills.heard.calls[0].parameters
    endpoint = {name.removeprefix("DestinationEndpoint") for name in parameters if "Endpoint" in name}

    assert result.state == "proven"
    assert endpoint == NEEDED[kind] | {"InstanceType", "InstanceID", "Region"}
    assert parameters["DuplicateConflict"] == "failure"
    assert parameters["RestoreObjects"].startswith('[{"DBName":"app_0"')


def test_behind_a_gateway_each_drill_has_a_directory_of_its_own(drills: DrillGround) -> None:
    """An agent's restore needs gateway, address and, for MySQL, a directory; objects are not named."""
    gateway = drills.world.gateways("demo", "cn-shanghai")[1]
    place = {
        "instance_type": "agent", "instance_id": None, "region": "cn-shanghai", "gateway_id": gateway.gateway_id, "host": "10.250.0.1",
        "port": 3306, "restore_dir": "/data/drill/", "dedicated": True, "addresses": None,
    }  # fmt: skip
    (result,) = drills.restore(drills.load(drills.plan("MySQL", "physical"), place))
    parameters = drills.heard.calls[0].parameters

    assert result.state == "proven"
    assert parameters["RestoreDir"] == result.to_drop[0]
    assert parameters["RestoreDir"].startswith("/data/drill/drill_2026")
    assert "RestoreObjects" not in parameters
    drills.clock.sleep(30 * DAY)
    assert f"may be on destination spare, and keep is 0: {result.to_drop[0]}. Drop them" in refusal(
        drills, drills.plan("MySQL", "physical"), place
    )
    assert (parameters["BackupGatewayId"], parameters["DestinationEndpointPort"]) == (
        gateway.gateway_id,
        3306,
    )
