"""Records to facts: lenient in form, strict in meaning."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts import wire
from dbs_exporter.facts.job_errors import JobError
from dbs_exporter.facts.plans import Schedule
from dbs_exporter.facts.prechecks import PrecheckItem
from dbs_exporter.facts.restore_ranges import RestoreRange

PLAN = {"BackupPlanId": "dbs1", "BackupPlanName": "orders", "BackupPlanStatus": "running"}
FULL = {
    "SourceEndpointIpPort": "100.1.2.10:33204",
    "StorageMethod": "Standard",
    "BackupObjects": '[{"DBName":"test_y"}]',
    "EndTime": 1583741465000,
    "FinishTime": 1583741466000,
    "BackupSize": 151,
    "CreateTime": 1583740896000,
    "StartTime": 1583741439000,
    "BackupSetExpiredTime": 1646813439000,
    "BackupSetId": "1ibh2",
    "BackupStatus": "finish",
}
LOG = {
    "SourceEndpointIpPort": "100.1.2.10:33204",
    "StorageMethod": "Standard",
    "EndTime": 1583742490000,
    "BackupSize": 4908210,
    "StartTime": 1583721876000,
    "BackupSetExpiredTime": 1646814495000,
    "BackupSetId": "mysql-bin.000003",
    "BackupStatus": "FILLING",
}
RESTORE = {
    "FullStruAfterRestoreProgress": 0,
    "FullStruforeRestoreProgress": 100,
    "BackupSetId": "1ib",
    "RestoreStatus": "check_pass",
    "DestinationEndpointInstanceType": "rds",
    "RestoreTime": 1583741465000,
    "DestinationEndpointRegion": "cn-hangzhou",
    "FullDataRestoreProgress": 20,
    "RestoreTaskId": "s10",
    "RestoreTaskName": "test",
    "BackupPlanId": "dbs1",
    "RestoreTaskCreateTime": 1583743872000,
    "DestinationEndpointInstanceId": "rm-bp1",
}
GATEWAY = {"BackupGatewayId": "23", "BackupGatewayStatus": "ONLINE", "LastHeartbeatTime": 1554560477000}
DOWNLOAD = {"BackupSetDownloadTaskId": "t1", "BackupSetDownloadStatus": "running", "BackupPlanId": "dbs1"}


def silent(field: str) -> None:
    """Fail the test: nothing unknown is expected."""
    raise AssertionError(f"{field} was told as unknown")


class Told:
    """Keeps the fields whose values were told as unknown."""

    def __init__(self) -> None:
        self.fields: list[str] = []

    def __call__(self, field: str) -> None:
        self.fields.append(field)


def test_the_reference_sample_of_a_full_backup() -> None:
    """The vendor's sample becomes seconds and bytes; what it lacks is not known."""
    backup = wire.full_backup(FULL, silent)

    assert (backup.backup_set_id, backup.status, backup.storage_class) == ("1ibh2", "finish", "Standard")
    assert (backup.created_at, backup.started_at) == (1583740896.0, 1583741439.0)
    assert (backup.ended_at, backup.finished_at, backup.expires_at) == (
        1583741465.0,
        1583741466.0,
        1646813439.0,
    )
    assert backup.size_bytes == 151
    assert (backup.structure_progress, backup.data_progress, backup.error_message) == (None, None, "")


@pytest.mark.parametrize(
    "fact", [wire.full_backup(FULL, silent), wire.log_file(LOG, silent)], ids=lambda fact: type(fact).__name__
)
def test_facts_that_come_by_the_million_are_frozen_too(fact: Any) -> None:
    """The quicker way to make a fact gives the same frozen fact as its class does."""
    twin = type(fact)(**{field.name: getattr(fact, field.name) for field in dataclasses.fields(fact)})

    assert twin == fact
    assert hash(twin) == hash(fact)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fact.status = "other"


