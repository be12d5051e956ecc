"""The table: every promised family with its labels and help, nothing else, and what holds for all of it."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from importlib import import_module
from typing import Any

import pytest
from msgspec.structs import replace
from support.contract import promised
from support.fake_api import NOW, SCOPE, FakeApi, reading_of, reading_of_plan, subject_of
from support.family_lines import lines
from support.known_subjects import ACCOUNT, FREE_TEXT, PLAN, REGION
from support.subjects import subject_with

import dbs_exporter.collectors
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.collectors import freshness, plans, protection, restore_ranges
from dbs_exporter.collectors.base import AccountCollector, PlanCollector, RegionCollector
from dbs_exporter.collectors.table import TABLE, AnyCollector, Table
from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory, DownloadTask
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.groups import Group, Known, Subject, with_facts
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.maintenance import Maintenance
from dbs_exporter.facts.noticed import NETWORKS_ADDED
from dbs_exporter.facts.objectives import Owner
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.protection import LOG_DENIED
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask, running_key
from dbs_exporter.facts.subjects import (
    AccountSubject,
    Level,
    Outage,
    PlanSubject,
    Proof,
    RegionSubject,
    Weakening,
)
from dbs_exporter.facts.tallies import Tally
from dbs_exporter.metrics import rows
from dbs_exporter.metrics.family import Family, Part

CONTRACT = """
dbs_plan_info plan_name database_type backup_method instance_class source_type source_instance_id
    source_region gateway_id resource_group_id cross_account_id
dbs_plan_status status
dbs_plan_created_timestamp_seconds
dbs_plan_expires_timestamp_seconds
dbs_plan_log_backup_enabled
dbs_plan_retention_seconds backup_type
dbs_plan_schedule_max_gap_seconds
dbs_plan_database_objects
dbs_plan_recoverable_from_timestamp_seconds
dbs_plan_recoverable_until_timestamp_seconds
dbs_plan_recoverable_ranges range_type
dbs_plan_recovery_gaps scope
dbs_plan_recovery_gap_seconds scope
dbs_plan_recovery_point_timestamp_seconds
dbs_plan_last_good_expires_timestamp_seconds
dbs_plan_objective_seconds objective
dbs_plan_restore_estimate_seconds
dbs_plan_billing_storage_bytes backup_type
dbs_plan_billing_used_bytes backup_type
dbs_plan_billing_free_bytes
dbs_plan_billing_paid_bytes
dbs_plan_billing_info charge_type spec
dbs_plan_last_read_timestamp_seconds collector
dbs_plan_fresh_until_timestamp_seconds facts
dbs_plan_condition_since_timestamp_seconds condition state facts
dbs_plan_condition_until_timestamp_seconds condition state facts
dbs_plan_condition_explained_until_timestamp_seconds condition cause facts
dbs_plan_muted_from_timestamp_seconds
dbs_plan_muted_until_timestamp_seconds
dbs_plan_muted_info reason
dbs_plan_owner_info owner team tier
dbs_plan_objective_source_info objective source
dbs_plan_recovery_gap_begin_timestamp_seconds
dbs_plan_recovery_gap_end_timestamp_seconds
dbs_region_condition_since_timestamp_seconds condition state facts
dbs_region_condition_until_timestamp_seconds condition state facts
dbs_restore_task_condition_since_timestamp_seconds restore_task_id condition state facts
dbs_restore_task_condition_until_timestamp_seconds restore_task_id condition state facts
dbs_download_task_condition_since_timestamp_seconds download_task_id condition state facts
dbs_download_task_condition_until_timestamp_seconds download_task_id condition state facts
dbs_gateway_condition_since_timestamp_seconds gateway_id condition state facts
dbs_region_plan_gone_timestamp_seconds plan_id
dbs_full_backup_last_success_timestamp_seconds
dbs_full_backup_last_success_duration_seconds
dbs_full_backup_last_success_queue_seconds
dbs_full_backup_last_success_size_bytes
dbs_full_backup_last_success_expires_timestamp_seconds
dbs_full_backup_missing_databases
dbs_full_backup_last_attempt_timestamp_seconds
dbs_full_backup_last_attempt_status status
dbs_full_backup_consecutive_failures
dbs_full_backup_running_started_timestamp_seconds
dbs_full_backup_running_progress_ratio stage
dbs_full_backup_orphaned_jobs
dbs_full_backup_sets status
dbs_full_backup_sets_bytes storage_class
dbs_full_backup_size_median_bytes
dbs_full_backup_duration_median_seconds
dbs_full_backups_completed_total result
dbs_full_backup_bytes_total
dbs_full_backup_duration_seconds_total
dbs_incremental_backup_last_data_timestamp_seconds
dbs_incremental_backup_last_completed_timestamp_seconds
dbs_incremental_backup_files status
dbs_incremental_backup_files_bytes storage_class
dbs_incremental_backups_completed_total result
dbs_incremental_backup_bytes_total
dbs_restore_task_info restore_task_id restore_task_name destination_type destination_instance_id
    destination_region destination_address gateway_id directory backup_set_id
