"""Restores and verification: what runs, when it will end, and which plans were never proven."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, PLAN, Column, Label, chosen, named
from .names import RESTORE_EARLIEST, RESTORE_LATEST, RESTORE_SPEED
from .states import RPO_STEPS

TASK = f"{BY_PLAN}, restore_task_id"
RUNNING = chosen(f'max by ({TASK}) (dbs_restore_task_status{{{PLAN},status="running"}} == 1)')
OBJECTIVE = f'max by ({BY_PLAN}) (dbs_plan_objective_seconds{{{PLAN},objective="%s"}})'
PROVEN = f"max by ({BY_PLAN}) (dbs_restore_last_proof_timestamp_seconds{{{PLAN}}})"
TOOK = f"max by ({BY_PLAN}) (dbs_restore_last_success_duration_seconds{{{PLAN}}})"
NEVER = f"{kit.CHOSEN} unless on ({BY_PLAN}) {PROVEN}"
FAILED = chosen(
    f"max by ({BY_PLAN}) (dbs_restore_task_created_timestamp_seconds{{{PLAN}}} "
    f'and on ({TASK}) (dbs_restore_task_status{{{PLAN},status=~"stop|pause"}} == 1))'
)


def _ends() -> table.Panel:
    def end(series: str) -> Column:
        return Column(
            query=named(f"max by ({TASK}) ({series}{{{PLAN}}}) - time()"),
            unit="s",
            mappings=[kit.below(60, "longer than last time", kit.ORANGE)],
            blank="cannot be said",
            width=150,
        )

    return kit.rows(
        "When will it end?",
        "Bounds, not a forecast: the earlier of two guesses (what is left of the stage that moves, and how long the plan's last restore took) and the later. A restore that has already taken longer than the last one, and does not move, says so.",
        {
            **frame.PLAN_NAMES,
            "task": Label(name="restore_task_id", width=180),
            "started": Column(
                query=named(
                    f"max by ({TASK}) (dbs_restore_task_created_timestamp_seconds{{{PLAN}}}) and on ({TASK}) {RUNNING}"
                )
                + " * 1000",
                unit="dateTimeFromNow",
                width=105,
            ),
            "per hour": Column(
                query=named(f"max by ({TASK}) ({RESTORE_SPEED}{{{PLAN}}}) * 3600"),
                unit="percentunit",
                steps=kit.thresholds((None, kit.RED), (0, kit.GREEN)),
                blank="stands still",
                width=95,
            ),
            "ends in, at least": end(RESTORE_EARLIEST),
            "ends in, at most": end(RESTORE_LATEST),
        },
        sort=[("started", False)],
        span=16,
        height=9,
        no_value="No restore runs",
    )


def _proven() -> table.Panel:
    return kit.rows(
        "Restore time reached against its objective",
        "Duration of each plan's last successful restore, and the objective restore_time where one is configured; slowest first.",
        {
            "of objective": Column(
                query=named(f"{TOOK} / on ({BY_PLAN}) {OBJECTIVE % 'restore_time'}"),
                unit="percentunit",
                steps=RPO_STEPS,
                width=125,
            ),
            **frame.WHOSE,
            "took": Column(query=named(TOOK), unit="s", width=100),
            "allowed": Column(
                query=named(f"{OBJECTIVE % 'restore_time'} and on ({BY_PLAN}) {PROVEN}"), unit="s", width=90
            ),
            "last proven": Column(query=named(PROVEN) + " * 1000", unit="dateTimeFromNow", width=130),
            "test due within": Column(
                query=named(f"{PROVEN} + on ({BY_PLAN}) {OBJECTIVE % 'restore_test_interval'} - time()"),
                unit="s",
                mappings=[kit.below(0, "overdue", kit.ORANGE)],
                width=130,
            ),
            **frame.PLACE,
        },
        sort=[("of objective", True)],
        height=12,
        no_value="No plan was ever restored",
    )


def build() -> Dashboard:
    """The board dbs-restores."""
    return (
        frame.board(
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
                f"max by (plan_id, restore_task_id, stage) (dbs_restore_task_progress_ratio{{{PLAN}}}) and on (plan_id, restore_task_id) {RUNNING}",
                "{{restore_task_id}}: {{stage}}",
                span=8,
                height=9,
                maximum=1,
                no_value="No restore runs",
            )
        )
        .with_panel(_ends())
        .with_panel(
            kit.lines(
                "Progress over time",
                "Least advanced of the stages that have begun, of each task while it runs. A flat line is a restore that stands still.",
                "percentunit",
                (
                    f"min by ({TASK}) (dbs_restore_task_progress_ratio{{{PLAN}}} > 0) and on ({TASK}) {RUNNING}",
                    "{{restore_task_id}}",
                ),
                no_value="No restore ran",
            )
        )
        .with_panel(
            kit.lines(
                "Restore tasks by status",
                "All tasks that the API lists: finish worked, stop failed or was ended.",
                "suffix:tasks",
                (f"sum by (status) ({chosen(f'dbs_restore_tasks{{{PLAN}}}')}) > 0", "{{status}}"),
                stacked=True,
                colours={"finish": kit.GREEN, "stop": kit.RED, "running": kit.BLUE},
            )
        )
        .with_row(Row("Proven"))
        .with_panel(
            kit.number(
                "Never proven",
                "Plans of the inventory without a single successful restore on record.",
                f"count({NEVER})",
                "short",
                steps=kit.thresholds((None, kit.ORANGE)),
                span=6,
                none=("none", kit.GREEN),
            )
        )
        .with_panel(
            kit.number(
                "Test overdue",
                "Plans whose last successful restore is older than their objective restore_test_interval.",
                f"sum(time() - {chosen(PROVEN)} > bool on ({BY_PLAN}) {OBJECTIVE % 'restore_test_interval'})",
                "short",
                steps=kit.thresholds((None, kit.GREEN), (1, kit.ORANGE)),
                span=6,
                none=("no objective", kit.GREY),
            )
        )
        .with_panel(
            kit.number(
                "Slower than allowed",
                "Plans whose last successful restore took longer than their objective restore_time.",
                f"sum({chosen(TOOK)} > bool on ({BY_PLAN}) {OBJECTIVE % 'restore_time'})",
                "short",
                steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
                span=6,
                none=("no objective", kit.GREY),
            )
        )
        .with_panel(
            kit.number(
                "Last restore failed",
                "Plans with a restore that failed or was paused, and none that worked since.",
                f"count({FAILED} unless on ({BY_PLAN}) ({FAILED} < on ({BY_PLAN}) {PROVEN}))",
                "short",
                steps=kit.thresholds((None, kit.RED)),
                span=6,
                none=("none", kit.GREEN),
            )
        )
        .with_panel(_proven())
        .with_panel(
            kit.rows(
                "Plans never proven",
                "Nobody has shown that these can be restored; the oldest plans stand first.",
                {
                    **frame.WHOSE,
                    "plan made": Column(
                        query=named(
                            f"max by ({BY_PLAN}) (dbs_plan_created_timestamp_seconds{{{PLAN}}}) unless on ({BY_PLAN}) {PROVEN}"
                        )
                        + " * 1000",
                        unit="dateTimeFromNow",
                        width=130,
                    ),
                    **frame.PLACE,
                },
                sort=[("plan made", False)],
                height=8,
                no_value="Every plan was restored at least once",
            )
        )
    )