def test_the_reference_sample_of_a_log_file() -> None:
    """The vendor's sample of a file being received has an end: how far the log has come."""
    file = wire.log_file(LOG, silent)

    assert (file.file_id, file.status, file.source_id) == ("mysql-bin.000003", "FILLING", "100.1.2.10:33204")
    assert (file.started_at, file.ended_at, file.size_bytes) == (1583721876.0, 1583742490.0, 4908210)


def test_a_log_file_is_told_from_its_namesake() -> None:
    """The job and the source instance, where the API names them, are part of a file's identity."""
    file = wire.log_file({**LOG, "BackupSetJobId": "1hv5", "SourceEndpointInstanceId": "rm-1"}, silent)

    assert (file.job_id, file.source_id) == ("1hv5", "rm-1")


def test_the_reference_sample_of_a_restore_task() -> None:
    """Progress has the stages that the API reports and no others, as ratios."""
    task = wire.restore_task(RESTORE, silent)

    assert task.progress == (("pre_structure", 1.0), ("full_data", 0.2), ("post_structure", 0.0))
    assert (task.created_at, task.finished_at, task.target_at) == (1583743872.0, None, 1583741465.0)
    assert (task.destination_type, task.destination_instance_id) == ("rds", "rm-bp1")


def test_every_physical_stage_has_its_name() -> None:
    """Each progress field of a physical restore becomes a stage of its own."""
    fields = (
        "ContinuousRestoreProgress",
        "PhysicalFullBackupRecoverProgress",
        "PhysicalIncrementBackupRecoverProgress",
        "PhysicalFullAndIncrementBackupRecoverProgress",
        "PhysicalBackupRecoverProgress",
        "PhysicalDatabaseOnlineProgress",
    )
    record = {"RestoreTaskId": "s", "RestoreStatus": "running"} | {
        field: number for number, field in enumerate(fields)
    }

    assert wire.restore_task(record, silent).progress == (
        ("continuous", 0.0),
        ("physical_full", 0.01),
        ("physical_incremental", 0.02),
        ("physical_full_and_incremental", 0.03),
        ("physical_recover", 0.04),
        ("physical_online", 0.05),
    )


def test_finish_is_a_known_end_of_a_restore() -> None:
    """No document lists `finish` for restores, but a task that reaches it is not counted as a surprise."""
    assert wire.restore_task({**RESTORE, "RestoreStatus": "finish"}, silent).status == "finish"


def test_a_plan_in_full() -> None:
    """Every field of a plan, in the forms that the SDK's models name."""
    plan = wire.plan(
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
        },
        silent,
    )

    assert (plan.gateway_id, plan.source_instance_id, plan.cross_account_id) == ("2134", "rm-1", "2001")
    assert (plan.full_retention_seconds, plan.log_retention_seconds) == (7 * 86400.0, 30 * 86400.0)
    assert plan.schedule == Schedule(weekdays=(0,), start_minute=14 * 60 + 22)
    assert (plan.restore_begin_at, plan.restore_end_at) == (1554560477.001, 1554560478.002)
    assert (plan.objects_count, plan.error_message, plan.log_backup_enabled) == (2, "broken", True)


def test_a_plan_with_nothing_but_an_id() -> None:
    """A plan that was bought and never configured has an id, and nothing else is known."""
    plan = wire.plan({"BackupPlanId": "dbs1"}, silent)

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
    plan = wire.plan({**PLAN, "BackupPeriod": period, "BackupStartTime": "02:30Z"}, silent)

    assert plan.schedule == Schedule(weekdays=weekdays, start_minute=150)


@pytest.mark.parametrize("period", ["", None, "NULL", "[]", []])
def test_a_plan_without_days_has_no_schedule(period: object) -> None:
    """A manual plan has no schedule, which is not a surprise."""
    assert wire.plan({**PLAN, "BackupPeriod": period}, silent).schedule is None