dbs_restore_task_status restore_task_id status
dbs_restore_task_progress_ratio restore_task_id stage
dbs_restore_task_created_timestamp_seconds restore_task_id
dbs_restore_task_started_timestamp_seconds restore_task_id
dbs_restore_task_finished_timestamp_seconds restore_task_id
dbs_restore_task_target_timestamp_seconds restore_task_id
dbs_restore_tasks status
dbs_restore_last_success_timestamp_seconds
dbs_restore_last_success_duration_seconds
dbs_restore_last_proof_timestamp_seconds
dbs_restores_completed_total result
dbs_precheck_status subject subject_id status
dbs_precheck_progress_ratio subject subject_id
dbs_precheck_items subject subject_id state
dbs_precheck_item_failed subject subject_id item
dbs_job_error_info job_kind job_id error_code
dbs_download_tasks status
dbs_download_task_info download_task_id backup_set_id data_format way target_type gateway_id job_type
    download_task_name directory backup_set_code
dbs_download_task_status download_task_id status
dbs_download_task_size_bytes download_task_id
dbs_download_task_created_timestamp_seconds download_task_id
dbs_download_task_finished_timestamp_seconds download_task_id
dbs_download_last_success_timestamp_seconds
dbs_gateway_info gateway_id identifier display_name hostname internet_ip intranet_ip
dbs_gateway_status gateway_id status
dbs_gateway_last_heartbeat_timestamp_seconds gateway_id
dbs_gateway_created_timestamp_seconds gateway_id
dbs_gateway_plans gateway_id
dbs_region_fresh_until_timestamp_seconds facts
dbs_region_info region
dbs_node_cidr_info network cidr
"""

KNOWN: dict[Level, Subject] = {"account": ACCOUNT, "region": REGION, "plan": PLAN}
"""Subjects of which everything is known."""
STOPPED = RestoreTask(task_id="r1", plan_id="dbs1", status="stop", created_at=9.0)
TROUBLED: dict[Level, Subject] = {
    "account": ACCOUNT,
    "region": replace(REGION, gone={"dbs9": 5_000.0}, noticed={NETWORKS_ADDED: 5_000.0}),
    "plan": subject_with(
        replace(
            PLAN,
            objectives=replace(
                PLAN.objectives,
                maintenance=(Maintenance(reason="r"),),
                owner=Owner(team="t"),
                sources={"rpo": "default"},
            ),
            noticed={running_key(STOPPED): 9.0, LOG_DENIED: 9.0},
            weakened={"databases": Weakening(was=4.0, at=6_000.0)},
            outage=Outage(began_at=0.0, seen_at=6_000.0),
            proofs=(
                Proof(
                    task_id="r0",
                    finished_at=9.0,
                    destination_type="RDS",
                    seconds=9.0,
                    size_bytes=9,
                    log_seconds=0.0,
                ),
            ),
        ),
        (
            RESTORES,
            RestoreHistory(tasks=(STOPPED,), successes=((9.0, None),)),
        ),
        (
            FULL_BACKUPS,
            FullBackupHistory(
                last_success=FullBackup(backup_set_id="s", status="finish", size_bytes=9, objects=("a",))
            ),
        ),
        (
            RANGES,
            tuple(RestoreRange(range_type="range", begin_at=at, end_at=at + 9) for at in (5_000.0, 6_000.0)),
        ),
        (
            DOWNLOADS,
            DownloadHistory(
                tasks=(DownloadTask(task_id="d1", plan_id="dbs1", status="failed", created_at=9.0),)
            ),
        ),
        (LOG_BACKUPS, LogHistory(spans=((0.0, 7_000.0),))),
    ),
}
"""The same where something is wrong that is right there."""
UNKNOWN: dict[Level, Subject] = {
    "account": AccountSubject(account=SCOPE.account),
    "region": RegionSubject(scope=SCOPE),
    "plan": PlanSubject(scope=SCOPE, plan=Plan(plan_id="dbs1")),
}
"""Subjects of which nothing was read."""


def read(collector: AnyCollector, api: FakeApi, subject: PlanSubject | None = None) -> None:
    """Let a collector read what it reads, of any level."""
    match collector:
        case PlanCollector():
            collector.read(reading_of_plan(api, subject))
        case RegionCollector() | AccountCollector():
            collector.read(reading_of(api))


@pytest.mark.parametrize("name", promised(CONTRACT))
def test_a_promised_family_has_the_promised_labels(name: str) -> None:
    """No family of the contract is missing, and none has other labels than it says."""
    [family] = [family for family in TABLE.families if family.name == name]

    assert set(family.labels) == promised(CONTRACT)[name]


def test_the_table_holds_nothing_that_is_not_promised() -> None:
    """A new family is added to the contract too."""
    assert {family.name for family in TABLE.families} == set(promised(CONTRACT))


@pytest.mark.parametrize("family", TABLE.families, ids=lambda family: family.name)
def test_help_names_where_the_value_comes_from(family: Family) -> None:
    """HELP names an API operation and says that it is polled."""
    assert re.search(r"\bDescribe[A-Z]\w+", family.help)
    assert family.help.endswith("; polled).")


@pytest.mark.parametrize("collector", list(TABLE), ids=lambda collector: collector.name)
def test_every_operation_a_collector_names_only_reads(collector: AnyCollector) -> None:
    """The exporter never calls a write."""
    assert collector.operations
    assert not any(OPERATIONS[operation].writes for operation in collector.operations)


@pytest.mark.parametrize("collector", list(TABLE), ids=lambda collector: collector.name)
def test_a_collector_calls_only_what_it_names(collector: AnyCollector) -> None:
    """`check` asks for permission by these names."""
    failed = FullBackupHistory(last_attempt=FullBackup(backup_set_id="set9", status="stop"))
    plan = Plan(plan_id="dbs1", status="init", restore_begin_at=NOW - 2.0, restore_end_at=NOW - 1.0)
    api = FakeApi(
        DescribeBackupPlanBilling={"Item": {"BuySpec": "x"}},
        DescribeRegions={"Regions": {"RegionCode": "cn-hangzhou"}},
    )
    read(collector, api, subject_with(subject_of(plan), (FULL_BACKUPS, failed)))

    assert api.asked
    assert {operation for operation, _ in api.asked} == set(collector.operations)


@pytest.mark.parametrize("collector", list(TABLE), ids=lambda collector: collector.name)
def test_permission_is_tried_with_operations_of_the_collector(collector: AnyCollector) -> None:
    """Parameters of a question that the collector never asks would be lost."""
    assert set(collector.probe or ()) <= set(collector.operations)


@pytest.mark.parametrize(
    "name", ["plans", "gateways", "full_backups", "incremental_backups", "restores", "downloads"]
)
def test_a_list_of_which_nothing_can_be_understood_fails_its_group_whole(name: str) -> None:
    """It is no empty list; the store keeps the last good one."""
    [operation] = TABLE[name].operations

    with pytest.raises(BadAnswer):
        read(TABLE[name], FakeApi(**{operation: [{"Nothing": "known"}]}))


class Watched:
    """A subject that notes at which of its groups and fields something looks."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.seen: set[Part] = set()

    def get(self, group: Group[Any]) -> Any:
        self.seen.add(group)
        return self.subject.get(group)

    def tally(self, group: Group[Any]) -> Tally:
        self.seen.add(group)
        return self.subject.tally(group)

    def known(self, group: Group[Any]) -> Known:
        # Facts and tally may be named in `reads`; when they were read may not, and so it is noted apart.
        self.seen.add(f"when {group.name} was read")
        return self.subject.known(group)

    def __getattr__(self, name: str) -> object:
        self.seen.add(name)
        return getattr(self.subject, name)


