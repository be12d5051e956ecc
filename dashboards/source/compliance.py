"""Compliance: the share of thirty days in which plans were in their objectives, for an auditor, on paper too."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import BY_PLAN, PLAN, Column, Label, chosen, named
from .names import IN_OBJECTIVE, IN_OBJECTIVE_HOUR, KNOWN_HOUR, KNOWN_HOURS
from .states import STATE_CODE, STATE_CODES

HOURS = 30 * 24
IN_OBJECTIVE_STEPS = kit.thresholds((None, kit.RED), (0.99, kit.ORANGE), (0.999, kit.GREEN))
HOW = """
**In its objective** is a plan whose recovery point and last full backup are no older than its objectives allow, and which is being backed
up. Of the hours of the last 30 days: those in which the plan was in its objectives, by those in which its state was known. What was not
known counts neither way, and is shown. Maintenance and muted alerts change nothing here. **To print**, choose a light theme, add `&kiosk`
to the address, and print to PDF. The whole tables: *Inspect > Data > Download CSV*, or the exporter's `/api/v1/plans?format=csv`.
"""


def recent(series: str) -> str:
    """What is recorded each hour, of each chosen plan, whatever the minute."""
    return chosen(f"last_over_time({series}{{{PLAN}}}[2h])")


def owned(expression: str) -> str:
    """The expression with the plan's name and owner, and a word where it has no owner."""
    return f'label_replace({named(expression, "owner")}, "owner", "no owner", "owner", "^$")'


def in_objective() -> str:
    """The share of the chosen plans together, weighed by what is known of each."""
    share, hours = recent(IN_OBJECTIVE), recent(KNOWN_HOURS)
    return f"sum({share} * {hours}) / (sum({hours}) > 0)"


def in_objective_by_owner() -> str:
    """The same of the chosen plans of each owner."""
    share, hours = owned(recent(IN_OBJECTIVE)), owned(recent(KNOWN_HOURS))
    return f"sum by (owner) ({share} * on ({BY_PLAN}, owner) {hours}) / (sum by (owner) ({hours}) > 0)"


def outside() -> str:
    """Seconds of the 30 days in which each chosen plan was known to be outside of its objectives."""
    return f"(1 - {recent(IN_OBJECTIVE)}) * on ({BY_PLAN}) {recent(KNOWN_HOURS)} * 3600"


def _owners() -> table.Panel:
    return kit.rows(
        "By owner",
        "Each owner's plans together, weighed by what is known of each; the worst first. Plans without an owner are one row.",
        {
            "owner": Label(name="owner"),
            "in objective": Column(
                query=in_objective_by_owner(),
                unit="percentunit",
                decimals=3,
                steps=IN_OBJECTIVE_STEPS,
                width=120,
            ),
            "outside of it": Column(
                query=f"sum by (owner) ({owned(outside())})", unit="dtdurations", width=220
            ),
            "plans": Column(query=f"count by (owner) ({owned(recent(KNOWN_HOURS))})", width=80),
        },
        sort=[("in objective", False)],
        span=10,
        height=10,
        no_value="Nothing is recorded yet",
    )


