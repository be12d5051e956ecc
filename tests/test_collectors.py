"""Which calls make which facts: what is asked, with which parameters, and what is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.collectors import table as collectors
from dbs_exporter.collectors.table import TABLE, PlanRead, Reading
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.full_backups import FullBackup, FullBackupHistory
from dbs_exporter.facts.job_errors import JobError
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restores import RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import PlanSubject, Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")
NOW = 2_000_000.0
WITHIN = 60.0


class FakeApi:
    """Answers by operation, an error among them is raised; asserts that every question is a complete one."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        assert within == WITHIN
        # As the client does: it adds the region and refuses what the table does not know.
        region = {"Region": SCOPE.region} if OPERATIONS[operation].region_parameter else {}
        request_parameters(OPERATIONS[operation], {**region, **params})
        self.asked.append((operation, dict(params)))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]:
        return self.call(operation, params, within=within) or []  # type: ignore[return-value]


def subject(**known: Any) -> PlanSubject:
    """A plan, with what is already known of it."""
    plan = known.pop("plan", Plan(plan_id="dbs1", status="running", log_backup_enabled=True))
    return PlanSubject(scope=SCOPE, plan=plan, **known)


def read(api: FakeApi, name: str, known: PlanSubject | None = None) -> PlanRead:
    """One read of one plan."""
    collector = TABLE[name].read
    assert collector is not None
    return collector(
        Reading(api=api, subject=known or subject(), now=NOW, within=WITHIN, unknown=lambda _: None)
    )


def failed_restore(task_id: str, status: str = "stop") -> RestoreTask:
    """A restore task in a state."""
    return RestoreTask(task_id=task_id, plan_id="dbs1", status=status)


STANDS_FAILED = FullBackupHistory(last_attempt=FullBackup(backup_set_id="set9", status="stop"))


@pytest.mark.parametrize("name", TABLE)
def test_every_operation_a_collector_names_only_reads(name: str) -> None:
    """The exporter never calls a write."""
    assert TABLE[name].operations
    assert not any(OPERATIONS[operation].writes for operation in TABLE[name].operations)


@pytest.mark.parametrize("name", [name for name, one in TABLE.items() if one.level == "plan"])
def test_a_plan_level_collector_calls_only_what_it_names(name: str) -> None:
    """`check` asks for permission by these names."""
    plan = Plan(plan_id="dbs1", status="init", restore_begin_at=1.0, restore_end_at=2.0)
    known = subject(plan=plan, full_backups=STANDS_FAILED)
    api = FakeApi(DescribeBackupPlanBilling={"Item": {"BuySpec": "x"}})
    read(api, name, known)

    assert api.asked
    assert {operation for operation, _ in api.asked} == set(TABLE[name].operations)


def test_plans_are_asked_with_their_window_and_left_to_their_own_region() -> None:
    """Many regions share an endpoint, and one that ignores Region must not give every plan to each."""
    records = [
        {"BackupPlanId": "dbs1", "BackupPlanRegion": "cn-hangzhou"},
        {"BackupPlanId": "dbs2", "BackupPlanRegion": "cn-beijing"},
        {"BackupPlanId": "dbs3"},
        {"BackupPlanId": "dbs3"},
    ]
    api = FakeApi(DescribeBackupPlanList=records)
    found = collectors.plans(api, "cn-hangzhou", WITHIN, lambda _: None)

    assert [one.plan_id for one in found] == ["dbs1", "dbs3"]
    assert api.asked[0][1] == {
        "Region": "cn-hangzhou",
        "ShowRecoverTimeRange": True,
        "ShowBackupStrategyInfo": True,
        "ShowStorageStrategyInfo": True,
    }


@pytest.mark.parametrize("enabled", [True, False, None])
def test_log_files_are_read_also_where_log_backup_is_off(enabled: bool | None) -> None:
    """What was received before is what is left to restore from, and its lag is what an alert looks at."""
    api = FakeApi()
    read(api, "incremental_backups", subject(plan=Plan(plan_id="dbs1", log_backup_enabled=enabled)))

    assert api.asked == [("DescribeIncrementBackupList", {"BackupPlanId": "dbs1", "ShowStorageType": True})]


