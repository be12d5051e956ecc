"""What the lists hold of plans now, read at the configured rate.

The groups of the collectors keep the newest of each list; the past needs every record, so lists are read here by the same
questions. Nothing is called that changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dbs_exporter.api.client import Client
from dbs_exporter.backfill.plan_past import PlanPast
from dbs_exporter.collectors.base import Reading
from dbs_exporter.errors import BadAnswer, Invalid
from dbs_exporter.facts.enums import ignore_unknown
from dbs_exporter.facts.full_backups import read_full_backup
from dbs_exporter.facts.plans import NOT_CONFIGURED, Plan
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.restores import read_restore_task
from dbs_exporter.facts.subjects import Scope

_LIST_SECONDS = 600.0
"""For the pages of one list, which are paced like all calls."""

F = TypeVar("F")


def reading_of(client: Client, region: str) -> Reading:
    """Return what reads the lists of a region."""
    return Reading(
        api=client, region=region, now=client.time.now(), within=_LIST_SECONDS, unknown=ignore_unknown
    )


def past_of(reading: Reading, scope: Scope, plan: Plan, on_left_out: Callable[[str, int], None]) -> PlanPast:
    """Return what the lists hold of a plan; `on_left_out` takes an operation and how many of its records cannot be read.

    Raises ApiError.
    """

    def every(operation: str, read: Callable[[Fields], F], **parameters: object) -> Sequence[F]:
        try:
            records = reading.pages(operation, None, BackupPlanId=plan.plan_id, **parameters)
            found, left_out = reading.reader.each(records, read)
        except Invalid:
            if plan.status != NOT_CONFIGURED:
                raise
            return ()
        except BadAnswer as error:
            error.operation = error.operation or operation
            raise
        if left_out:
            on_left_out(operation, left_out)
        return found

    return PlanPast(
        scope=scope,
        plan=plan,
        backups=tuple(
            every("DescribeFullBackupList", read_full_backup, ShowStorageType=True, ShowProgress="true")
        ),
        restores=tuple(every("DescribeRestoreTaskList", read_restore_task)),
    )
