"""Backup plans as the list tells them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.records import PLAN, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.plans import PlanList, Schedule, read_plan


def test_a_plan_in_full() -> None:
    """Every field of a plan, in the forms that the SDK's models name."""
    plan = read_plan(
        fields_of(
            {
                **PLAN,
                "DatabaseType": "MySQL",
                "BackupMethod": "logical",
                "InstanceClass": "small",
                "SourceEndpointInstanceType": "rds",
                "SourceEndpointInstanceID": "rm-1",
                "SourceEndpointRegion": "cn-hangzhou",
                "BackupGatewayId": 2134,
                "ResourceGroupId": "rg-1",
                "CrossAliyunId": "2001",
                "BackupPlanCreateTime": 1554560477000,
                "InstanceExpiredTimestamp": 1646813439000,
                "EnableBackupLog": True,
                "BackupRetentionPeriod": 7,
                "LogBackupRetentionPeriod": "30",
                "IncrementBackupRetentionPeriod": "14",
                "BackupPeriod": "MONDAY",
                "BackupStartTime": "14:22",
                "BeginTimestampForRestore": 1554560477001,
                "EndTimestampForRestore": 1554560478002,
                "BackupObjects": '[{"DBName":"a"},{"DBName":"b"},{"DBName":"a"}]',
                "ErrMessage": "broken",
            }
        )
    )

    assert (plan.gateway_id, plan.source_instance_id, plan.cross_account_id) == ("2134", "rm-1", "2001")
    assert (plan.full_retention_seconds, plan.log_retention_seconds) == (7 * 86400.0, 30 * 86400.0)
    assert plan.schedule == Schedule(weekdays=(0,), start_minute=14 * 60 + 22)
    assert (plan.restore_begin_at, plan.restore_end_at) == (1554560477.001, 1554560478.002)
    assert (plan.objects_count, plan.error_message, plan.log_backup_enabled) == (2, "broken", True)


def test_a_plan_with_nothing_but_an_id() -> None:
    """A plan that was bought and never configured has an id, and nothing else is known."""
    plan = read_plan(fields_of({"BackupPlanId": "dbs1"}))

    assert plan.status == ""
    assert plan.schedule is None
    assert plan.log_backup_enabled is None
    assert plan.full_retention_seconds is None


