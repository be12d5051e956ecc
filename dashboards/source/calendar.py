"""Calendar and window: what happened each day, and what could be restored when."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, PLAN, chosen, named
from .names import FULL_AGE, PROTECTION

MOST_PLANS = 200
"""More rows than that nobody turns the pages of; choose plans, owners or databases to see others."""
SHORTEST = 20
WORST_FIRST = f"The {MOST_PLANS} plans that were worst in the range, these first, on pages of {kit.PLANS_A_PAGE}: those whose newest full backup was a failure, or whose objective was broken, for longest."

DAY = {
    "4": ("ok", kit.GREEN),
    "3": ("late", kit.YELLOW),
    "2": ("failed", kit.RED),
    "1": ("missed", kit.ORANGE),
    "0": ("none due", kit.GREY),
}
WINDOW = {
    "4": ("any second", kit.GREEN),
    "3": ("single points", kit.BLUE),
    "2": ("hole", kit.RED),
    "1": ("nothing", kit.PURPLE),
}


def day_code() -> str:
    """One code per plan and day that begins at the moment asked for: 4 ok, 3 late, 2 failed, 1 missed, 0 none due."""

    def over_the_day(series: str) -> str:
        # Grafana asks at the beginnings of days, so what a day brought lies ahead of the moment. A look each ten minutes costs a
        # tenth of all samples of a month.
        return f"max by ({BY_PLAN}) (max_over_time({series}[1d:10m] offset -1d))"

    plans = f"{over_the_day(f'dbs_plan_info{{{PLAN}}}')} * 0"
    success = f"({over_the_day(f'dbs_full_backup_last_success_timestamp_seconds{{{PLAN}}}')} > bool time() or {plans})"
    failed = f"({over_the_day(f'dbs_full_backup_consecutive_failures{{{PLAN}}}')} > bool 0 or {plans})"
    allowed = over_the_day(f'dbs_plan_objective_seconds{{{PLAN},objective="full_backup_interval"}}')
    late = f"({over_the_day(f'{FULL_AGE}{{{PLAN}}}')} > bool on ({BY_PLAN}) {allowed} or {plans})"
    return f"{success} * (4 - {late}) + (1 - {success}) * ({failed} * 2 + (1 - {failed}) * {late})"


def length(at: str = "") -> str:
    """How long the restorable window of each plan is; `at` is a modifier of the moment."""
    until, since = (
        f"dbs_plan_recoverable_{edge}_timestamp_seconds{{{PLAN}}}{at}" for edge in ("until", "from")
    )
    return f"(max by ({BY_PLAN}) ({until}) - on ({BY_PLAN}) min by ({BY_PLAN}) ({since}))"


def ranked(expression: str) -> str:
    """The named expression of the plans that were worst, these first: Prometheus sorts series by labels, and `_rank` is the first.

    A plan is the worse the longer its newest full backup was a failure, or its objective was broken, in the range that is shown.
    """
    failing, broken = (
        f"sum_over_time(max by ({BY_PLAN}) ({series})[$__range:6h] @ end())"
        for series in (
            f"dbs_full_backup_consecutive_failures{{{PLAN}}} > bool 0",
            f'{PROTECTION}{{{PLAN},state=~"breached|unprotected"}}',
        )
    )
    # As they are called at the end: on a first day no rule had recorded a name when the day began, and nothing else of the range
    # is known in its first hours. The plans are shown all the same.
    at = " @ end()"
    there = f"max by ({BY_PLAN}) (dbs_plan_info{{{PLAN}}} @ end()) * 0"
    bad = f"({broken} + on ({BY_PLAN}) {failing} or {broken} or {failing} or {there})"
    worst = f"topk({MOST_PLANS}, {chosen(bad, at)})"
    # Five digits each, so that their order is that of the numbers.
    rank = f'count_values by ({BY_PLAN}) ("_rank", 90000 - {worst})'
    return f"{named(expression, at=at)} * on ({BY_PLAN}) group_left (_rank) {rank}"


def window_code() -> str:
    """One code per plan: 4 any second, 3 single points, 2 hole since the oldest kept full backup, 1 nothing."""
    return (
        f'(max by ({BY_PLAN}) (dbs_plan_recovery_gaps{{{PLAN},scope="current"}}) > 0) * 0 + 2'
        f' or (max by ({BY_PLAN}) (dbs_plan_recoverable_ranges{{{PLAN},range_type="range"}}) > 0) * 0 + 4'
        f' or (max by ({BY_PLAN}) (dbs_plan_recoverable_ranges{{{PLAN},range_type="point"}}) > 0) * 0 + 3'
        f" or max by ({BY_PLAN}) (dbs_plan_info{{{PLAN}}}) * 0 + 1"
    )


def build() -> Dashboard:
    """The board dbs-calendar."""
    legend = "{{plan_name}} ({{plan_id}})"
    return (
        frame.board(
            "dbs-calendar",
            "DBS / Calendar and window",
            "Full backups day by day, and the restorable window over time.",
            since="now-30d",
            refresh="15m",
        )
        .with_row(Row("Full backups"))
        .with_panel(
            kit.history(
                "Full backups per day",
                "One cell per plan and day, the last one being today so far: ok, late (done, but the objective was breached meanwhile), failed, missed (nothing was done and the objective is breached), or none due. "
                + WORST_FIRST,
                ranked(day_code()),
                legend,
                DAY,
                interval="1d",
                height=19,
            )
        )
        .with_row(Row("Restorable window"))
        .with_panel(
            kit.timeline(
                "What could be restored",
                "Any second (continuous range), only the instants of full backups, a hole since the oldest kept full backup, or nothing. "
                + WORST_FIRST,
                ranked(window_code()),
                legend,
                WINDOW,
                height=19,
            )
        )
        .with_panel(
            kit.lines(
                "Length of the restorable window",
                f"Newest minus oldest instant that can be restored, of the {SHORTEST} plans whose window is shortest now.",
                "s",
                (
                    named(f"{length()} and on ({BY_PLAN}) bottomk({SHORTEST}, {chosen(length(' @ end()'))})"),
                    legend,
                ),
                span=24,
                height=12,
                beside=True,
                largest=False,
            )
        )
    )