@pytest.mark.parametrize(
    "family", [family for family in TABLE.families if family.reads], ids=lambda family: family.name
)
def test_a_family_looks_at_nothing_but_what_it_says(family: Family) -> None:
    """With any group known or not: what a family does not look at may change without its being asked again."""
    known = KNOWN[family.of]
    groups = [collector.group for collector in TABLE if collector.group.name in known.groups]
    subjects = [
        known,
        TROUBLED[family.of],
        UNKNOWN[family.of],
        *(with_facts(known, group, None) for group in groups),
    ]
    if isinstance(known, PlanSubject):
        subjects.append(replace(known, plan=replace(known.plan, expires_at=None, restore_end_at=9.0)))
    for subject in subjects:
        watched = Watched(subject)
        list(family.rows(watched))

        assert watched.seen <= set(family.reads)


def test_every_family_says_what_it_looks_at() -> None:
    """Or it would be rendered anew at each read of any list; only when each list was read changes each time."""
    assert [family.name for family in TABLE.families if not family.reads] == [
        "dbs_plan_last_read_timestamp_seconds"
    ]


def test_few_families_of_other_lists_look_at_the_plan() -> None:
    """The end of its window moves with each plan list: they would all be rendered anew every two minutes."""
    others = [collector for collector in TABLE if collector is not plans.COLLECTOR]

    assert {family.name for each in others for family in each.families if "plan" in family.reads} == {
        "dbs_full_backup_missing_databases",
        "dbs_restore_last_proof_timestamp_seconds",
    }


