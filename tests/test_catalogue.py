"""The catalogue: what each family makes of facts."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.known_subjects import BACKUP, DOWNLOAD, PLAN, REGION, SCOPE, TASK

from dbs_exporter.collectors import backup_families, plan_families, region_families, restore_families
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts import protection
from dbs_exporter.facts.billing import Billing
from dbs_exporter.facts.downloads import DOWNLOAD_STATUSES, DownloadHistory
from dbs_exporter.facts.enums import STORAGE_CLASSES
from dbs_exporter.facts.full_backups import FULL_BACKUP_STATUSES, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAY_STATUSES, Gateway
from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.log_backups import LOG_FILE_STATUSES, LogHistory
from dbs_exporter.facts.plans import PLAN_STATUSES, Plan
from dbs_exporter.facts.prechecks import PRECHECK_ITEM_STATES, PRECHECK_STATUSES, Precheck
from dbs_exporter.facts.restores import RESTORE_STATUSES, RestoreHistory
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject
from dbs_exporter.metrics import rows
from dbs_exporter.metrics.family import Family, render


def lines(subject: Subject, name: str) -> list[str]:
    """Return what one family makes of a subject, without its identity labels; nothing may be refused."""
    family = next(each for each in TABLE.families if each.name == name)
    plan_id = subject.plan.plan_id if isinstance(subject, PlanSubject) else ""
    refused: list[str] = []
    [text] = render(
        [family], (SCOPE.account, SCOPE.region, plan_id), subject, lambda *told: refused.append(told[3])
    )
    assert refused == []
    return [
        re.sub(r'(?<![a-z_])(account|region|plan_id)="[^"]*"(,|(?=}))', "", line)
        .replace(",}", "}")
        .removeprefix(name)
        for line in text.decode().splitlines()
    ]


class Watched:
    """A subject that notes which of its fields are looked at."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.seen.add(name)
        return getattr(self.subject, name)


@pytest.mark.parametrize(
    "family", [each for each in TABLE.families if each.reads], ids=lambda each: each.name
)
def test_a_family_looks_at_no_other_fields_than_it_says(family: Family) -> None:
    """With any group known or not: what a family does not look at may change without its being asked again."""
    optional = (
        "full_backups",
        "logs",
        "restores",
        "ranges",
        "prechecks",
        "downloads",
        "job_errors",
        "billing",
    )
    subjects = [
        PLAN,
        replace(PLAN, plan=replace(PLAN.plan, expires_at=None)),
        PlanSubject(scope=SCOPE, plan=PLAN.plan),
    ]
    subjects += [replace(PLAN, **dict[str, Any]({name: None})) for name in optional]
    for subject in subjects:
        watched = Watched(subject)
        list(family.rows(watched))

        assert watched.seen <= set(family.reads)


def test_every_family_of_a_plan_says_what_it_looks_at() -> None:
    """Or it would be rendered anew at each read of any list."""
    assert [each.name for each in TABLE.families if each.of == "plan" and not each.reads] == []


def states(documented: Sequence[str], holds: str, label: str = "status", before: str = "") -> list[str]:
    return [f'{{{before}{label}="{each}"}} {float(each == holds)}' for each in documented]


