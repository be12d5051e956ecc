"""The conditions of the plan that is chosen, on its board: what is wrong, what explains it, and what will be."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, table

from . import kit
from .compliance import IN_OBJECTIVE_STEPS
from .kit import PLAN, Column, Label
from .names import IN_OBJECTIVE

BEARING = {
    "1": ("holds", kit.RED),
    "2": ("explained: gateway offline", kit.BLUE),
    "3": ("explained: log catches up", kit.BLUE),
    "4": ("explained: paused", kit.BLUE),
    "5": ("explained: pre-check failed", kit.BLUE),
    "6": ("to come", kit.GREY),
}
"""Whether a condition holds, is explained by something else, or will hold."""
CAUSES = {"2": "gateway_offline", "3": "log_catching_up", "4": "pause", "5": "precheck_failed"}


def panels() -> Iterator[table.Panel | stat.Panel]:
    """Yield a table of the plan's conditions, how long until the next grave one, and its compliance."""
    stage, tasks = "condition, state", ("restore_task", "download_task")
    holds = f"max by ({stage}) (plan:dbs_condition:holds{{{PLAN}}})"
    explained = f"max by (condition) (plan:dbs_condition:explained{{{PLAN}}})"
    cause = "max by (condition) (dbs_plan_condition_explained_until_timestamp_seconds{%s,cause=%r})"
    begins = f"max by ({stage}) (dbs_plan_condition_since_timestamp_seconds{{{PLAN}}})"
    of_tasks = " or ".join(
        f'label_replace(max by ({stage}, {of}_id) ({of}:dbs_condition:holds{{{PLAN}}}), "task", "$1", "{of}_id", "(.*)")'
        for of in tasks
    )
    status = [f"({holds} unless on (condition) {explained}) * 0 + 1"]
    status += [
        f"({holds} and on (condition) {explained} and on (condition) {cause % (PLAN, name)}) * 0 + {code}"
        for code, name in CAUSES.items()
    ]
    status += [f"({begins} > time()) * 0 + 6", f"({of_tasks}) * 0 + 1"]
    yield kit.rows(
        "Conditions",
        "What is wrong with the plan, its restores and downloads, and what will be, by when it began or begins unless something new arrives. The page of conditions in the documents says what each means.",
        {
            "now": Column(query=" or ".join(status), mappings=kit.states(BEARING), width=185),
            "condition": Label(name="condition", width=175),
            "makes it": Label(name="state", width=95),
            "begins": Column(
                query=f"({holds} or {begins} > time() or {of_tasks}) * 1000",
                unit="dateTimeFromNow",
                width=130,
            ),
            "at": Column(
                query=f"({holds} or {begins} > time() or {of_tasks}) * 1000", unit="dateTimeAsIso", width=155
            ),
            "task": Label(name="task"),
        },
        sort=[("at", False)],
        span=14,
        height=8,
        no_value="Nothing is known of the plan",
    )
    grave = f'dbs_plan_condition_since_timestamp_seconds{{{PLAN},state=~"at_risk|breached|unprotected"}}'
    yield kit.number(
        "At risk, or worse, in",
        "How long it takes until the next condition holds that puts the plan at risk or breaks an objective, unless something new arrives.",
        f"min({grave} > time()) - time()",
        "s",
        steps=kit.thresholds((None, kit.ORANGE), (3600, kit.BLUE)),
        span=5,
        height=8,
        none=("nothing ahead", kit.GREEN),
    )
    yield kit.number(
        "In objective, 30 days",
        "Share of the last 30 days in which the plan was in its objectives, of the time for which that is known.",
        f"max(last_over_time({IN_OBJECTIVE}{{{PLAN}}}[2h]))",
        "percentunit",
        decimals=2,
        steps=IN_OBJECTIVE_STEPS,
        span=5,
        height=8,
        none=("not recorded yet", kit.GREY),
    )