@pytest.mark.parametrize("family", TABLE.families, ids=lambda family: family.name)
def test_every_family_has_a_series_where_everything_is_known(family: Family) -> None:
    """Which ones is said beside each collector's own tests."""
    assert lines(KNOWN[family.of], family.name) or lines(TROUBLED[family.of], family.name)


def test_a_plan_of_which_nothing_is_known_has_only_what_is_counted_here() -> None:
    """Unknown is absent: no 0, no NaN; the exporter's own counters start at 0."""
    subject = UNKNOWN["plan"]
    present = {
        family.name for family in TABLE.families if family.of == "plan" and lines(subject, family.name)
    }

    assert present == {
        "dbs_plan_info",
        *(family.name for family in TABLE.families if family.type == "counter"),
    }
    assert lines(subject, "dbs_full_backups_completed_total") == [
        '{result="success"} 0.0',
        '{result="failure"} 0.0',
    ]


@pytest.mark.parametrize("level", ["account", "region"])
def test_an_account_or_region_of_which_nothing_is_known_has_nothing(level: Level) -> None:
    """One that was never read gives no series."""
    families = [family for family in TABLE.families if family.of == level]

    assert families
    assert [family.name for family in families if lines(UNKNOWN[level], family.name)] == []


def test_no_label_carries_free_text() -> None:
    """Error messages of the API stay out of every series."""
    for family in TABLE.families:
        assert FREE_TEXT not in "".join(lines(KNOWN[family.of], family.name))


@pytest.mark.parametrize(
    "module",
    [
        rows,
        *(
            import_module(f"{dbs_exporter.collectors.__name__}.{found.name}")
            for found in pkgutil.iter_modules(dbs_exporter.collectors.__path__)
        ),
    ],
    ids=lambda module: module.__name__,
)
def test_family_functions_cannot_look_at_a_clock(module: object) -> None:
    """Families are functions of facts alone: their modules import nothing that knows the time."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    imported = {
        name.split(".")[-1]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + [alias.name for alias in node.names]
    }

    assert not imported & {"time", "datetime", "clock", "random"}


def test_two_collectors_of_one_name_make_no_table() -> None:
    """A name is a key of the configuration and a label, and stands for one thing."""
    with pytest.raises(ValueError, match="two collectors share a name"):
        Table((plans.COLLECTOR, plans.COLLECTOR))


def test_two_families_of_one_name_make_no_table() -> None:
    """Also where one of them rests on several collectors."""
    table = Table((plans.COLLECTOR,), {"Other": plans.COLLECTOR.families})

    with pytest.raises(ValueError, match="already belongs"):
        _ = table.families


def test_families_are_in_the_order_of_their_sections() -> None:
    """Those of one section stand together, and those that rest on several collectors come last in theirs."""
    across = (*protection.FAMILIES, *freshness.PLAN_FAMILIES)
    table = Table((plans.COLLECTOR, restore_ranges.COLLECTOR), {"Plans": across})

    assert [collector.name for collector in table] == ["plans", "restore_ranges"]
    assert table["plans"] is plans.COLLECTOR
    assert list(table.sections) == ["Plans"]
    assert table.families == table.sections["Plans"]
    assert table.families == (
        *plans.COLLECTOR.families,
        *restore_ranges.COLLECTOR.families,
        *across,
    )