EXPECTED: dict[str, list[str]] = {
    "dbs_plan_info": [
        '{backup_method="logical",cross_account_id="42",database_type="MySQL",gateway_id="7",'
        'instance_class="small",plan_name="orders",resource_group_id="rg-1",source_instance_id="rm-1",'
        'source_region="cn-hangzhou",source_type="RDS"} 1.0'
    ],
    "dbs_plan_status": states(PLAN_STATUSES, "running"),
    "dbs_plan_created_timestamp_seconds": ["{} 100.0"],
    "dbs_plan_expires_timestamp_seconds": ["{} 99000.0"],
    "dbs_plan_log_backup_enabled": ["{} 1.0"],
    "dbs_plan_retention_seconds": ['{backup_type="full"} 604800.0', '{backup_type="log"} 86400.0'],
    "dbs_plan_schedule_max_gap_seconds": ["{} 345600.0"],
    "dbs_plan_database_objects": ["{} 3.0"],
    "dbs_plan_recoverable_from_timestamp_seconds": ["{} 11.0"],
    "dbs_plan_recoverable_until_timestamp_seconds": ["{} 22.0"],
    "dbs_plan_recoverable_ranges": ['{range_type="point"} 0.0', '{range_type="range"} 2.0'],
    "dbs_plan_recovery_gaps": ['{scope="current"} 1.0', '{scope="older"} 2.0'],
    "dbs_plan_recovery_gap_seconds": ['{scope="current"} 60.0', '{scope="older"} 120.0'],
    "dbs_plan_recovery_point_timestamp_seconds": ["{} 33.0"],
    "dbs_plan_last_good_expires_timestamp_seconds": ["{} 9000.0"],
    "dbs_plan_objective_seconds": [
        '{objective="rpo"} 300.0',
        '{objective="full_backup_interval"} 90000.0',
        '{objective="restore_time"} 3600.0',
        '{objective="restore_test_interval"} 8e+06',
    ],
    "dbs_plan_billing_storage_bytes": ['{kind="full"} 1.0', '{kind="log"} 2.0'],
    "dbs_plan_billing_used_bytes": ['{kind="full"} 3.0', '{kind="log"} 4.0'],
    "dbs_plan_billing_free_bytes": ["{} 5.0"],
    "dbs_plan_billing_paid_bytes": ["{} 6.0"],
    "dbs_plan_billing_info": ['{charge_type="PREPAY",spec="small"} 1.0'],
    "dbs_plan_last_read_timestamp_seconds": [
        '{collector="full_backups"} 5000.0',
        '{collector="restores"} 5001.0',
    ],
    "dbs_full_backup_last_success_timestamp_seconds": ["{} 1500.0"],
    "dbs_full_backup_last_success_duration_seconds": ["{} 400.0"],
    "dbs_full_backup_last_success_queue_seconds": ["{} 100.0"],
    "dbs_full_backup_last_success_size_bytes": ["{} 4096.0"],
    "dbs_full_backup_last_success_expires_timestamp_seconds": ["{} 9000.0"],
    "dbs_full_backup_last_attempt_timestamp_seconds": ["{} 2000.0"],
    "dbs_full_backup_last_attempt_status": states(FULL_BACKUP_STATUSES, "running"),
    "dbs_full_backup_consecutive_failures": ["{} 2.0"],
    "dbs_full_backup_running_started_timestamp_seconds": ["{} 2100.0"],
    "dbs_full_backup_running_progress_ratio": ['{stage="structure"} 1.0', '{stage="data"} 0.25'],
    "dbs_full_backup_sets": [
        f'{{status="{each}"}} {({"finish": 5.0, "running": 1.0}).get(each, 0.0)}'
        for each in FULL_BACKUP_STATUSES
    ],
    "dbs_full_backup_sets_bytes": [
        f'{{storage_class="{each}"}} {4096.0 if each == "Standard" else 0.0}' for each in STORAGE_CLASSES
    ],
    "dbs_full_backup_size_median_bytes": ["{} 4000.5"],
    "dbs_full_backup_duration_median_seconds": ["{} 290.0"],
    "dbs_full_backups_completed_total": ['{result="success"} 4.0', '{result="failure"} 1.0'],
    "dbs_full_backup_bytes_total": ["{} 20480.0"],
    "dbs_full_backup_duration_seconds_total": ["{} 1200.5"],
    "dbs_incremental_backup_last_data_timestamp_seconds": ["{} 2200.0"],
    "dbs_incremental_backup_last_completed_timestamp_seconds": ["{} 2190.0"],
    "dbs_incremental_backup_files": [
        f'{{status="{each}"}} {({"COMPLETED": 9.0, "FILLING": 1.0}).get(each, 0.0)}'
        for each in LOG_FILE_STATUSES
    ],
    "dbs_incremental_backup_files_bytes": [
        f'{{storage_class="{each}"}} {512.0 if each == "IA" else 0.0}' for each in STORAGE_CLASSES
    ],
    "dbs_incremental_backups_completed_total": ['{result="success"} 9.0', '{result="failure"} 0.0'],
    "dbs_incremental_backup_bytes_total": ["{} 512.0"],
    "dbs_restore_task_info": [
        '{backup_set_id="set1",destination_instance_id="rm-2",destination_region="cn-beijing",'
        'destination_type="RDS",restore_task_id="task1",restore_task_name="drill"} 1.0'
    ],
    "dbs_restore_task_status": states(RESTORE_STATUSES, "running", before='restore_task_id="task1",'),
    "dbs_restore_task_progress_ratio": [
        '{restore_task_id="task1",stage="pre_structure"} 1.0',
        '{restore_task_id="task1",stage="full_data"} 0.5',
    ],
    "dbs_restore_task_created_timestamp_seconds": ['{restore_task_id="task1"} 3000.0'],
    "dbs_restore_task_finished_timestamp_seconds": ['{restore_task_id="task1"} 3500.0'],
    "dbs_restore_task_target_timestamp_seconds": ['{restore_task_id="task1"} 2500.0'],
    "dbs_restore_tasks": states(RESTORE_STATUSES, "running"),
    "dbs_restore_last_success_timestamp_seconds": ["{} 1800.0"],
    "dbs_restore_last_success_duration_seconds": ["{} 60.0"],
    "dbs_restores_completed_total": ['{result="success"} 1.0', '{result="failure"} 2.0'],
    "dbs_precheck_status": [
        f'{{status="{each}",subject="plan",subject_id="dbs1"}} {float(each == "failed")}'
        for each in PRECHECK_STATUSES
    ],
    "dbs_precheck_progress_ratio": ['{subject="plan",subject_id="dbs1"} 0.75'],
    "dbs_precheck_items": [
        f'{{state="{each}",subject="plan",subject_id="dbs1"}} {float(each != "running")}'
        for each in PRECHECK_ITEM_STATES
    ],
    "dbs_precheck_item_failed": [
        '{item="CHECK_SOURCE_CONN",subject="plan",subject_id="dbs1"} 1.0',
        '{item="CHECK_BINLOG",subject="plan",subject_id="dbs1"} 1.0',
    ],
    "dbs_job_error_info": ['{error_code="DBS-1001",job="full_backup",job_id="set2"} 1.0'],
    "dbs_download_tasks": states(DOWNLOAD_STATUSES, "finish"),
    "dbs_download_task_info": [
        '{backup_set_id="set1",data_format="SQL",download_task_id="download1",gateway_id="7",job_type="full",'
        'target_type="OSS",way="manual"} 1.0'
    ],
    "dbs_download_task_status": states(DOWNLOAD_STATUSES, "finish", before='download_task_id="download1",'),
    "dbs_download_task_size_bytes": ['{download_task_id="download1"} 4096.0'],
    "dbs_download_task_created_timestamp_seconds": ['{download_task_id="download1"} 4000.0'],
    "dbs_download_task_finished_timestamp_seconds": ['{download_task_id="download1"} 4100.0'],
    "dbs_download_last_success_timestamp_seconds": ["{} 4100.0"],
    "dbs_gateway_info": [
        '{display_name="office",gateway_id="7",hostname="host",identifier="gw",internet_ip="1.2.3.4",'
        'intranet_ip="10.0.0.1"} 1.0'
    ],
    "dbs_gateway_status": states(GATEWAY_STATUSES, "ONLINE", before='gateway_id="7",'),
    "dbs_gateway_last_heartbeat_timestamp_seconds": ['{gateway_id="7"} 20.0'],
    "dbs_gateway_created_timestamp_seconds": ['{gateway_id="7"} 10.0'],
    "dbs_gateway_plans": ['{gateway_id="7"} 3.0'],
    "dbs_region_info": ["{} 1.0"],
    "dbs_node_cidr_info": [
        '{cidr="1.2.3.0/24",network="internet"} 1.0',
        '{cidr="10.0.0.0/8",network="intranet"} 1.0',
    ],
}


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known answers in place of the derivations, which have tests of their own."""
    monkeypatch.setattr(protection, "schedule_max_gap_seconds", lambda schedule: 345_600.0)
    monkeypatch.setattr(protection, "recoverable_window", lambda subject: (11.0, 22.0))
    monkeypatch.setattr(
        protection, "recovery_gaps", lambda subject: {"current": (1, 60.0), "older": (2, 120.0)}
    )
    monkeypatch.setattr(protection, "recovery_point", lambda subject: 33.0)


@pytest.mark.parametrize("family", TABLE.families, ids=lambda family: family.name)
@pytest.mark.usefixtures("derived")
def test_facts_become_these_lines(family: Family) -> None:
    """Every family of the table has its rows for a subject of which everything is known."""
    assert lines(PLAN if family.of == "plan" else REGION, family.name) == EXPECTED[family.name]


def test_a_plan_of_which_nothing_is_known_has_only_what_is_counted_here() -> None:
    """Unknown is absent: no 0, no NaN; the exporter's own counters start at 0."""
    subject = PlanSubject(scope=SCOPE, plan=Plan(plan_id="dbs1"))
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


