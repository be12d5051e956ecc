"""Fleet: is anything wrong, and with which plan first."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .compliance import IN_OBJECTIVE_STEPS, in_objective
from .kit import BY_PLAN, PLAN, SCOPE, Column, Label, chosen, named
from .names import OBJECTIVE_RATIO, PLAN_INFO, PROTECTION, RECOVERY_AGE, REGION_STATES, SIZE_RATIO
from .states import INTERVAL_STEPS, RPO_STEPS, STATE_CODE, STATE_CODES, STATES

SEVERITIES = {"1": ("critical", kit.RED), "2": ("warning", kit.ORANGE), "3": ("info", kit.BLUE)}


ASKED = f'alertname=~"DBS.*",{SCOPE},owner=~"$owner"'
BEHIND_GATEWAYS = "gateway_offline|log_catching_up"
ARROW = "↳"
"""Before what an alert explains; as a mark it sorts before every letter, so the order of names is turned round."""


def _under_its_cause(expression: str) -> str:
    """The expression with a label `about`: the gateway or plan, or else the alert itself."""
    for value, source, pattern in (
        ("$1", "alertname", "(.*)"),
        ("plan $1", "plan_id", "(.+)"),
        ("gateway $1", "gateway_id", "(.+)"),
    ):
        expression = f'label_replace({expression}, "about", "{value}", "{source}", "{pattern}")'
    return expression


def _with_plan(expression: str) -> str:
    """Alerts with the name of the chosen plan that they are about, or of none."""
    of_no_plan = f"({expression}) unless on ({BY_PLAN}) {PLAN_INFO}"
    return _under_its_cause(f"({named(expression)} or {of_no_plan})")


def _explained(cause: str) -> str:
    """What a cause explains, with its label, as 1; of several causes the one that explains longest."""
    until = f"dbs_plan_condition_explained_until_timestamp_seconds{{{PLAN},cause{cause}}}"
    longest = f"topk by ({BY_PLAN}, condition) (1, max by ({BY_PLAN}, condition, cause) ({until}))"
    return f"({longest} and on ({BY_PLAN}, condition) plan:dbs_condition:explained{{{PLAN}}}) * 0 + 1"


def _consequences(value: str) -> str:
    """A number for each condition that holds and something explains: `since`, or how severe the cause's alert is."""
    since = f"min by ({BY_PLAN}, condition) (plan:dbs_condition:holds{{{PLAN}}})"
    by_gateway, by_plan = (
        named(f"{since} * on ({BY_PLAN}, condition) group_left (cause) ({_explained(cause)})", *labels)
        for cause, labels in ((f'=~"{BEHIND_GATEWAYS}"', ("gateway_id",)), (f'!~"{BEHIND_GATEWAYS}"', ()))
    )
    if value == "severity":
        by_gateway, by_plan = f"{by_gateway} * 0 + 1", f"{by_plan} * 0 + 2"
    both = _under_its_cause(f"({by_gateway} or {by_plan})")
    return f'label_replace({both}, "alertname", "{ARROW} $1", "condition", "(.*)")'


def alerts() -> table.Panel:
    """Firing alerts, gravest first, from Prometheus' own series about them; under each what it explains."""
    firing = f'and ignoring (alertstate) ALERTS{{{ASKED},alertstate="firing"}}'
    grave = " or ".join(
        f'ALERTS_FOR_STATE{{{ASKED},severity="{name}"}} * 0 + {code}'
        for code, (name, _) in SEVERITIES.items()
    )
    severity = _with_plan(f"({grave}) {firing}")
    since = _with_plan(f"ALERTS_FOR_STATE{{{ASKED}}} {firing}")
    return kit.rows(
        "Firing alerts",
        "Alerts of these plans and of the exporter itself, from Prometheus; gravest first, by what they are about. What an alert explains stands under it with an arrow, as severe as the alert, and pages nobody. Click an alert for its runbook, a plan for its board.",
        {
            "severity": Column(
                query=f"{severity} or {_consequences('severity')}", mappings=kit.states(SEVERITIES), width=90
            ),
            "about": Label(name="about", width=165),
            "alert": Label(name="alertname", width=270, link=f"{frame.RUNBOOKS}/${{__data.fields.alert}}.md"),
            "since": Column(
                query=f"({since} or {_consequences('since')}) * 1000", unit="dateTimeFromNow", width=130
            ),
            **frame.WHOSE,
            "restore task": Label(name="restore_task_id", width=185),
            "collector": Label(name="collector", width=110),
            **frame.PLACE,
        },
        sort=[("severity", False), ("about", False), ("alert", True)],
        height=12,
        no_value="No alert is firing",
    )