@pytest.mark.parametrize(
    ("period", "weekdays"),
    [
        ("MONDAY", (0,)),
        ("Monday", (0,)),
        ("sunday", (6,)),
        ("Monday,Wednesday", (0, 2)),
        ("WEDNESDAY, MONDAY", (0, 2)),
        ("Wed;Fri", (2, 4)),
        ('["MONDAY","SUNDAY"]', (0, 6)),
        ("[Monday, Monday]", (0,)),
        (["TUESDAY", "THURSDAY"], (1, 3)),
        ("MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY,SUNDAY", (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_backup_days_in_every_form(period: object, weekdays: tuple[int, ...]) -> None:
    """Days come in either case, one or several, by commas or as a list in a string."""
    plan = read_plan(fields_of({**PLAN, "BackupPeriod": period, "BackupStartTime": "02:30Z"}))

    assert plan.schedule == Schedule(weekdays=weekdays, start_minute=150)


@pytest.mark.parametrize("period", ["", None, "NULL", "[]", []])
def test_a_plan_without_days_has_no_schedule(period: object) -> None:
    """A manual plan has no schedule, which is not a surprise."""
    assert read_plan(fields_of({**PLAN, "BackupPeriod": period})).schedule is None


@pytest.mark.parametrize("period", ["everyday", "Monday,Feiertag", "1,3"])
def test_days_in_an_unknown_form_are_told_and_not_guessed(period: str) -> None:
    """The form for several days is not documented: what is not understood leaves the schedule unknown, and is told."""
    told = Told()

    assert read_plan(fields_of({**PLAN, "BackupPeriod": period}, told)).schedule is None
    assert told.fields == ["BackupPeriod"]


@pytest.mark.parametrize("start", ["25:00", "02:3\ufffd", ["02:30"]])
def test_an_unknown_start_time_is_told_once(start: object) -> None:
    """A start in another form than HH:mm leaves the minute unknown, and the days known."""
    told = Told()
    plan = read_plan(fields_of({**PLAN, "BackupPeriod": "MONDAY", "BackupStartTime": start}, told))

    assert plan.schedule == Schedule(weekdays=(0,), start_minute=None)
    assert told.fields == ["BackupStartTime"]


@pytest.mark.parametrize("gateway_id", [0, "0", "", None])
def test_no_gateway_is_no_gateway(gateway_id: object) -> None:
    """The API writes 0, as a number or a string, for a plan without a gateway."""
    assert read_plan(fields_of({**PLAN, "BackupGatewayId": gateway_id})).gateway_id == ""


@pytest.mark.parametrize(
    ("field", "nonsense"),
    [
        ("EnableBackupLog", "perhaps"),
        ("EnableBackupLog", 2),
        ("BackupRetentionPeriod", -1),
        ("BackupRetentionPeriod", "a week"),
        ("BackupRetentionPeriod", 10**9),
        ("BackupPlanName", ["a"]),
        ("BackupPlanName", True),
        ("BackupPlanStatus", []),
        ("InstanceExpiredTimestamp", 1646813439),
        ("BackupPlanCreateTime", "long ago"),
        ("EndTimestampForRestore", 10**14),
    ],
)
def test_nonsense_in_a_field_costs_the_field(field: str, nonsense: object) -> None:
    """The plan is read as if the field were not there, and the field is told and named."""
    told = Told()
    without = {name: value for name, value in PLAN.items() if name != field}

    assert read_plan(fields_of({**PLAN, field: nonsense}, told)) == replace(
        read_plan(fields_of(without)), unreadable=(field,)
    )
    assert told.fields == [field]


@pytest.mark.parametrize("nonsense", ["", None, "NULL", [], 10**4000])
def test_a_plan_without_an_id_is_refused(nonsense: object) -> None:
    """Nothing can be said of it, and the error says why in a few words."""
    with pytest.raises(BadAnswer) as caught:
        read_plan(fields_of({**PLAN, "BackupPlanId": nonsense}))

    assert caught.value.field == "BackupPlanId"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("objects", "count", "odd"),
    [
        ('[{"DBName":"a"},{"DBName":"b"},{"DBName":"a"}]', 2, False),
        ([{"DBName": "a"}], 1, False),
        ('{"DBName":"a"}', 1, False),
        ("[]", None, False),
        ("NULL", None, False),
        ("null", None, False),
        (None, None, False),
        ('[{"DBName":"a"},{"Table":"c"}]', None, True),
        ('[{"DBName":"a"},5]', None, True),
        ('[{"DBName":""}]', None, True),
        ("orders", None, True),
        ("[" * 100_000, None, True),
        (7, None, True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_databases_of_a_plan_are_counted(objects: object, count: int | None, odd: bool) -> None:
    """Each once; where not all of them can be read their number is unknown, and the field is counted once."""
    told = Told()

    assert read_plan(fields_of({**PLAN, "BackupObjects": objects}, told)).objects_count == count
    assert told.fields == ["BackupObjects"] * odd


def test_an_unreadable_retention_is_sought_under_its_older_name() -> None:
    """Both names say the same, and the one that cannot be read is told."""
    told = Told()
    record = {**PLAN, "LogBackupRetentionPeriod": -1, "IncrementBackupRetentionPeriod": "14"}

    assert read_plan(fields_of(record, told)).log_retention_seconds == 14 * 86400.0
    assert told.fields == ["LogBackupRetentionPeriod"]


def test_a_list_is_whole_unless_it_says_otherwise() -> None:
    """Only of a whole one is a plan gone that is not in it."""
    assert PlanList().whole
