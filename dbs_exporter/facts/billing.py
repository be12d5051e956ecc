"""What a plan stores and has used · DescribeBackupPlanBilling."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.fields import Record, boolean, instant, item, size, text
from dbs_exporter.facts.groups import Group


class Billing(Struct, frozen=True, kw_only=True):
    """What a plan stores and has used · DescribeBackupPlanBilling, Item."""

    charge_type: str = ""
    spec: str = ""
    expires_at: float | None = None
    full_storage_bytes: int | None = None
    log_storage_bytes: int | None = None
    full_used_bytes: int | None = None
    log_used_bytes: int | None = None
    free_bytes: int | None = None
    paid_bytes: int | None = None


BILLING: Group[Billing] = Group("billing", Billing)


def read_billing(answer: Record) -> Billing:
    """Read what a plan stores and has used, in bytes · DescribeBackupPlanBilling, Item. Raises BadAnswer."""
    found = item(answer)
    if found is None:
        raise BadAnswer("no billing in the answer", field="Item")
    unlimited = boolean(found, "IsFreeBytesUnlimited")
    return Billing(
        charge_type=text(found, "BuyChargeType").upper(),
        spec=text(found, "BuySpec"),
        expires_at=instant(found, "BuyExpiredTimestamp"),
        full_storage_bytes=size(found, "FullStorageSize"),
        log_storage_bytes=size(found, "ContStorageSize"),
        full_used_bytes=size(found, "UsedFullBytes"),
        log_used_bytes=size(found, "UsedIncrementBytes"),
        # Documented to mean something only where the free volume is limited.
        free_bytes=None if unlimited else size(found, "TotalFreeBytes"),
        paid_bytes=size(found, "PaiedBytes"),
    )