@pytest.mark.parametrize("period", ["everyday", "Monday,Feiertag", "1,3"])
def test_days_in_an_unknown_form_are_told_and_not_guessed(period: str) -> None:
    """The form for several days is not documented: what is not understood leaves the schedule unknown, and is told."""
    told = Told()

    assert wire.plan({**PLAN, "BackupPeriod": period}, told).schedule is None
    assert told.fields == ["BackupPeriod"]


def test_an_unknown_start_time_is_told() -> None:
    """A start in another form than HH:mm leaves the minute unknown, and the days known."""
    told = Told()
    plan = wire.plan({**PLAN, "BackupPeriod": "MONDAY", "BackupStartTime": "25:00"}, told)

    assert plan.schedule == Schedule(weekdays=(0,), start_minute=None)
    assert told.fields == ["BackupStartTime"]


@pytest.mark.parametrize("gateway_id", [0, "0", "", None])
def test_no_gateway_is_no_gateway(gateway_id: object) -> None:
    """The API writes 0, as a number or a string, for a plan without a gateway."""
    assert wire.plan({**PLAN, "BackupGatewayId": gateway_id}, silent).gateway_id == ""


@pytest.mark.parametrize("gateway_id", [160813, "160813", 160813.0])
def test_a_gateway_is_the_same_in_every_list(gateway_id: object) -> None:
    """A gateway's id is a number in one list and a string in another; both name the same gateway."""
    assert wire.plan({**PLAN, "BackupGatewayId": gateway_id}, silent).gateway_id == "160813"
    assert wire.gateway({**GATEWAY, "BackupGatewayId": gateway_id}, silent).gateway_id == "160813"


@pytest.mark.parametrize("spelling", ["DestinationEndpointInstanceID", "DestinationEndpointInstanceId"])
def test_both_spellings_of_an_instance_id(spelling: str) -> None:
    """The reference and the SDK differ in one letter's case."""
    record = {"RestoreTaskId": "s", "RestoreStatus": "init", spelling: "rm-1"}

    assert wire.restore_task(record, silent).destination_instance_id == "rm-1"


@pytest.mark.parametrize("spelling", ["ErrMessage", "ErrorMessage", "ErrMsg"])
def test_an_error_message_under_any_name(spelling: str) -> None:
    """Three names are in use for the same message."""
    assert wire.full_backup({**FULL, spelling: "disk full"}, silent).error_message == "disk full"


@pytest.mark.parametrize("nothing", ["NULL", "", None])
def test_the_word_null_is_no_message(nothing: str | None) -> None:
    """Samples show the word NULL where there is no error; the other spelling may still hold one."""
    assert wire.full_backup({**FULL, "ErrMessage": nothing}, silent).error_message == ""
    assert wire.full_backup({**FULL, "ErrMessage": nothing, "ErrorMessage": "x"}, silent).error_message == "x"


@pytest.mark.parametrize("written", [1583741465000, "1583741465000", " 1583741465000 ", 1583741465000.0])
def test_a_time_in_every_form(written: object) -> None:
    """Milliseconds come as a number or a string and become seconds."""
    assert wire.full_backup({**FULL, "EndTime": written}, silent).ended_at == 1583741465.0


@pytest.mark.parametrize("nothing", [0, "0", "", None, "NULL", -1, 2**63 - 1])
def test_no_time_is_not_known(nothing: object) -> None:
    """0, nothing, -1 and "for ever" are no instants."""
    assert wire.full_backup({**FULL, "EndTime": nothing}, silent).ended_at is None


@pytest.mark.parametrize(
    "nonsense",
    [1583741465, "soon", True, [], {}, 1.5, float("nan"), float("inf"), -5, 10**18, "9" * 5000, "１２"],
)
def test_what_is_no_time_fails_the_record_by_name(nonsense: object) -> None:
    """Seconds in place of milliseconds, words and objects are not guessed at: the error names the field."""
    with pytest.raises(BadAnswer) as caught:
        wire.full_backup({**FULL, "EndTime": nonsense}, silent)

    assert caught.value.field == "EndTime"


