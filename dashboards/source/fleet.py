"""Fleet: is anything wrong, and with which plan first."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .kit import BY_PLAN, PLAN, PLAN_BOARD, SCOPE
from .names import AGE_RATIO, LOG_LAG, PROTECTION, RECOVERY_AGE, SIZE_RATIO

STATES = {
    "protected": ("Protected", kit.GREEN, "Plans that can be restored within their objectives."),
    "at_risk": (
        "At risk",
        kit.YELLOW,
        "Plans close to an objective, with a hole in their log, or whose last full backup failed.",
    ),
    "breached": (
        "Breached",
        kit.RED,
        "Plans whose recovery point or full backup is older than its objective allows.",
    ),
    "unprotected": (
        "Unprotected",
        kit.PURPLE,
        "Plans that are not running or have nothing to be restored from.",
    ),
    "unknown": (
        "Unknown",
        kit.GREY,
        "Plans whose data is older than three polling intervals: nothing can be said about them.",
    ),
}
STATE_CODES = {
    "1": ("protected", kit.GREEN),
    "2": ("at risk", kit.YELLOW),
    "3": ("breached", kit.RED),
    "4": ("unprotected", kit.PURPLE),
    "5": ("unknown", kit.GREY),
}
STATE_CODE = " or ".join(
    f"{holds} * {code}"
    for code, holds in (
        (index, f'(max by ({BY_PLAN}) ({PROTECTION}{{{PLAN},state="{state}"}}) == 1)')
        for index, state in enumerate(STATES, start=1)
    )
)


def build() -> Dashboard:
    """The board dbs-fleet."""
    board = kit.board(
        "dbs-fleet",
        "DBS / Fleet",
        "Every backup plan, worst first: can it be restored, to which second, until when.",
        since="now-24h",
    )
    board = board.with_row(Row("Is anything wrong?"))
    for state, (title, color, description) in STATES.items():
        bad = state != "protected"
        board = board.with_panel(
            kit.number(
                title,
                description,
                f'count(max by ({BY_PLAN}) ({PROTECTION}{{{PLAN},state="{state}"}}) == 1)',
                "short",
                steps=kit.thresholds((None, color)),
                span=4,
                no_value="none" if bad else "no plan",
            )
        )
    board = board.with_panel(
        kit.number(
            "Data as of",
            "When the plan list was last read without fault, in the scope where that is longest ago. Everything on this board is as old as that or older.",
            f'min(dbs_exporter_collector_last_success_timestamp_seconds{{{SCOPE},collector="plans"}}) * 1000',
            "dateTimeFromNow",
            steps=kit.thresholds((None, kit.BLUE)),
            span=4,
        )
    )
    board = board.with_panel(
        kit.alerts(
            "Firing alerts",
            "Alerts of these plans and of the exporter itself, from Prometheus. Their runbooks are linked in the notification.",
            f'max by (severity, alertname, account, region, plan_id, plan_name) (ALERTS_FOR_STATE{{alertname=~"DBS.*",{SCOPE}}} * on (alertname, severity, account, region, plan_id) group_left () max by (alertname, severity, account, region, plan_id) (ALERTS{{alertname=~"DBS.*",alertstate="firing",{SCOPE}}})) * 1000',
        )
    )
    board = board.with_row(Row("Plans"))
    return board.with_panel(
        kit.rows(
            "Plans, worst first",
            "One row per plan. Ages are compared with the plan's own objectives; a ratio above 1 is a breach. Click a plan for its board.",
            [
                ("state", STATE_CODE, "short"),
                ("worst ratio", f"max by ({BY_PLAN}) ({AGE_RATIO}{{{PLAN}}})", "percentunit"),
                ("recovery point age", f"max by ({BY_PLAN}) ({RECOVERY_AGE}{{{PLAN}}})", "s"),
                (
                    "allowed (RPO)",
                    f'max by ({BY_PLAN}) (dbs_plan_objective_seconds{{{PLAN},objective="rpo"}})',
                    "s",
                ),
                (
                    "last full backup",
                    f"max by ({BY_PLAN}) (dbs_full_backup_last_success_timestamp_seconds{{{PLAN}}}) * 1000",
                    "dateTimeFromNow",
                ),
                ("size against median", f"max by ({BY_PLAN}) ({SIZE_RATIO}{{{PLAN}}})", "percentunit"),
                ("log lag", f"max by ({BY_PLAN}) ({LOG_LAG}{{{PLAN}}})", "s"),
                ("holes in the log", f"sum by ({BY_PLAN}) (dbs_plan_recovery_gaps{{{PLAN}}})", "short"),
                (
                    "last proven restore",
                    f"max by ({BY_PLAN}) (dbs_restore_last_success_timestamp_seconds{{{PLAN}}}) * 1000",
                    "dateTimeFromNow",
                ),
                (
                    "last good backup expires",
                    f"max by ({BY_PLAN}) (dbs_plan_last_good_expires_timestamp_seconds{{{PLAN}}}) * 1000",
                    "dateTimeFromNow",
                ),
                ("name", f"max by ({BY_PLAN}, plan_name, database_type) (dbs_plan_info{{{PLAN}}})", "short"),
            ],
            labels={
                "plan_id": "plan",
                "plan_name": "plan name",
                "database_type": "database",
                "account": "account",
                "region": "region",
            },
            hide=("Value #K",),
            colours={
                "state": kit.states(STATE_CODES),
                "worst ratio": kit.thresholds((None, kit.GREEN), (0.8, kit.YELLOW), (1, kit.RED)),
                "size against median": kit.thresholds((None, kit.RED), (0.5, kit.GREEN), (2, kit.ORANGE)),
                "holes in the log": kit.thresholds((None, kit.GREEN), (1, kit.RED)),
            },
            links={"plan": PLAN_BOARD},
            sort="state",
            height=18,
        )
    )
