"""Plan: everything about one plan, for whoever was paged about it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .fleet import STATE_CODE, STATE_CODES
from .kit import BY_PLAN, PLAN
from .names import FULL_AGE, LOG_LAG, RECOVERY_AGE

RUNBOOK = """
**Paged about this plan?** 1. *State* and *Recovery point age* say what is lost now. 2. *Status of the last attempt* and *Error code* say why.
3. *Last good backup expires* says how long there is. The alert's `runbook_url` has the steps; on the command line,
`dbs-exporter call DescribeFullBackupList BackupPlanId=$plan` shows the API's own words.
"""


def _latest(metric: str) -> str:
    return f"max by ({BY_PLAN}) ({metric}{{{PLAN}}})"


def build() -> Dashboard:
    """The board dbs-plan."""
    board = kit.board(
        "dbs-plan",
        "DBS / Plan",
        "One backup plan: its window, its backups, its log, its restores.",
        since="now-30d",
        plan="one",
    ).with_panel(kit.note("What to do", "How to read this board in the night.", RUNBOOK, height=3))
    board = board.with_row(Row("Can it be restored?"))
    objective = 'max by (account, region, plan_id) (dbs_plan_objective_seconds{{{plan},objective="{name}"}})'
    for panel in (
        kit.number(
            "State",
            "Protection of the plan; the alerts use the same recorded series.",
            STATE_CODE,
            "short",
            mappings=kit.states(STATE_CODES),
            span=4,
        ),
        kit.number(
            "Recovery point age",
            "How much would be lost if the database broke now.",
            f"max({RECOVERY_AGE}{{{PLAN}}})",
            "s",
            span=4,
        ),
        kit.number(
            "Allowed (RPO)",
            "The plan's objective, from the configuration or derived from its schedule.",
            f"max({objective.format(plan=PLAN, name='rpo')})",
            "s",
            span=4,
        ),
        kit.number(
            "Restorable from",
            "Oldest instant to which the API offers to restore.",
            _latest("dbs_plan_recoverable_from_timestamp_seconds") + " * 1000",
            "dateTimeAsIso",
            span=4,
        ),
        kit.number(
            "Restorable until",
            "Newest instant to which the API offers to restore.",
            _latest("dbs_plan_recoverable_until_timestamp_seconds") + " * 1000",
            "dateTimeAsIso",
            span=4,
        ),
        kit.number(
            "Last good backup expires",
            "If nothing new succeeds, nothing can be restored after this.",
            _latest("dbs_plan_last_good_expires_timestamp_seconds") + " * 1000",
            "dateTimeFromNow",
            span=4,
        ),
    ):
        board = board.with_panel(panel)
    board = board.with_panel(
        kit.lines(
            "Ages against objectives",
            "Age of the recovery point and of the last full backup, with what the objectives allow (dashed in meaning: the flat lines).",
            "s",
            (f"max({RECOVERY_AGE}{{{PLAN}}})", "recovery point"),
            (f"max({objective.format(plan=PLAN, name='rpo')})", "allowed: recovery point"),
            (f"max({FULL_AGE}{{{PLAN}}})", "full backup"),
            (f"max({objective.format(plan=PLAN, name='full_backup_interval')})", "allowed: full backup"),
        )
    ).with_panel(
        kit.lines(
            "Holes in continuous recoverability",
            "Seconds of history that cannot be restored: since the oldest kept full backup (current) and before it (older).",
            "s",
            (f"sum by (scope) (dbs_plan_recovery_gap_seconds{{{PLAN}}})", "{{scope}}"),
        )
    )
    board = board.with_row(Row("Full backups"))
    for panel in (
        kit.number(
            "Next full backup due within",
            "Last attempt plus the largest gap in the plan's schedule. Absent while the API gives no schedule.",
            f"max({_latest('dbs_full_backup_last_attempt_timestamp_seconds')} + on (account, region, plan_id) {_latest('dbs_plan_schedule_max_gap_seconds')}) * 1000",
            "dateTimeFromNow",
            span=6,
        ),
        kit.number(
            "Status of the last attempt",
            "DBS' own word for the newest job.",
            f"max by (status) (dbs_full_backup_last_attempt_status{{{PLAN}}} == 1)",
            "short",
            legend="{{status}}",
            span=6,
            mappings=kit.states({"1": ("now", kit.BLUE)}),
        ),
        kit.number(
            "Failures since the last success",
            "Full backups in a row that failed.",
            f"max(dbs_full_backup_consecutive_failures{{{PLAN}}})",
            "short",
            steps=kit.thresholds((None, kit.GREEN), (1, kit.ORANGE), (2, kit.RED)),
            span=6,
        ),
        kit.number(
            "Running backup",
            "Progress of the job that runs now, by stage.",
            f"max by (stage) (dbs_full_backup_running_progress_ratio{{{PLAN}}})",
            "percentunit",
            legend="{{stage}}",
            span=6,
            no_value="none runs",
        ),
    ):
        board = board.with_panel(panel)
    board = board.with_panel(
        kit.lines(
            "Size of the last full backup",
            "With half and double the median of up to 30 sets before it: outside that band something changed.",
            "bytes",
            (f"max(dbs_full_backup_last_success_size_bytes{{{PLAN}}})", "size"),
            (f"max(dbs_full_backup_size_median_bytes{{{PLAN}}})", "median"),
            (f"max(dbs_full_backup_size_median_bytes{{{PLAN}}}) * 0.5", "half the median"),
            (f"max(dbs_full_backup_size_median_bytes{{{PLAN}}}) * 2", "double the median"),
        )
    ).with_panel(
        kit.lines(
            "Duration of the last full backup",
            "With the median of up to 30 sets before it; queueing is the time between the job's creation and the dump's start.",
            "s",
            (f"max(dbs_full_backup_last_success_duration_seconds{{{PLAN}}})", "duration"),
            (f"max(dbs_full_backup_duration_median_seconds{{{PLAN}}})", "median"),
            (f"max(dbs_full_backup_last_success_queue_seconds{{{PLAN}}})", "queueing"),
        )
    )
    board = board.with_panel(
        kit.lines(
            "Sets kept",
            "Full backup sets by status.",
            "short",
            (f"max by (status) (dbs_full_backup_sets{{{PLAN}}} > 0)", "{{status}}"),
            stacked=True,
        )
    ).with_panel(
        kit.rows(
            "Error code of what stands failed",
            "DBS' standard error code for the last failed full backup or restore, while it stands.",
            [
                (
                    "seen",
                    f"max by (job, exported_job, job_id, error_code) (dbs_job_error_info{{{PLAN}}})",
                    "short",
                )
            ],
            labels={
                # Which of the two it is depends on the scrape job's honor_labels.
                "exported_job": "of",
                "job_id": "job id",
                "error_code": "error code",
            },
            span=12,
            height=8,
        )
    )
    board = board.with_row(Row("Log backups and restores"))
    return (
        board.with_panel(
            kit.lines(
                "Log lag",
                "Seconds since the newest log data that DBS has received.",
                "s",
                (f"max({LOG_LAG}{{{PLAN}}})", "lag"),
                (f"max({objective.format(plan=PLAN, name='rpo')})", "allowed"),
            )
        )
        .with_panel(
            kit.lines(
                "Log files",
                "Files by status; UNCOMPLETED ones broke off.",
                "short",
                (f"max by (status) (dbs_incremental_backup_files{{{PLAN}}})", "{{status}}"),
                stacked=True,
            )
        )
        .with_panel(
            kit.rows(
                "Restore tasks",
                "Tasks not ended and the newest five that ended.",
                [
                    (
                        "created",
                        f"max by (restore_task_id) (dbs_restore_task_created_timestamp_seconds{{{PLAN}}}) * 1000",
                        "dateTimeAsIso",
                    ),
                    (
                        "finished",
                        f"max by (restore_task_id) (dbs_restore_task_finished_timestamp_seconds{{{PLAN}}}) * 1000",
                        "dateTimeAsIso",
                    ),
                    (
                        "to instant",
                        f"max by (restore_task_id) (dbs_restore_task_target_timestamp_seconds{{{PLAN}}}) * 1000",
                        "dateTimeAsIso",
                    ),
                    (
                        "least advanced stage",
                        f"min by (restore_task_id) (dbs_restore_task_progress_ratio{{{PLAN}}})",
                        "percentunit",
                    ),
                    (
                        "status",
                        f"max by (restore_task_id, status) (dbs_restore_task_status{{{PLAN}}} == 1)",
                        "short",
                    ),
                ],
                labels={"restore_task_id": "task", "status": "status"},
                hide=("Value #E",),
                sort="created",
                height=9,
            )
        )
    )
