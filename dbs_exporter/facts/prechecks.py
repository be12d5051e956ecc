"""Pre-checks of plans and restore tasks · DescribePreCheckProgressList."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import UnknownValue, ignore_unknown, spellings
from dbs_exporter.facts.fields import Record, enum, error_message, items, progress, required_text
from dbs_exporter.facts.groups import Group

PRECHECK_STATUSES = ("running", "failed", "finish")
PRECHECK_STATUS = spellings(*PRECHECK_STATUSES)
PRECHECK_ITEM_STATES = ("init", "running", "warning", "caught", "failed", "finish")
# Newer documents spell `caught` as `catched`.
PRECHECK_ITEM_STATE = spellings(*PRECHECK_ITEM_STATES, catched="caught")
NOT_PASSED = frozenset({"warning", "caught", "failed"})
"""Item states that the reference explains as failed or abnormal."""

PrecheckSubject = Literal["plan", "restore_task"]


class PrecheckItem(Struct, frozen=True, kw_only=True):
    """One item of a pre-check · DescribePreCheckProgressList, Items.PreCheckProgressDetail."""

    item: str
    state: str
    error_message: str = ""


class Precheck(Struct, frozen=True, kw_only=True):
    """The pre-check of a plan or a restore task · DescribePreCheckProgressList."""

    subject: PrecheckSubject
    subject_id: str
    status: str
    progress: float | None
    items: tuple[PrecheckItem, ...] = ()


PRECHECKS: Group[tuple[Precheck, ...]] = Group("prechecks", tuple[Precheck, ...])


def read_precheck(
    answer: Record, subject: PrecheckSubject, subject_id: str, unknown: UnknownValue = ignore_unknown
) -> Precheck | None:
    """Read the pre-check of a plan or restore task, None if none has run · DescribePreCheckProgressList.

    Raises BadAnswer.
    """
    checks = tuple(
        PrecheckItem(
            item=required_text(record, "Item"),
            state=enum(record, "State", PRECHECK_ITEM_STATE, unknown, required=True),
            error_message=error_message(record),
        )
        for record in items(answer, ("Items", "PreCheckProgressDetail"))
    )
    status = enum(answer, "Status", PRECHECK_STATUS, unknown)
    if not status:
        if checks:
            raise BadAnswer("items of a pre-check without its status", field="Status")
        return None
    return Precheck(
        subject=subject,
        subject_id=subject_id,
        status=status,
        progress=progress(answer, "Progress"),
        items=checks,
    )
