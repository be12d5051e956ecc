"""Capacity and cost: what is stored, how it grows, what ends."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .kit import BY_PLAN, PLAN, PLAN_BOARD, named


def build() -> Dashboard:
    """The board dbs-capacity."""
    full = f"dbs_full_backup_sets_bytes{{{PLAN}}}"
    logs = f"dbs_incremental_backup_files_bytes{{{PLAN}}}"
    return (
        kit.board(
            "dbs-capacity",
            "DBS / Capacity and cost",
            "Stored bytes by class, growth and forecast, prepaid ends and quota.",
            since="now-30d",
            refresh="15m",
        )
        .with_row(Row("Stored"))
        .with_panel(
            kit.number(
                "Full backups",
                "Bytes of all full backup sets that are kept.",
                f"sum({full})",
                "bytes",
                span=6,
            )
        )
        .with_panel(
            kit.number(
                "Log backups", "Bytes of all log files that are kept.", f"sum({logs})", "bytes", span=6
            )
        )
        .with_panel(
            kit.number(
                "In 30 days, at this rate",
                "Full backup bytes in 30 days if the last 14 days go on as they were.",
                f"sum(predict_linear(dbs_full_backup_sets_bytes{{{PLAN}}}[14d], 30 * 86400))",
                "bytes",
                span=6,
            )
        )
        .with_panel(
            kit.number(
                "Prepaid plans that end within 30 days",
                "Plans whose prepaid term ends soon; they stop when it does.",
                f"count(max by ({BY_PLAN}) (dbs_plan_expires_timestamp_seconds{{{PLAN}}}) < time() + 30 * 86400)",
                "short",
                steps=kit.thresholds((None, kit.ORANGE)),
                span=6,
                no_value="none",
            )
        )
        .with_panel(
            kit.lines(
                "Full backup bytes by storage class",
                "UNKNOWN is what DBS says of sets that are not finished.",
                "bytes",
                (f"sum by (storage_class) ({full})", "{{storage_class}}"),
                stacked=True,
            )
        )
        .with_panel(
            kit.lines(
                "Log bytes by storage class",
                "Kept log files.",
                "bytes",
                (f"sum by (storage_class) ({logs})", "{{storage_class}}"),
                stacked=True,
            )
        )
        .with_panel(
            kit.lines(
                "Growth per day, by database type",
                "Slope of the size of the newest full backups over seven days.",
                "bytes",
                (
                    f"sum by (database_type) (({named(f'max by ({BY_PLAN}) (deriv(dbs_full_backup_last_success_size_bytes{{{PLAN}}}[7d]))')}) * 86400)",
                    "{{database_type}}",
                ),
                minimum=None,
            )
        )
        .with_panel(
            kit.ladder(
                "Largest plans",
                "Bytes of full backup sets kept, ten largest.",
                "bytes",
                f"topk(10, {named(f'sum by ({BY_PLAN}) ({full})')})",
                "{{plan_name}} ({{plan_id}})",
            )
        )
        .with_row(Row("Billing and terms"))
        .with_panel(
            kit.rows(
                "Prepaid ends and quota",
                "From the plan list, and from billing where that collector is switched on (it is off by default).",
                [
                    (
                        "ends",
                        named(f"max by ({BY_PLAN}) (dbs_plan_expires_timestamp_seconds{{{PLAN}}})")
                        + " * 1000",
                        "dateTimeFromNow",
                    ),
                    (
                        "stored, billed",
                        named(f"sum by ({BY_PLAN}) (dbs_plan_billing_storage_bytes{{{PLAN}}})"),
                        "bytes",
                    ),
                    ("used", named(f"sum by ({BY_PLAN}) (dbs_plan_billing_used_bytes{{{PLAN}}})"), "bytes"),
                    (
                        "free quota",
                        named(f"max by ({BY_PLAN}) (dbs_plan_billing_free_bytes{{{PLAN}}})"),
                        "bytes",
                    ),
                    ("paid", named(f"max by ({BY_PLAN}) (dbs_plan_billing_paid_bytes{{{PLAN}}})"), "bytes"),
                ],
                labels={
                    "plan_id": "plan",
                    "plan_name": "plan name",
                    "database_type": "database",
                    "account": "account",
                    "region": "region",
                },
                links={"plan": PLAN_BOARD},
                sort="ends",
                descending=False,
                height=12,
            )
        )
    )