@pytest.mark.parametrize(
    ("written", "enabled"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        ("1", True),
        (1, True),
        (False, False),
        ("false", False),
        ("FALSE", False),
        (0, False),
        (None, None),
        ("", None),
        ("NULL", None),
    ],
)
def test_true_and_false_in_every_form(written: object, enabled: bool | None) -> None:
    """Booleans come as such, as words and as digits."""
    assert wire.plan({**PLAN, "EnableBackupLog": written}, silent).log_backup_enabled is enabled


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
        ("BackupPlanId", ""),
        ("BackupPlanId", None),
        ("BackupPlanId", 10**4000),
    ],
)
def test_nonsense_in_a_plan_is_named(field: str, nonsense: object) -> None:
    """Every field that cannot be understood is named in the error."""
    with pytest.raises(BadAnswer) as caught:
        wire.plan({**PLAN, field: nonsense}, silent)

    assert caught.value.field == field
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("nonsense", [-1, 101, "half", True])
def test_progress_is_a_percentage(nonsense: object) -> None:
    """What is not between 0 and 100 is no progress."""
    with pytest.raises(BadAnswer) as caught:
        wire.restore_task({**RESTORE, "FullDataRestoreProgress": nonsense}, silent)

    assert caught.value.field == "FullDataRestoreProgress"


def test_a_negative_size_is_refused() -> None:
    """A size below 0 is an error and not a size."""
    with pytest.raises(BadAnswer) as caught:
        wire.log_file({**LOG, "BackupSize": -1}, silent)

    assert caught.value.field == "BackupSize"


READERS: list[tuple[Callable[[Any, wire.Unknown], Any], dict[str, Any], str, str]] = [
    (wire.plan, PLAN, "BackupPlanStatus", "status"),
    (wire.full_backup, FULL, "BackupStatus", "status"),
    (wire.full_backup, FULL, "StorageMethod", "storage_class"),
    (wire.log_file, LOG, "BackupStatus", "status"),
    (wire.restore_task, RESTORE, "RestoreStatus", "status"),
    (wire.gateway, GATEWAY, "BackupGatewayStatus", "status"),
    (wire.download_task, DOWNLOAD, "BackupSetDownloadStatus", "status"),
    (wire.plan, PLAN, "DatabaseType", "database_type"),
    (wire.plan, PLAN, "SourceEndpointInstanceType", "source_type"),
]


@pytest.mark.parametrize(
    ("read", "record", "field", "attribute"), READERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_an_unknown_value_is_kept_and_told(
    read: Callable[[Any, wire.Unknown], Any], record: dict[str, Any], field: str, attribute: str
) -> None:
    """A value that no document lists keeps its own name, and is told once."""
    told = Told()
    fact = read({**record, field: "Hibernating"}, told)

    assert getattr(fact, attribute) == "Hibernating"
    assert told.fields == [field]


@pytest.mark.parametrize(
    ("read", "record", "field"),
    [(r, rec, f) for r, rec, f, a in READERS if f.endswith("Status") and r is not wire.plan],
)
def test_a_record_without_its_status_is_refused(
    read: Callable[[Any, wire.Unknown], Any], record: dict[str, Any], field: str
) -> None:
    """A job whose state is not told cannot be counted as anything."""
    without = {name: value for name, value in record.items() if name != field}
    with pytest.raises(BadAnswer) as caught:
        read(without, silent)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("said", "status"),
    [("Running", "running"), ("RDS", "rds"), ("Express", "express")],
)
def test_known_values_in_another_case(said: str, status: str) -> None:
    """The documents themselves write RDS and rds for the same thing."""
    if status == "running":
        assert wire.plan({**PLAN, "BackupPlanStatus": said}, silent).status == status
    assert wire.plan({**PLAN, "SourceEndpointInstanceType": "RDS"}, silent).source_type == "rds"