def _plans() -> table.Panel:
    objective = f'max by ({BY_PLAN}) (dbs_plan_objective_seconds{{{PLAN},objective="%s"}})'
    judged = recent(KNOWN_HOURS)
    return kit.rows(
        "By plan",
        "Every plan that has an objective, the worst first. Known says of how much of the 30 days anything is known: less while a plan, or the records, are younger.",
        {
            "in objective": Column(
                query=named(recent(IN_OBJECTIVE), "owner"),
                unit="percentunit",
                decimals=3,
                steps=IN_OBJECTIVE_STEPS,
                width=115,
            ),
            "outside of it": Column(query=named(outside(), "owner"), unit="dtdurations", width=200),
            "known": Column(
                query=named(f"{judged} / {HOURS}", "owner"), unit="percentunit", decimals=1, width=80
            ),
            **frame.WHOSE,
            "owner": Label(name="owner", width=110),
            "RPO": Column(
                query=named(f"{objective % 'rpo'} and on ({BY_PLAN}) {judged}", "owner"),
                unit="s",
                blank="none",
                width=80,
            ),
            "full each": Column(
                query=named(f"{objective % 'full_backup_interval'} and on ({BY_PLAN}) {judged}", "owner"),
                unit="s",
                blank="none",
                width=90,
            ),
            "now": Column(
                query=named(f"({STATE_CODE}) and on ({BY_PLAN}) {judged}", "owner"),
                mappings=kit.states(STATE_CODES),
                width=105,
            ),
            "restore proven": Column(
                query=named(
                    f"max by ({BY_PLAN}) (dbs_restore_last_proof_timestamp_seconds{{{PLAN}}}) and on ({BY_PLAN}) {judged}",
                    "owner",
                )
                + " * 1000",
                unit="dateTimeAsIso",
                blank="never",
                width=165,
            ),
            **frame.PLACE,
        },
        sort=[("in objective", False)],
        # As many rows as a sheet has.
        height=44,
        no_value="Nothing is recorded yet",
    )


def _unjudged() -> table.Panel:
    return kit.rows(
        "Plans without an objective",
        "Neither a schedule, nor log backup, nor the configuration says how old backups may be, so nobody can say whether these are in their objective.",
        {
            **frame.WHOSE,
            "owner": Label(name="owner", width=110),
            "since": Column(
                query=named(
                    f'max by ({BY_PLAN}) (plan:dbs_condition:holds{{{PLAN},condition="no_objective"}}) * 1000',
                    "owner",
                ),
                unit="dateTimeAsIso",
            ),
            **frame.PLACE,
        },
        sort=[("since", False)],
        height=6,
        no_value="Every plan has one",
    )


def build() -> Dashboard:
    """The board dbs-compliance."""
    judged = recent(KNOWN_HOURS)
    by_owner = (
        f"sum by (owner) ({owned(f'last_over_time({series}{{{PLAN}}}[2h])')})"
        for series in (IN_OBJECTIVE_HOUR, KNOWN_HOUR)
    )
    board = frame.board(
        "dbs-compliance",
        "DBS / Compliance",
        "The share of the last 30 days in which plans were in their objectives, by owner and plan.",
        since="now-30d",
        refresh="1h",
    ).with_panel(
        kit.note("What this says", "How the numbers are made, and how to print them.", HOW, height=4)
    )
    for title, description, query, unit, steps in (
        (
            "In objective",
            "Of the chosen plans together, weighed by what is known of each.",
            in_objective(),
            "percentunit",
            IN_OBJECTIVE_STEPS,
        ),
        (
            "Never outside of it",
            "Plans that were in their objectives for all of the time that is known.",
            f"sum({recent(IN_OBJECTIVE)} >= bool 1)",
            "suffix:plans",
            None,
        ),
        ("Judged", "Plans that have an objective.", f"count({judged})", "suffix:plans", None),
        (
            "Known of the time",
            "Of how much of 30 days anything is known of the judged plans: less while plans, or the records, are younger, and where Prometheus keeps less.",
            f"sum({judged}) / (count({judged}) * {HOURS})",
            "percentunit",
            kit.thresholds((None, kit.ORANGE), (0.95, kit.BLUE)),
        ),
    ):
        board = board.with_panel(
            kit.number(
                title,
                description,
                query,
                unit,
                span=6,
                steps=steps,
                decimals=3 if title == "In objective" else None,
                none=("not recorded yet", kit.GREY),
            )
        )
    return (
        board.with_panel(
            kit.lines(
                "In objective, hour by hour",
                "The share of each owner's plans that were in their objectives, of those of which the state was known.",
                "percentunit",
                (" / ".join(by_owner), "{{owner}}"),
                span=14,
                height=10,
                minimum=None,
                largest=False,
            )
        )
        .with_panel(_owners())
        .with_row(Row("Plans"))
        .with_panel(_plans())
        .with_panel(_unjudged())
    )
