"""Lists as they are now: every record is kept, and what cannot be read is left out and named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.fake_api import NOW, SCOPE, FakeApi, reading_of

from dbs_exporter.backfill.listing import past_of
from dbs_exporter.backfill.plan_past import PlanPast
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.plans import NOT_CONFIGURED, Plan

BACKUPS, RESTORES = "DescribeFullBackupList", "DescribeRestoreTaskList"
SETS = [
    {"BackupSetId": f"s{number}", "BackupStatus": "finish", "EndTime": int(NOW - number) * 1000}
    for number in range(40)
]


def read(answers: Mapping[str, object], status: str = "running") -> tuple[PlanPast, list[tuple[str, int]]]:
    """What is kept of a plan's lists, and what was left out."""
    left_out: list[tuple[str, int]] = []
    plan = Plan(plan_id="dbs1", status=status)
    found = past_of(
        reading_of(FakeApi(**answers)),
        SCOPE,
        plan,
        lambda *operation_and_count: left_out.append(operation_and_count),
    )
    return found, left_out


def test_every_record_is_kept() -> None:
    """Collectors keep the newest alone; the past needs all."""
    found, left_out = read({BACKUPS: SETS})

    assert [backup.backup_set_id for backup in found.backups] == [each["BackupSetId"] for each in SETS]
    assert found.restores == ()
    assert left_out == []


def test_a_record_that_cannot_be_read_is_left_out_and_counted() -> None:
    """The others stay."""
    found, left_out = read({BACKUPS: [*SETS, {"BackupStatus": "finish"}]})

    assert len(found.backups) == len(SETS)
    assert left_out == [(BACKUPS, 1)]


def test_a_plan_that_is_not_configured_has_no_past() -> None:
    """The API refuses its lists, which for any other plan is an error."""
    refused = {BACKUPS: Invalid("no such plan"), RESTORES: Invalid("no such plan")}
    found, _ = read(refused, NOT_CONFIGURED)

    assert (found.backups, found.restores) == ((), ())
    with pytest.raises(Invalid):
        read(refused)


def test_a_list_that_is_no_list_names_its_operation() -> None:
    """Where most records cannot be read, nothing is made of the others."""
    with pytest.raises(BadAnswer) as error:
        read({RESTORES: [{"RestoreStatus": "finish"}]})

    assert error.value.operation == RESTORES