@pytest.mark.parametrize(("begin", "end"), [(None, None), (1.0, None), (None, 2.0)])
def test_without_a_window_there_is_nothing_to_ask_and_nothing_to_restore(
    begin: float | None, end: float | None
) -> None:
    """DescribeRestoreRangeInfo needs both edges, which the plan list leaves out where nothing can be restored."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", restore_begin_at=begin, restore_end_at=end)

    assert read(api, "restore_ranges", subject(plan=plan)).facts == {"ranges": ()}
    assert api.asked == []


def test_ranges_are_asked_in_milliseconds_to_the_present() -> None:
    """The window of a plan list that is minutes old must not cut off what came since."""
    api = FakeApi()
    plan = Plan(plan_id="dbs1", restore_begin_at=1_000_000.5, restore_end_at=1_500_000.0)
    read(api, "restore_ranges", subject(plan=plan))

    assert api.asked[0][1] == {
        "BackupPlanId": "dbs1",
        "BeginTimestampForRestore": 1_000_000_500,
        "EndTimestampForRestore": int(NOW * 1000),
    }


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ("wait", True), ("init", True), ("check_pass", True), ("running", False), ("pause", False),
        ("stop", False), ("locked", False),
    ],
)  # fmt: skip
def test_a_pre_check_of_a_plan_is_asked_where_one_can_be_running_or_failed(status: str, asked: bool) -> None:
    """A plan that has begun has passed it."""
    api = FakeApi()
    read(api, "prechecks", subject(plan=Plan(plan_id="dbs1", status=status)))

    assert bool(api.asked) is asked


def test_a_pre_check_of_a_restore_is_asked_by_the_task_alone() -> None:
    """Exactly one of the two ids may be given."""
    tasks = (failed_restore("r1", "init"), failed_restore("r2", "running"), failed_restore("r3", "finish"))
    api = FakeApi()
    read(api, "prechecks", subject(restores=RestoreHistory(tasks=tasks)))

    assert api.asked == [("DescribePreCheckProgressList", {"RestoreTaskId": "r1"})]


def test_error_codes_are_asked_of_jobs_that_stand_failed() -> None:
    """The last full backup and the restores that failed, and nothing that goes on or went well."""
    tasks = (failed_restore("r1"), failed_restore("r2", "running"), failed_restore("r3", "finish"))
    api = FakeApi(DescribeJobErrorCode={"Item": {"ErrorCode": "DBS.NoSpace"}})
    known = subject(full_backups=STANDS_FAILED, restores=RestoreHistory(tasks=tasks))
    found = read(api, "job_errors", known).facts["job_errors"]

    assert [params["TaskId"] for _, params in api.asked] == ["set9", "r1"]
    assert [(one.job, one.error_code) for one in found] == [
        ("full_backup", "DBS.NoSpace"), ("restore", "DBS.NoSpace"),
    ]  # fmt: skip


def test_an_error_code_is_asked_once_and_gone_when_the_job_no_longer_stands_failed() -> None:
    """A code does not change; a backup that succeeded since needs none."""
    api = FakeApi(DescribeJobErrorCode={"Item": {"ErrorCode": "DBS.NoSpace"}})
    known = JobError(job="full_backup", job_id="set9", error_code="DBS.NoSpace")
    failed = subject(full_backups=STANDS_FAILED, job_errors=(known,))
    mended = FullBackupHistory(last_attempt=FullBackup(backup_set_id="set10", status="finish"))

    assert read(api, "job_errors", failed).facts == {"job_errors": (known,)}
    assert read(api, "job_errors", replace(failed, full_backups=mended)).facts == {"job_errors": ()}
    assert api.asked == []


def test_a_job_the_service_has_forgotten_fails_nothing() -> None:
    """The failure itself is already told by the lists."""
    api = FakeApi(DescribeJobErrorCode=Invalid("no such job", code="InvalidJobId"))
    found = read(api, "job_errors", subject(full_backups=STANDS_FAILED)).facts["job_errors"]

    assert [one.job_id for one in found] == ["set9"]


@pytest.mark.parametrize("name", ["full_backups", "incremental_backups", "restores", "downloads"])
def test_one_record_that_cannot_be_understood_fails_its_group_whole(name: str) -> None:
    """Half a list would be a lie; the store keeps the last good one."""
    operation = TABLE[name].operations[0]

    with pytest.raises(BadAnswer):
        read(FakeApi(**{operation: [{"Nothing": "known"}]}), name)


def test_only_what_has_ended_is_told_to_the_counters() -> None:
    """A running set is no event yet, and what failed is told apart."""
    records = [
        {"BackupSetId": f"s{number}", "BackupStatus": status, "BackupSize": 5}
        for number, status in enumerate(["finish", "stop", "running", "pause", "schedule"])
    ]
    ended = read(FakeApi(DescribeFullBackupList=records), "full_backups").ended

    assert ended is not None
    assert [(one.identity, one.success) for one in ended] == [("s0", True), ("s1", False)]


def test_networks_and_regions_and_gateways_are_read_as_facts() -> None:
    """The region's own groups, a gateway listed twice counted once."""
    gateway = {"BackupGatewayId": "7", "BackupGatewayStatus": "ONLINE"}
    api = FakeApi(
        DescribeRegions={"Regions": {"RegionCode": ["cn-hangzhou", "cn-beijing"]}},
        DescribeNodeCidrList={"InternetIPs": {"InternetIP": ["192.0.2.0/24"]}},
        DescribeBackupGatewayList=[gateway, gateway],
    )

    assert collectors.supported_regions(api, WITHIN) == ("cn-hangzhou", "cn-beijing")
    assert collectors.node_networks(api, "cn-hangzhou", WITHIN).internet == ("192.0.2.0/24",)
    assert [one.gateway_id for one in collectors.gateways(api, "cn-hangzhou", WITHIN, lambda _: None)] == [
        "7"
    ]