@pytest.mark.parametrize("spelling", ["cached", "Caught", "catched"])
def test_one_download_state_has_three_spellings(spelling: str) -> None:
    """The Chinese page says cached where the English says Caught."""
    assert wire.download_task({**DOWNLOAD, "BackupSetDownloadStatus": spelling}, silent).status == "cached"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Items": ""},
        {"Items": None},
        {"Items": "NULL"},
        {"Items": {}},
        {"Items": []},
        {"Items": {"FullBackupFile": None}},
        {"Items": {"FullBackupFile": ""}},
        {"Items": {"FullBackupFile": {}}},
        {"Items": {"FullBackupFile": []}},
        {"Items": {"Other": [1]}},
    ],
)
def test_an_empty_list_in_every_form(answer: dict[str, Any]) -> None:
    """Nothing is written in many ways, and all of them are an empty list."""
    assert wire.items(answer, ("Items", "FullBackupFile")) == []


def test_one_object_stands_for_a_list_of_one() -> None:
    """XML turned into JSON leaves a single item without its brackets."""
    assert wire.items({"Items": {"FullBackupFile": FULL}}, ("Items", "FullBackupFile")) == [FULL]
    assert wire.items({"Items": {"FullBackupFile": [FULL]}}, ("Items", "FullBackupFile")) == [FULL]


@pytest.mark.parametrize("nonsense", ["text", 5, True, [1], ["a"], [None], [[FULL]]])
def test_items_that_are_no_objects_are_refused(nonsense: object) -> None:
    """A list of anything but objects is named by its path."""
    with pytest.raises(BadAnswer) as caught:
        wire.items({"Items": {"FullBackupFile": nonsense}}, ("Items", "FullBackupFile"))

    assert caught.value.field == "Items.FullBackupFile"


@pytest.mark.parametrize("nonsense", ["text", 5, [{"FullBackupFile": []}]])
def test_a_way_that_leads_nowhere_is_refused(nonsense: object) -> None:
    """Something other than an object on the way to a list is named."""
    with pytest.raises(BadAnswer) as caught:
        wire.items({"Items": nonsense}, ("Items", "FullBackupFile"))

    assert caught.value.field == "Items"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"dbName": "TaskDB"}, ("TaskDB",)),
        ({"dbName": ["a", "b"]}, ("a", "b")),
        ("", ()),
        (None, ()),
        ({"dbName": ""}, ()),
    ],
)
def test_a_scalar_stands_for_a_list(said: object, names: tuple[str, ...]) -> None:
    """One database is told as a text, several as a list, none as an empty text."""
    assert wire.database_names({"DbList": said}) == names


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ('[{"DBName":"a"},{"DBName":"b"},{"DBName":"a"},{"Table":"c"},5]', 2),
        ([{"DBName": "a"}], 1),
        ("[]", None),
        ('{"DBName":"a"}', None),
        ("orders", None),
        ("[" * 100_000, None),
        (None, None),
        (7, None),
    ],
)
def test_databases_of_a_plan_are_counted(said: object, count: int | None) -> None:
    """Databases are counted once each; another form than a list of objects is not known, and breaks nothing."""
    assert wire.plan({**PLAN, "BackupObjects": said}, silent).objects_count == count


@pytest.mark.parametrize(
    "nonsense", [{"RegionCode": {"a": 1}}, {"RegionCode": [["a"]]}, {"RegionCode": [True]}, 5]
)
def test_texts_that_are_no_texts_are_refused(nonsense: object) -> None:
    """A list of regions that holds anything but texts is named."""
    with pytest.raises(BadAnswer, match="Regions"):
        wire.regions({"Regions": nonsense})


@pytest.mark.parametrize(("said", "size"), [("12", 12), ("", None), (None, None), (12.0, 12), (0, 0)])
def test_sizes_in_every_form(said: object, size: int | None) -> None:
    """Bytes come as a number or a string; nothing is not 0."""
    assert wire.log_file({**LOG, "BackupSize": said}, silent).size_bytes == size