def test_a_region_of_which_nothing_is_known_has_nothing() -> None:
    """A region never read, or not supported, gives no series."""
    for supported in (None, False):
        subject = RegionSubject(scope=SCOPE, supported=supported)

        assert [
            family.name for family in TABLE.families if family.of == "region" and lines(subject, family.name)
        ] == []


@pytest.mark.parametrize(
    ("name", "documented", "subject"),
    [
        ("dbs_plan_status", PLAN_STATUSES, replace(PLAN, plan=replace(PLAN.plan, status="NEW"))),
        (
            "dbs_full_backup_last_attempt_status",
            FULL_BACKUP_STATUSES,
            replace(PLAN, full_backups=FullBackupHistory(last_attempt=replace(BACKUP, status="NEW"))),
        ),
        (
            "dbs_restore_task_status",
            RESTORE_STATUSES,
            replace(PLAN, restores=RestoreHistory(tasks=(replace(TASK, status="NEW"),))),
        ),
        (
            "dbs_download_task_status",
            DOWNLOAD_STATUSES,
            replace(PLAN, downloads=DownloadHistory(tasks=(replace(DOWNLOAD, status="NEW"),))),
        ),
        (
            "dbs_precheck_status",
            PRECHECK_STATUSES,
            replace(
                PLAN, prechecks=(Precheck(subject="plan", subject_id="dbs1", status="NEW", progress=None),)
            ),
        ),
        (
            "dbs_gateway_status",
            GATEWAY_STATUSES,
            replace(REGION, gateways=(Gateway(gateway_id="7", status="NEW"),)),
        ),
        (
            "dbs_full_backup_sets",
            FULL_BACKUP_STATUSES,
            replace(PLAN, full_backups=FullBackupHistory(counts=(("NEW", 1),))),
        ),
        (
            "dbs_incremental_backup_files",
            LOG_FILE_STATUSES,
            replace(PLAN, logs=LogHistory(counts=(("NEW", 1),))),
        ),
    ],
)
def test_an_undocumented_status_has_a_series_of_its_own(
    name: str, documented: Sequence[str], subject: Subject
) -> None:
    """It is exported under its own name with 1, beside the documented ones with 0."""
    values = [line.rsplit(" ", 1) for line in lines(subject, name)]

    assert [value for _, value in values] == ["0.0"] * len(documented) + ["1.0"]
    assert '"NEW"' in values[-1][0]


