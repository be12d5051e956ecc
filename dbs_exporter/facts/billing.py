"""What a plan stores and has used · DescribeBackupPlanBilling."""

from __future__ import annotations

from msgspec import Struct

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.fields import Record, item
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.records import Reader


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


def read_billing(answer: Record, reader: Reader) -> Billing:
    """Read what a plan stores and has used, in bytes · DescribeBackupPlanBilling, Item. Raises BadAnswer."""
    found = item(answer)
    if found is None:
        raise BadAnswer("no billing in the answer", field="Item")
    fields = reader.fields(found)
    unlimited = fields.boolean("IsFreeBytesUnlimited")
    in_doubt = "IsFreeBytesUnlimited" in fields.unreadable
    return Billing(
        charge_type=fields.text("BuyChargeType").upper(),
        spec=fields.text("BuySpec"),
        expires_at=fields.expiry("BuyExpiredTimestamp"),
        full_storage_bytes=fields.size("FullStorageSize"),
        log_storage_bytes=fields.size("ContStorageSize"),
        full_used_bytes=fields.size("UsedFullBytes"),
        log_used_bytes=fields.size("UsedIncrementBytes"),
        # Documented to mean something only where the free volume is limited.
        free_bytes=None if unlimited or in_doubt else fields.size("TotalFreeBytes"),
        paid_bytes=fields.size("PaiedBytes"),
    )