def test_regions_and_networks() -> None:
    """Lists of texts, one of them empty in the vendor's own sample."""
    assert wire.regions({"Regions": {"RegionCode": ""}}) == ()
    assert wire.regions({"Regions": {"RegionCode": ["cn-hangzhou", "cn-beijing"]}}) == (
        "cn-hangzhou",
        "cn-beijing",
    )
    networks = wire.node_networks(
        {"InternetIPs": {"InternetIP": "118.0.0.0/24"}, "IntranetIPs": {"IntranetIP": ["10.0.0.0/8"]}}
    )
    assert (networks.internet, networks.intranet) == (("118.0.0.0/24",), ("10.0.0.0/8",))


def test_restore_ranges_and_points() -> None:
    """A range has two ends; points are the ends of the full backups they are made of."""
    answer = {
        "Items": {
            "DBSRecoverRange": [
                {
                    "RangeType": "range",
                    "BeginTimestampForRestore": 1583740000000,
                    "EndTimestampForRestore": 1583750000000,
                },
                {
                    "RangeType": "point",
                    "BeginTimestampForRestore": 1583730000000,
                    "EndTimestampForRestore": 1583740000000,
                    "FullBackupList": {
                        "FullBackupDetail": [{"EndTime": 1583730000000}, {"EndTime": "1583740000000"}]
                    },
                },
                {
                    "RangeType": "point",
                    "BeginTimestampForRestore": 1583720000000,
                    "EndTimestampForRestore": 0,
                },
            ]
        }
    }

    assert wire.restore_ranges(answer) == (
        RestoreRange(range_type="range", begin_at=1583740000.0, end_at=1583750000.0),
        RestoreRange(range_type="point", begin_at=1583730000.0, end_at=1583730000.0),
        RestoreRange(range_type="point", begin_at=1583740000.0, end_at=1583740000.0),
        RestoreRange(range_type="point", begin_at=1583720000.0, end_at=None),
    )


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    """Such a range would make recoverability look like more than it is."""
    record = {
        "RangeType": "range",
        "BeginTimestampForRestore": 1583750000000,
        "EndTimestampForRestore": 1583740000000,
    }
    with pytest.raises(BadAnswer) as caught:
        wire.restore_ranges({"Items": {"DBSRecoverRange": record}})

    assert caught.value.field == "EndTimestampForRestore"


def test_the_reference_sample_of_a_precheck() -> None:
    """A pre-check has a status, a progress and items; newer documents spell one state in another way."""
    answer = {
        "Status": "failed",
        "Progress": 20,
        "Items": {"PreCheckProgressDetail": [{"Item": "CHECK_A", "State": "catched", "ErrMsg": "no"}]},
        "Success": True,
    }
    precheck = wire.precheck(answer, "plan", "dbs1")

    assert precheck is not None
    assert (precheck.subject, precheck.subject_id, precheck.status, precheck.progress) == (
        "plan",
        "dbs1",
        "failed",
        0.2,
    )
    assert precheck.items == (PrecheckItem(item="CHECK_A", state="caught", error_message="no"),)


def test_a_precheck_that_never_ran() -> None:
    """No status and no items is no pre-check; items without a status is an answer that cannot be understood."""
    assert wire.precheck({"Items": "", "Success": True}, "plan", "dbs1") is None
    with pytest.raises(BadAnswer) as caught:
        wire.precheck({"Items": {"PreCheckProgressDetail": {"Item": "A", "State": "init"}}}, "plan", "dbs1")
    assert caught.value.field == "Status"


def test_a_job_error_with_and_without_a_code() -> None:
    """A job whose error has no code gives none, as the vendor's own sample does."""
    assert wire.job_error({"Item": {"Language": "en", "JobId": "t"}}, "restore", "t") is None
    assert wire.job_error({"Item": ""}, "restore", "t") is None
    assert wire.job_error(
        {"Item": {"ErrorCode": "E1", "ErrorMessage": "no"}}, "full_backup", "t"
    ) == JobError(job="full_backup", job_id="t", error_code="E1", error_message="no")


