"""Pre-checks of plans and restore tasks · DescribePreCheckProgressList."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.fields import Record, items
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.records import Fields, Reader

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
    started_at: float | None = None
    finished_at: float | None = None
    error_message: str = ""


class Precheck(Struct, frozen=True, kw_only=True):
    """The pre-check of a plan or a restore task · DescribePreCheckProgressList."""

    subject: PrecheckSubject
    subject_id: str
    status: str
    progress: float | None
    error_message: str = ""
    items: tuple[PrecheckItem, ...] = ()

    @property
    def failed_at(self) -> float | None:
        """When the first of its items did not pass; None while it has not failed, or where the API does not say."""
        if self.status != "failed":
            return None
        ends = (item.finished_at for item in self.items if item.state in NOT_PASSED)
        return min((at for at in ends if at is not None), default=None)


PRECHECKS: Group[tuple[Precheck, ...]] = Group("prechecks", tuple[Precheck, ...])


def read_precheck(
    answer: Record, subject: PrecheckSubject, subject_id: str, reader: Reader
) -> Precheck | None:
    """Read the pre-check of a plan or restore task, None if none has run · DescribePreCheckProgressList.

    Raises BadAnswer.
    """
    found = reader.fields(answer)
    checks, _ = reader.each(items(answer, ("Items", "PreCheckProgressDetail")), _item)
    status = found.enum("Status", PRECHECK_STATUS)
    if not status:
        if checks or found.unreadable:
            raise BadAnswer("a pre-check without its status", field="Status")
        return None
    return Precheck(
        subject=subject,
        subject_id=subject_id,
        status=status,
        progress=found.progress("Progress"),
        error_message=found.error_message(),
        items=tuple(checks),
    )


def _item(fields: Fields) -> PrecheckItem:
    return PrecheckItem(
        item=fields.identity("Item"),
        state=fields.status("State", PRECHECK_ITEM_STATE),
        started_at=fields.instant("BootTime"),
        finished_at=fields.instant("FinishTime"),
        error_message=fields.error_message(),
    )