def plans() -> table.Panel:
    """One row per plan, worst first."""
    ratio = chosen(f'max by ({BY_PLAN}) ({OBJECTIVE_RATIO}{{{PLAN},objective="%s"}})')
    last_full = chosen(f"max by ({BY_PLAN}) (dbs_full_backup_last_success_timestamp_seconds{{{PLAN}}})")
    return kit.rows(
        "Plans, worst first",
        "One row per plan. What would be lost now and the age of the last full backup stand beside how much of the plan's own objective that is: above 100 % it is breached. Click a plan for its board.",
        {
            "state": Column(query=chosen(f"({STATE_CODE})"), mappings=kit.states(STATE_CODES), width=105),
            **frame.WHOSE,
            "would lose": Column(
                query=chosen(f"max by ({BY_PLAN}) ({RECOVERY_AGE}{{{PLAN}}})"),
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
                query=chosen(f"max by ({BY_PLAN}) ({SIZE_RATIO}{{{PLAN}}})"),
                unit="percentunit",
                steps=kit.thresholds((None, kit.RED), (0.5, kit.GREEN), (2, kit.ORANGE)),
                width=95,
            ),
            "holes": Column(
                query=chosen(f"sum by ({BY_PLAN}) (dbs_plan_recovery_gaps{{{PLAN}}})"),
                steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
                width=60,
            ),
            "proven": Column(
                query=chosen(f"max by ({BY_PLAN}) (dbs_restore_last_proof_timestamp_seconds{{{PLAN}}})")
                + " * 1000",
                unit="dateTimeFromNow",
                width=105,
                blank="never",
            ),
            "last good ends": Column(
                query=chosen(f"max by ({BY_PLAN}) (dbs_plan_last_good_expires_timestamp_seconds{{{PLAN}}})")
                + " - time()",
                unit="s",
                steps=kit.thresholds((None, kit.RED), (2 * 86400, kit.GREEN)),
                width=115,
                blank="none kept",
            ),
            "": Column(query=f"max by ({BY_PLAN}, plan_name, database_type) ({kit.CHOSEN})", hidden=True),
            **frame.PLACE,
        },
        sort=[("state", True), ("of RPO", True)],
        height=24,
        no_value="No plan",
    )


def _over_time() -> Iterator[timeseries.Panel]:
    yield kit.lines(
        "Plans by state",
        "How many plans were in each state. Of all plans of the accounts and regions: the choice of plans, owners and databases changes nothing here.",
        "suffix:plans",
        *(
            (f'sum({REGION_STATES}{{{SCOPE},state="{state}"}})', title)
            for state, (title, _, _) in reversed(STATES.items())
        ),
        stacked=True,
        colours={title: color for title, color, _ in STATES.values()},
    )
    age = chosen(f"max by ({BY_PLAN}) ({RECOVERY_AGE}{{{PLAN}}})")
    yield kit.lines(
        "What would be lost",
        "Age of the recovery point: half of the plans would lose less than the first curve, nine of ten less than the second. Log arrives in small pieces, so the curves move while all is well; the scale is logarithmic.",
        "s",
        (f"quantile(0.5, {age})", "half of the plans"),
        (f"quantile(0.9, {age})", "nine of ten"),
        colours={"half of the plans": kit.BLUE, "nine of ten": kit.ORANGE},
        logarithmic=True,
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
                f'sum({chosen(f"""max by ({BY_PLAN}) ({PROTECTION}{{{PLAN},state="{state}"}})""")})',
                "short",
                span=3,
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
            span=3,
            none=("never read", kit.RED),
        )
    )
    board = board.with_panel(
        kit.number(
            "In objective",
            "Share of the last 30 days in which these plans were in their objectives; the board of compliance has it by plan and owner.",
            in_objective(),
            "percentunit",
            span=3,
            decimals=2,
            steps=IN_OBJECTIVE_STEPS,
            none=("not recorded yet", kit.GREY),
        )
    )
    board = board.with_panel(alerts()).with_row(Row("Over time"))
    for curves in _over_time():
        board = board.with_panel(curves)
    return board.with_row(Row("Plans")).with_panel(plans())
