"""Restores and verification: what runs, when it will end, and which plans were never proven."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .kit import BY_PLAN, PLAN, PLAN_BOARD, named
from .names import RESTORE_EARLIEST, RESTORE_LATEST, RESTORE_SPEED

TASK = f"{BY_PLAN}, restore_task_id"


def build() -> Dashboard:
    """The board dbs-restores."""
    running = f'max by ({TASK}) (dbs_restore_task_status{{{PLAN},status="running"}} == 1)'
    objective = f'max by ({BY_PLAN}) (dbs_plan_objective_seconds{{{PLAN},objective="%s"}})'
    return (
        kit.board(
            "dbs-restores",
            "DBS / Restores and verification",
            "Running restores with bounds of their end, realised restore times, and plans without a proven restore.",
            since="now-24h",
            refresh="30s",
        )
        .with_row(Row("Running now"))
        .with_panel(
            kit.ladder(
                "Progress by stage",
                "Stages of running restore tasks, as the API reports them. Log replay's length is not known beforehand, so there is no single percentage.",
                "percentunit",
                f"max by (plan_id, restore_task_id, stage) (dbs_restore_task_progress_ratio{{{PLAN}}}) and on (plan_id, restore_task_id) {running}",
                "{{plan_id}} {{restore_task_id}}: {{stage}}",
                maximum=1,
            )
        )
        .with_panel(
            kit.rows(
                "When will it end?",
                "Bounds, not a forecast: the earliest end assumes the best speed of the last hours, the latest the current slope.",
                [
                    (
                        "started",
                        f"max by ({TASK}) (dbs_restore_task_created_timestamp_seconds{{{PLAN}}}) * 1000 and on ({TASK}) {running}",
                        "dateTimeFromNow",
                    ),
                    (
                        "earliest end",
                        f"max by ({TASK}) ({RESTORE_EARLIEST}{{{PLAN}}}) * 1000",
                        "dateTimeFromNow",
                    ),
                    ("latest end", f"max by ({TASK}) ({RESTORE_LATEST}{{{PLAN}}}) * 1000", "dateTimeFromNow"),
                    (
                        "progress per hour",
                        f"max by ({TASK}) ({RESTORE_SPEED}{{{PLAN}}}) * 3600",
                        "percentunit",
                    ),
                ],
                labels={
                    "plan_id": "plan",
                    "restore_task_id": "task",
                    "account": "account",
                    "region": "region",
                },
                links={"plan": PLAN_BOARD},
                sort="started",
                span=12,
                height=8,
            )
        )
        .with_panel(
            kit.lines(
                "Progress over time",
                "Least advanced stage of each task that is not at its end.",
                "percentunit",
                (
                    f"min by (plan_id, restore_task_id) (dbs_restore_task_progress_ratio{{{PLAN}}})",
                    "{{plan_id}} {{restore_task_id}}",
                ),
            )
        )
        .with_panel(
            kit.lines(
                "Restore tasks by status",
                "All tasks that the API lists.",
                "short",
                (f"sum by (status) (dbs_restore_tasks{{{PLAN}}}) > 0", "{{status}}"),
                stacked=True,
            )
        )
        .with_row(Row("Proven"))
        .with_panel(
            kit.number(
                "Plans never proven",
                "Plans of the inventory without a single successful restore on record.",
                f"count(max by ({BY_PLAN}) (dbs_plan_info{{{PLAN}}}) unless on ({BY_PLAN}) max by ({BY_PLAN}) (dbs_restore_last_success_timestamp_seconds{{{PLAN}}}))",
                "short",
                steps=kit.thresholds((None, kit.ORANGE)),
                span=6,
                height=8,
                no_value="none",
            )
        )
        .with_panel(
            kit.rows(
                "Restore time reached against its objective",
                "Duration of the last successful restore; objective restore_time where one is configured.",
                [
                    (
                        "last proven",
                        named(f"max by ({BY_PLAN}) (dbs_restore_last_success_timestamp_seconds{{{PLAN}}})")
                        + " * 1000",
                        "dateTimeFromNow",
                    ),
                    (
                        "took",
                        named(f"max by ({BY_PLAN}) (dbs_restore_last_success_duration_seconds{{{PLAN}}})"),
                        "s",
                    ),
                    ("allowed", named(objective % "restore_time"), "s"),
                    (
                        "of objective",
                        named(
                            f"max by ({BY_PLAN}) (dbs_restore_last_success_duration_seconds{{{PLAN}}}) / on ({BY_PLAN}) {objective % 'restore_time'}"
                        ),
                        "percentunit",
                    ),
                ],
                labels={
                    "plan_id": "plan",
                    "plan_name": "plan name",
                    "database_type": "database",
                    "account": "account",
                    "region": "region",
                },
                colours={"of objective": kit.thresholds((None, kit.GREEN), (0.8, kit.YELLOW), (1, kit.RED))},
                links={"plan": PLAN_BOARD},
                sort="last proven",
                descending=False,
                span=18,
                height=8,
            )
        )
        .with_panel(
            kit.rows(
                "Plans never proven",
                "Nobody has shown that these can be restored.",
                [
                    (
                        "since",
                        named(
                            f"max by ({BY_PLAN}) (dbs_plan_created_timestamp_seconds{{{PLAN}}}) unless on ({BY_PLAN}) max by ({BY_PLAN}) (dbs_restore_last_success_timestamp_seconds{{{PLAN}}})"
                        )
                        + " * 1000",
                        "dateTimeFromNow",
                    )
                ],
                labels={
                    "plan_id": "plan",
                    "plan_name": "plan name",
                    "database_type": "database",
                    "account": "account",
                    "region": "region",
                },
                links={"plan": PLAN_BOARD},
                sort="since",
                descending=False,
                span=24,
                height=8,
            )
        )
    )
