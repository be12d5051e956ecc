"""What a plan stores and costs: how it is read, and its families · DescribeBackupPlanBilling."""

from __future__ import annotations

from collections.abc import Callable

from dbs_exporter.collectors.base import PlanCollector, PlanReading, Read
from dbs_exporter.collectors.dues import Dues, Pace, resting
from dbs_exporter.facts.billing import BILLING, Billing, read_billing
from dbs_exporter.facts.subjects import PlanSubject
from dbs_exporter.metrics.family import Family, Row, plan_family, with_reads
from dbs_exporter.metrics.rows import of_kinds, single

_OPERATION = "DescribeBackupPlanBilling"


def read_plan_billing(reading: PlanReading) -> Read[Billing]:
    """Read what a plan stores and has used."""
    answer = reading.call(_OPERATION, BackupPlanId=reading.plan_id, ShowStorageType=True)
    return Read(facts=read_billing(answer, reading.reader))


def due(subject: PlanSubject, pace: Pace) -> Dues:
    """Return when a plan's billing is read again: it changes slowly, and nothing shows when."""
    return (resting(subject.known(BILLING), pace),)


def _billing(of: Callable[[Billing], list[Row]]) -> Callable[[PlanSubject], list[Row]]:
    def rows(subject: PlanSubject) -> list[Row]:
        billing = subject.get(BILLING)
        return [] if billing is None else of(billing)

    return rows


_FAMILIES: tuple[Family, ...] = (
    plan_family(
        "dbs_plan_billing_storage_bytes",
        "Bytes of backups stored now",
        f"{_OPERATION} FullStorageSize and ContStorageSize",
        _billing(lambda billing: of_kinds(full=billing.full_storage_bytes, log=billing.log_storage_bytes)),
        labels=("backup_type",),
    ),
    plan_family(
        "dbs_plan_billing_used_bytes",
        "Bytes backed up in the current month, which the API's documents call paid traffic",
        f"{_OPERATION} UsedFullBytes and UsedIncrementBytes",
        _billing(lambda billing: of_kinds(full=billing.full_used_bytes, log=billing.log_used_bytes)),
        labels=("backup_type",),
    ),
    plan_family(
        "dbs_plan_billing_free_bytes",
        "Bytes that a prepaid plan may back up in the current month free of charge; absent where that is unlimited",
        f"{_OPERATION} TotalFreeBytes",
        _billing(lambda billing: single(billing.free_bytes)),
    ),
    plan_family(
        "dbs_plan_billing_paid_bytes",
        "Bytes backed up in the current month that are charged for",
        f"{_OPERATION} PaiedBytes",
        _billing(lambda billing: single(billing.paid_bytes)),
    ),
    plan_family(
        "dbs_plan_billing_info",
        "How the plan is paid for; always 1",
        f"{_OPERATION} BuyChargeType and BuySpec",
        _billing(lambda billing: single(1, billing.charge_type, billing.spec)),
        labels=("charge_type", "spec"),
    ),
)

COLLECTOR = PlanCollector(
    name="billing",
    summary="DescribeBackupPlanBilling, for each plan.",
    section="Plans",
    group=BILLING,
    operations=(_OPERATION,),
    interval_seconds=21_600,
    at_rest_seconds=21_600,
    rank=6,
    due=due,
    enabled=False,
    read=read_plan_billing,
    nothing=Billing(),
    families=with_reads(_FAMILIES, BILLING),
)
