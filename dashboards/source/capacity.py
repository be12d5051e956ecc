"""Capacity and cost: what is stored, how it grows, what ends."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, PLAN, Column, chosen, named

FULL = f"dbs_full_backup_sets_bytes{{{PLAN}}}"
LOGS = f"dbs_incremental_backup_files_bytes{{{PLAN}}}"
CLASSES = {"Standard": kit.BLUE, "IA": kit.GREEN, "Archive": kit.PURPLE, "UNKNOWN": kit.GREY}


def _ends() -> table.Panel:
    return kit.rows(
        "Prepaid ends",
        "When the terms of prepaid plans end, soonest first; a plan stops when its term does.",
        {
            "ends in": Column(
                query=named(f"max by ({BY_PLAN}) (dbs_plan_expires_timestamp_seconds{{{PLAN}}}) - time()"),
                unit="s",
                steps=kit.thresholds((None, kit.RED), (7 * 86400, kit.ORANGE), (30 * 86400, kit.GREEN)),
                width=105,
            ),
            **frame.PLAN_NAMES,
            **frame.PLACE,
        },
        sort=[("ends in", False)],
        span=10,
        height=13,
        no_value="No prepaid plan",
    )


def _billing() -> table.Panel:
    def billed(what: str) -> str:
        return f"sum by ({BY_PLAN}) (dbs_plan_billing_{what}_bytes{{{PLAN}}})"

    return kit.rows(
        "Billing",
        "As DBS bills it, what is charged for most first. The collector behind it is off by default.",
        {
            **frame.PLAN_NAMES,
            "stored": Column(query=named(billed("storage")), unit="bytes", width=90),
            "charged for": Column(query=named(billed("paid")), unit="bytes", width=120),
            "free quota": Column(query=named(billed("free")), unit="bytes", blank="none", width=90),
            "of quota": Column(
                query=named(f"{billed('used')} / on ({BY_PLAN}) ({billed('free')} > 0)"),
                unit="percentunit",
                steps=kit.thresholds((None, kit.GREEN), (0.9, kit.ORANGE), (1, kit.RED)),
                width=90,
            ),
            **frame.PLACE,
        },
        sort=[("charged for", True)],
        span=14,
        height=13,
        no_value="The billing collector is off",
    )


def build() -> Dashboard:
    """The board dbs-capacity."""
    board = frame.board(
        "dbs-capacity",
        "DBS / Capacity and cost",
        "Stored bytes by class, growth and forecast, prepaid ends and quota.",
        since="now-30d",
        refresh="15m",
    ).with_row(Row("Stored"))
    for title, description, expression in (
        ("Full backups", "Bytes of all full backup sets that are kept.", f"sum({chosen(FULL)})"),
        ("Log backups", "Bytes of all log files that are kept.", f"sum({chosen(LOGS)})"),
        (
            "Full backups in 30 days",
            "Bytes of full backups if the next 30 days go on as the last 14 went.",
            f"sum({chosen(f'predict_linear({FULL}[14d], 30 * 86400)')})",
        ),
    ):
        board = board.with_panel(
            kit.number(title, description, expression, "bytes", span=6, none=("nothing", kit.GREY))
        )
    return (
        board.with_panel(
            kit.number(
                "Prepaid plans that end within 30 days",
                "Plans whose prepaid term ends soon; they stop when it does.",
                f"count({chosen(f'max by ({BY_PLAN}) (dbs_plan_expires_timestamp_seconds{{{PLAN}}}) < time() + 30 * 86400')})",
                "short",
                steps=kit.thresholds((None, kit.ORANGE)),
                span=6,
                none=("none", kit.GREEN),
            )
        )
        .with_panel(
            kit.lines(
                "Full backup bytes by storage class",
                "UNKNOWN is what DBS says of sets that are not finished.",
                "bytes",
                (f"sum by (storage_class) ({chosen(FULL)}) > 0", "{{storage_class}}"),
                stacked=True,
                colours=CLASSES,
            )
        )
        .with_panel(
            kit.lines(
                "Log bytes by storage class",
                "Log files that are kept; UNKNOWN are those that are still being filled.",
                "bytes",
                (f"sum by (storage_class) ({chosen(LOGS)}) > 0", "{{storage_class}}"),
                stacked=True,
                colours=CLASSES,
            )
        )
        .with_panel(
            kit.lines(
                "Growth of a full backup per day, by database type",
                "How fast the newest full backups become larger or smaller: slope over seven days, per day.",
                "si:B/d",
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
                "Bytes of full backup sets that are kept, ten largest.",
                "bytes",
                f"sort_desc(topk(10, {named(f'sum by ({BY_PLAN}) ({FULL})')}))",
                "{{plan_name}} ({{plan_id}})",
                height=9,
            )
        )
        .with_row(Row("Billing and terms"))
        .with_panel(_ends())
        .with_panel(_billing())
    )
