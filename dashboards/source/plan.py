"""Plan: everything about one plan, for whoever was paged about it."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import conditions, frame, kit
from .kit import BY_PLAN, PLAN, Column, Label
from .names import FULL_AGE, OBJECTIVE_RATIO, RECOVERY_AGE
from .states import INTERVAL_STEPS, RPO_STEPS, STATE_CODE, STATE_CODES

RUNBOOK = f"""
**Paged about this plan?**

1. *State*, *Would lose* and *Last full backup* say what is lost now; red is a breach of the objective beside it.
2. *Last attempt* and *Error code* say why. *Last good backup ends* says how long there is.
3. The alert's runbook has the steps: [all runbooks]({frame.RUNBOOKS}). In the API's own words: `dbs-exporter call DescribeFullBackupList BackupPlanId=$plan`
"""
ATTEMPT = {"1": ("finish", kit.GREEN), "2": ("other", kit.BLUE), "3": ("stop", kit.RED)}
OBJECTIVE = f'max(dbs_plan_objective_seconds{{{PLAN},objective="%s"}})'


def _latest(metric: str) -> str:
    return f"max by ({BY_PLAN}) ({metric}{{{PLAN}}})"


def _restorable() -> Iterator[stat.Panel]:
    def used(title: str, description: str, objective: str) -> stat.Panel:
        return kit.number(
            title,
            description,
            f'max({OBJECTIVE_RATIO}{{{PLAN},objective="{objective}"}})',
            "percentunit",
            steps=RPO_STEPS if objective == "rpo" else INTERVAL_STEPS,
            none=("not known", kit.GREY),
        )

    yield kit.number(
        "State",
        "Protection of the plan; the alerts use the same recorded series.",
        STATE_CODE,
        "short",
        mappings=kit.states(STATE_CODES),
        none=("no such plan", kit.GREY),
    )
    yield kit.number(
        "Would lose",
        "Age of the recovery point: what was written since then would be lost if the database broke now.",
        f"max({RECOVERY_AGE}{{{PLAN}}})",
        "s",
        none=("everything", kit.PURPLE),
    )
    yield used("Would lose, of RPO", "Above 100 % the recovery point objective is breached.", "rpo")
    yield kit.number(
        "Last full backup",
        "Age of the newest full backup that worked.",
        f"max({FULL_AGE}{{{PLAN}}})",
        "s",
        none=("never", kit.PURPLE),
    )
    yield used(
        "Full backup, of interval",
        "Age of the newest full backup that worked, against how old it may become: above 100 % it is overdue.",
        "full_backup_interval",
    )
    yield kit.number(
        "Last good backup ends",
        "If nothing new succeeds, nothing can be restored after this.",
        _latest("dbs_plan_last_good_expires_timestamp_seconds") + " - time()",
        "s",
        steps=kit.thresholds((None, kit.RED), (2 * 86400, kit.ORANGE), (4 * 86400, kit.GREEN)),
        none=("none kept", kit.PURPLE),
    )
    for title, description, metric in (
        ("Restorable from", "Oldest instant to which the API offers to restore.", "from"),
        ("Restorable until", "Newest instant to which the API offers to restore.", "until"),
    ):
        yield kit.number(
            title,
            description,
            _latest(f"dbs_plan_recoverable_{metric}_timestamp_seconds") + " * 1000",
            "dateTimeAsIso",
            span=6,
            height=3,
            none=("nothing", kit.PURPLE),
        )
    for title, description, name in (
        ("RPO", "How much may be lost, from the configuration or derived from the plan.", "rpo"),
        (
            "Full backup interval",
            "How old the newest full backup may become, from the configuration or the plan's schedule.",
            "full_backup_interval",
        ),
    ):
        yield kit.number(
            title, description, OBJECTIVE % name, "s", span=6, height=3, none=("not known", kit.GREY)
        )


def _restore_time() -> Iterator[stat.Panel]:
    estimate = "dbs_plan_restore_estimate_seconds"
    yield kit.number(
        "A restore would take",
        "By the slowest of the last three restores of all that the plan names, scaled to the newest set and its log.",
        _latest(estimate),
        "s",
        span=8,
        height=3,
        none=("never proved", kit.GREY),
    )
    yield kit.number(
        "Of the restore objective",
        "Above 100 % a restore would take longer than `restore_time` allows.",
        f'{_latest(estimate)} / on ({BY_PLAN}) max by ({BY_PLAN}) (dbs_plan_objective_seconds{{{PLAN},objective="restore_time"}})',
        "percentunit",
        span=8,
        height=3,
        steps=kit.thresholds((None, kit.GREEN), (0.8, kit.ORANGE), (1, kit.RED)),
        none=("no objective or proof", kit.GREY),
    )
    yield kit.number(
        "Restore proved",
        "When a restore of all that the plan names last succeeded.",
        f"{_latest('dbs_restore_last_proof_timestamp_seconds')} * 1000",
        "dateTimeFromNow",
        span=8,
        height=3,
        none=("never", kit.GREY),
    )


def _full_backups() -> Iterator[stat.Panel]:
    good, other, bad = (
        f"max by (status) (dbs_full_backup_last_attempt_status{{{PLAN},status{which}}} == 1)"
        for which in ('="finish"', '!~"finish|stop"', '="stop"')
    )
    yield kit.number(
        "Last attempt",
        "DBS' own word for the newest full backup job: finish worked, stop failed or was ended.",
        f"{good} or {other} * 2 or {bad} * 3",
        "short",
        legend="{{status}}",
        only_legend=True,
        mappings=kit.states(ATTEMPT),
        none=("none on record", kit.GREY),
    )
    yield kit.number(
        "Failed in a row",
        "Full backups that failed since the last one that worked.",
        f"max(dbs_full_backup_consecutive_failures{{{PLAN}}})",
        "short",
        steps=kit.thresholds((None, kit.GREEN), (1, kit.ORANGE), (2, kit.RED)),
        none=("none on record", kit.GREY),
    )
    yield kit.number(
        "Running backup",
        "Progress of the full backup that runs now, by stage.",
        f"max by (stage) (dbs_full_backup_running_progress_ratio{{{PLAN}}})",
        "percentunit",
        legend="{{stage}}",
        none=("none", kit.GREY),
    )
    yield kit.number(
        "Next one due",
        "Last attempt plus the largest gap in the plan's schedule. Not known while the API gives no schedule.",
        f"max({_latest('dbs_full_backup_last_attempt_timestamp_seconds')} + on (account, region, plan_id) {_latest('dbs_plan_schedule_max_gap_seconds')}) * 1000",
        "dateTimeFromNow",
        none=("not known", kit.GREY),
    )


def _errors() -> table.Panel:
    found = f"max by (job_kind, job_id, error_code) (dbs_job_error_info{{{PLAN}}})"
    return kit.rows(
        "Error code",
        "DBS' standard error code for the last failed full backup or restore, while it stands.",
        {
            "failed": Label(name="job_kind", width=110),
            "job": Label(name="job_id", width=140),
            "error code": Label(name="error_code"),
            "": Column(query=found, hidden=True),
        },
        span=8,
        height=4,
        no_value="Nothing stands failed",
    )


def _restores() -> table.Panel:
    def at(event: str) -> Column:
        return Column(
            query=f"max by (restore_task_id) (dbs_restore_task_{event}_timestamp_seconds{{{PLAN}}}) * 1000",
            unit="dateTimeAsIso",
            blank="–",
        )

    return kit.rows(
        "Restores",
        "Tasks that have not ended, and the newest five that have.",
        {
            "created": at("created"),
            "task": Label(name="restore_task_id"),
            "status": Label(name="status"),
            "to the state of": at("target"),
            "finished": at("finished"),
            "least advanced stage": Column(
                query=f"min by (restore_task_id) (dbs_restore_task_progress_ratio{{{PLAN}}})",
                unit="percentunit",
            ),
            "": Column(
                query=f"max by (restore_task_id, status) (dbs_restore_task_status{{{PLAN}}} == 1)",
                hidden=True,
            ),
        },
        sort=[("created", True)],
        height=8,
        no_value="Never restored",
    )


def build() -> Dashboard:
    """The board dbs-plan."""
    board = (
        frame.board(
            "dbs-plan",
            "DBS / Plan",
            "One backup plan: its window, its backups, its log, its restores.",
            since="now-30d",
            plan="one",
        )
        .with_panel(
            kit.note("What to do", "How to read this board in the night.", RUNBOOK, span=14, height=5)
        )
        .with_panel(
            kit.number(
                "Plan",
                "Name, database type and region of the plan that is chosen above.",
                f"max by (plan_name, database_type, region) (dbs_plan_info{{{PLAN}}})",
                "short",
                legend="{{plan_name}}, {{database_type}}, {{region}}",
                only_legend=True,
                span=6,
                height=5,
                none=("no such plan", kit.GREY),
            )
        )
        .with_panel(
            kit.number(
                "Muted for",
                "How long no alert about the plan is raised, by `alerts` or `maintenance` of the configuration, and why.",
                f"max by (reason) (dbs_plan_muted_info{{{PLAN}}}) * on () group_left ()"
                f" (max(dbs_plan_muted_until_timestamp_seconds{{{PLAN}}}) - time()"
                f" and max(dbs_plan_muted_from_timestamp_seconds{{{PLAN}}}) <= time())",
                "s",
                legend="{{reason}}",
                span=4,
                height=5,
                none=("not muted", kit.GREEN),
            )
        )
    )
    for panel in conditions.panels():
        board = board.with_panel(panel)
    board = board.with_row(Row("Can it be restored?"))
    for panel in (*_restorable(), *_restore_time()):
        board = board.with_panel(panel)
    board = (
        board.with_panel(
            kit.lines(
                "What would be lost",
                "Age of the recovery point, and what the objective allows; the scale is logarithmic, so that the age is seen to move while all is well.",
                "s",
                (f"max({RECOVERY_AGE}{{{PLAN}}})", "would lose"),
                (OBJECTIVE % "rpo", "RPO"),
                colours={"would lose": kit.BLUE, "RPO": kit.RED},
                dashed=["RPO"],
                logarithmic=True,
            )
        )
        .with_panel(
            kit.lines(
                "Age of the last full backup",
                "A saw tooth while full backups work; it rises past the line when they do not.",
                "s",
                (f"max({FULL_AGE}{{{PLAN}}})", "last full backup"),
                (OBJECTIVE % "full_backup_interval", "allowed"),
                colours={"last full backup": kit.BLUE, "allowed": kit.RED},
                dashed=["allowed"],
            )
        )
        .with_row(Row("Full backups"))
    )
    for number in _full_backups():
        board = board.with_panel(number)
    size, usual = (
        f"max(dbs_full_backup_{what}_bytes{{{PLAN}}})" for what in ("last_success_size", "size_median")
    )
    return (
        board.with_panel(_errors())
        .with_panel(
            kit.lines(
                "Size of the last full backup",
                "The band reaches from half to double the median of up to 30 sets before it: outside of it something changed.",
                "bytes",
                (size, "size"),
                (usual, "median"),
                (f"{usual} * 2", "double the median"),
                (f"{usual} * 0.5", "half the median"),
                span=8,
                colours={
                    "size": kit.BLUE,
                    "median": kit.GREY,
                    "double the median": kit.GREY,
                    "half the median": kit.GREY,
                },
                dashed=["median"],
                band=("double the median", "half the median"),
            )
        )
        .with_panel(
            kit.lines(
                "Duration of the last full backup",
                "With the median of up to 30 sets before it; queueing is the time between the job's creation and the dump's start.",
                "s",
                (f"max(dbs_full_backup_last_success_duration_seconds{{{PLAN}}})", "duration"),
                (f"max(dbs_full_backup_duration_median_seconds{{{PLAN}}})", "median"),
                (f"max(dbs_full_backup_last_success_queue_seconds{{{PLAN}}})", "queueing"),
                span=8,
                colours={"duration": kit.BLUE, "median": kit.GREY, "queueing": kit.ORANGE},
                dashed=["median"],
            )
        )
        .with_panel(
            kit.lines(
                "Sets kept",
                "Full backup sets by DBS' status: finish can be restored from, stop failed.",
                "suffix:sets",
                (f"max by (status) (dbs_full_backup_sets{{{PLAN}}} > 0)", "{{status}}"),
                span=8,
                stacked=True,
                colours={"finish": kit.GREEN, "stop": kit.RED, "running": kit.BLUE},
            )
        )
        .with_row(Row("Log backups and restores"))
        .with_panel(
            kit.lines(
                "Holes in continuous recoverability",
                "Length of the holes between restorable ranges since the oldest kept full backup (current) and before it (older). No instant within a hole can be restored.",
                "s",
                (f"sum by (scope) (dbs_plan_recovery_gap_seconds{{{PLAN}}}) > 0", "{{scope}}"),
                colours={"current": kit.RED, "older": kit.ORANGE},
                no_value="No hole",
            )
        )
        .with_panel(
            kit.lines(
                "Log files",
                "Files by DBS' status; UNCOMPLETED ones broke off, and a hole follows them.",
                "suffix:files",
                (f"max by (status) (dbs_incremental_backup_files{{{PLAN}}}) > 0", "{{status}}"),
                stacked=True,
                colours={"COMPLETED": kit.GREEN, "FILLING": kit.BLUE, "UNCOMPLETED": kit.RED},
            )
        )
        .with_panel(_restores())
    )