def test_a_status_that_is_not_known_gives_no_series() -> None:
    """An empty status is missing, so it is absent and not all zeros."""
    assert rows.state(PLAN_STATUSES, "") == []


def test_a_set_that_ends_before_it_starts_has_no_duration() -> None:
    """Instants that contradict each other are not known; a negative span is never exported."""
    backwards = replace(
        PLAN, full_backups=FullBackupHistory(last_success=replace(BACKUP, finished_at=1.0, created_at=5e9))
    )

    assert lines(backwards, "dbs_full_backup_last_success_duration_seconds") == []
    assert lines(backwards, "dbs_full_backup_last_success_queue_seconds") == []


def test_the_end_of_a_prepaid_plan_may_come_from_billing() -> None:
    """The plan list has the last word; billing stands in where the list is silent."""
    billed = replace(PLAN, plan=replace(PLAN.plan, expires_at=None), billing=Billing(expires_at=7.0))

    assert lines(billed, "dbs_plan_expires_timestamp_seconds") == ["{} 7.0"]


def test_what_cannot_be_derived_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """None from a derivation, whole or in part, gives no sample."""
    monkeypatch.setattr(protection, "recoverable_window", lambda subject: (None, 5.0))
    monkeypatch.setattr(protection, "recovery_gaps", lambda subject: None)
    monkeypatch.setattr(protection, "recovery_point", lambda subject: None)

    assert lines(PLAN, "dbs_plan_recoverable_from_timestamp_seconds") == []
    assert lines(PLAN, "dbs_plan_recoverable_until_timestamp_seconds") == ["{} 5.0"]
    assert lines(PLAN, "dbs_plan_recovery_gaps") == []
    assert lines(PLAN, "dbs_plan_recovery_point_timestamp_seconds") == []


def test_no_label_carries_free_text() -> None:
    """Error messages of the API stay out of every series."""
    for family in TABLE.families:
        assert "Access denied" not in "".join(lines(PLAN if family.of == "plan" else REGION, family.name))


@pytest.mark.parametrize("module", [backup_families, plan_families, region_families, restore_families, rows])
def test_family_functions_cannot_look_at_a_clock(module: object) -> None:
    """Families are functions of facts alone: their modules import nothing that knows the time."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    imported = {
        name.split(".")[-1]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + [a.name for a in node.names]
    }

    assert not imported & {"time", "datetime", "clock", "random"}
