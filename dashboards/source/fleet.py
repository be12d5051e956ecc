"""Fleet: is anything wrong, and with which plan first."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, PLAN, SCOPE, Column, Label
from .names import OBJECTIVE_RATIO, PROTECTION, RECOVERY_AGE, SIZE_RATIO
from .states import INTERVAL_STEPS, RPO_STEPS, STATE_CODE, STATE_CODES, STATES

SEVERITIES = {"1": ("critical", kit.RED), "2": ("warning", kit.ORANGE), "3": ("info", kit.BLUE)}


def alerts() -> table.Panel:
    """Firing alerts, gravest first, from Prometheus' own series about them."""
    asked = f'alertname=~"DBS.*",{SCOPE}'
    firing = f'and ignoring (alertstate) ALERTS{{{asked},alertstate="firing"}}'
    grave = " or ".join(
        f'ALERTS_FOR_STATE{{{asked},severity="{name}"}} * 0 + {code}'
        for code, (name, _) in SEVERITIES.items()
    )
    return kit.rows(
        "Firing alerts",
        "Alerts of these plans and of the exporter itself, from Prometheus; gravest first, then newest. Click an alert for its runbook, a plan for its board.",
        {
            "severity": Column(query=f"({grave}) {firing}", mappings=kit.states(SEVERITIES), width=90),
            "alert": Label(name="alertname", width=290, link=f"{frame.RUNBOOKS}/${{__data.fields.alert}}.md"),
            "since": Column(
                query=f"ALERTS_FOR_STATE{{{asked}}} * 1000 {firing}", unit="dateTimeFromNow", width=145
            ),
            **frame.WHOSE,
            "gateway": Label(name="gateway_id", width=100),
            "restore task": Label(name="restore_task_id", width=185),
            "collector": Label(name="collector", width=130),
            **frame.PLACE,
        },
        sort=[("severity", False), ("since", True)],
        height=11,
        no_value="No alert is firing",
    )


def plans() -> table.Panel:
    """One row per plan, worst first."""
    ratio = f'max by ({BY_PLAN}) ({OBJECTIVE_RATIO}{{{PLAN},objective="%s"}})'
    last_full = f"max by ({BY_PLAN}) (dbs_full_backup_last_success_timestamp_seconds{{{PLAN}}})"
    return kit.rows(
        "Plans, worst first",
        "One row per plan. What would be lost now and the age of the last full backup stand beside how much of the plan's own objective that is: above 100 % it is breached. Click a plan for its board.",
        {
            "state": Column(query=STATE_CODE, mappings=kit.states(STATE_CODES), width=105),
            **frame.WHOSE,
            "would lose": Column(
                query=f"max by ({BY_PLAN}) ({RECOVERY_AGE}{{{PLAN}}})",
                unit="s",
                width=90,
                blank="everything",
            ),
            "of RPO": Column(query=ratio % "rpo", unit="percentunit", steps=RPO_STEPS, width=90),
            "last full": Column(
                query=f"{last_full} * 1000", unit="dateTimeFromNow", width=105, blank="never"
            ),
            "of interval": Column(
                query=ratio % "full_backup_interval", unit="percentunit", steps=INTERVAL_STEPS, width=90
            ),
            "size / usual": Column(
                query=f"max by ({BY_PLAN}) ({SIZE_RATIO}{{{PLAN}}})",
                unit="percentunit",
                steps=kit.thresholds((None, kit.RED), (0.5, kit.GREEN), (2, kit.ORANGE)),
                width=95,
            ),
            "holes": Column(
                query=f"sum by ({BY_PLAN}) (dbs_plan_recovery_gaps{{{PLAN}}})",
                steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
                width=60,
            ),
            "proven": Column(
                query=f"max by ({BY_PLAN}) (dbs_restore_last_proof_timestamp_seconds{{{PLAN}}}) * 1000",
                unit="dateTimeFromNow",
                width=105,
                blank="never",
            ),
            "last good ends": Column(
                query=f"max by ({BY_PLAN}) (dbs_plan_last_good_expires_timestamp_seconds{{{PLAN}}}) - time()",
                unit="s",
                steps=kit.thresholds((None, kit.RED), (2 * 86400, kit.GREEN)),
                width=115,
                blank="none kept",
            ),
            "": Column(
                query=f"max by ({BY_PLAN}, plan_name, database_type) (dbs_plan_info{{{PLAN}}})", hidden=True
            ),
            **frame.PLACE,
        },
        sort=[("state", True), ("of RPO", True)],
        height=24,
        no_value="No plan",
    )


def build() -> Dashboard:
    """The board dbs-fleet."""
    board = frame.board(
        "dbs-fleet",
        "DBS / Fleet",
        "Every backup plan, worst first: can it be restored, to which second, until when.",
        since="now-24h",
    )
    board = board.with_row(Row("Is anything wrong?"))
    for state, (title, color, description) in STATES.items():
        board = board.with_panel(
            kit.number(
                title,
                description,
                # Every state is 0 or 1 for every plan, so none of them is a zero and not a hole.
                f'sum(max by ({BY_PLAN}) ({PROTECTION}{{{PLAN},state="{state}"}}))',
                "short",
                steps=kit.thresholds((None, kit.GREEN), (1, color)),
                none=("no plan", kit.GREY),
            )
        )
    board = board.with_panel(
        kit.number(
            "Data as of",
            "When the plan list was last read without fault, in the scope where that is longest ago. Everything on this board is as old as that or older.",
            f'min(dbs_exporter_collector_last_success_timestamp_seconds{{{SCOPE},collector="plans"}}) * 1000',
            "dateTimeFromNow",
            none=("never read", kit.RED),
        )
    )
    return board.with_panel(alerts()).with_row(Row("Plans")).with_panel(plans())