def test_billing_in_bytes() -> None:
    """Sizes stay bytes; a free volume means something only where it is limited."""
    item = {"BuyChargeType": "PREPAY", "FullStorageSize": "12", "ContStorageSize": 34, "TotalFreeBytes": 5}
    limited = wire.billing({"Item": item | {"IsFreeBytesUnlimited": False}})
    unlimited = wire.billing({"Item": item | {"IsFreeBytesUnlimited": "true"}})

    assert (limited.full_storage_bytes, limited.log_storage_bytes, limited.free_bytes) == (12, 34, 5)
    assert unlimited.free_bytes is None


@pytest.mark.parametrize("answer", [{}, {"Item": ""}, {"Item": [{}, {}]}])
def test_billing_that_is_not_there(answer: dict[str, Any]) -> None:
    """An answer without the one object it is about cannot be understood."""
    with pytest.raises(BadAnswer) as caught:
        wire.billing(answer)

    assert caught.value.field == "Item"


def test_a_text_can_always_be_exported() -> None:
    """A lone surrogate, legal in JSON, becomes something that UTF-8 can carry."""
    record = json.loads('{"BackupPlanId": "dbs1", "BackupPlanName": "a\\ud800b\\u00fc"}')

    assert wire.plan(record, silent).name == "a?bü"


# ── whatever JSON holds, only a fact or BadAnswer comes out ──

OTHER_FIELDS = (
    "ErrMessage BackupPeriod BackupStartTime Item Items DBSRecoverRange RangeType FullBackupList FullBackupDetail "
    "PreCheckProgressDetail State Status Progress ErrorCode IsFreeBytesUnlimited TotalFreeBytes Regions RegionCode DbList "
    "dbName InternetIPs InternetIP EnableBackupLog BackupRetentionPeriod LogBackupRetentionPeriod"
)
FIELDS = st.sampled_from([*PLAN, *FULL, *LOG, *RESTORE, *GATEWAY, *DOWNLOAD, *OTHER_FIELDS.split()])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(1_500_000_000_000, 1_600_000_000_000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "NULL",
            "finish",
            "running",
            "point",
            "MONDAY,Tue",
            "[1",
            '[{"DBName":[]}]',
            "100",
            "[" * 9999,
        ]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=24,
)
RECORDS = st.dictionaries(FIELDS, JSON, max_size=14)
ALL: list[Callable[[Any], Any]] = [
    lambda record: wire.plan(record, lambda field: None),
    lambda record: wire.full_backup(record, lambda field: None),
    lambda record: wire.log_file(record, lambda field: None),
    lambda record: wire.restore_task(record, lambda field: None),
    lambda record: wire.gateway(record, lambda field: None),
    lambda record: wire.download_task(record, lambda field: None),
    wire.restore_ranges,
    lambda record: wire.precheck(record, "plan", "dbs1"),
    lambda record: wire.job_error(record, "restore", "s1"),
    wire.billing,
    wire.node_networks,
    wire.regions,
    wire.database_names,
]


def read_or_refused(read: Callable[[Any], Any], record: dict[str, Any]) -> tuple[str, str]:
    """Give the field that was refused, or the fact in words."""
    try:
        return "", repr(read(record))
    except BadAnswer as error:
        return error.field, ""


@given(RECORDS)
def test_no_record_raises_anything_but_bad_answer(record: dict[str, Any]) -> None:
    """Arbitrary JSON gives a fact or a BadAnswer that names a field, from every function; and texts fit for UTF-8."""
    for base in ({}, PLAN, FULL, LOG, RESTORE, GATEWAY, DOWNLOAD):
        for read in ALL:
            field, shown = read_or_refused(read, {**base, **record})
            assert field or shown.encode()
