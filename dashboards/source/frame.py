"""The frame of a board: its variables, its links to the others, its defaults. What stands in it is made by `kit`."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from .kit import ORANGE, PLAN, RED, SCOPE, SOURCE, Label
from .names import PLAN_INFO

RUNBOOKS = "https://github.com/dbs-exporter/dbs-exporter/blob/main/rules/runbooks"
"""As in the alerts' annotations; a test holds it against them."""
PLAN_BOARD = "/d/dbs-plan?${account:queryparam}&${region:queryparam}&var-plan=${__data.fields.plan}&${__url_time_range}"
"""For tables whose column of plan ids is headed "plan"."""
PLAN_NAMES = {
    "plan name": Label(name="plan_name", width=180, link=PLAN_BOARD),
    "plan": Label(name="plan_id", width=145, link=PLAN_BOARD),
}
DATABASE = {"database": Label(name="database_type", width=105)}
PLACE = {"region": Label(name="region", width=125), "account": Label(name="account")}
WHOSE = {**PLAN_NAMES, **DATABASE}
"""Columns that say which plan a row of a table is about."""


EVENT_FIELDS: dict[str, dict[str, object]] = {
    "Alerts": {
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{plan_id}} {{gateway_id}}",
        "tagKeys": "severity",
    },
    "Failed full backups": {
        "step": "60s",
        "titleFormat": "A full backup failed",
        "textFormat": "{{plan_id}}",
        "tagKeys": "region",
        "useValueForTime": True,
    },
}
"""What Grafana's data source takes beside the query of an annotation, and the library does not write, by the annotation's name."""


def _events(plan: str) -> list[dashboard.AnnotationQuery]:
    """Annotations: while alerts fire, and, where the board is of one plan, when a full backup began that failed."""

    def event(name: str, expression: str, colour: str) -> dashboard.AnnotationQuery:
        query = dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).expr(expression)
        return query.icon_color(colour)

    if plan == "one":
        attempt = f"max(dbs_full_backup_last_attempt_timestamp_seconds{{{PLAN}}})"
        failed = f'max(dbs_full_backup_last_attempt_status{{{PLAN},status="stop"}} == 1)'
        return [
            event("Alerts", f'ALERTS{{alertname=~"DBS.*",alertstate="firing",{PLAN}}}', RED),
            event("Failed full backups", f"{attempt} * {failed} * 1000", ORANGE),
        ]
    # Those of a fleet's warnings would be one carpet.
    return [
        event("Alerts", f'ALERTS{{alertname=~"DBS.*",alertstate="firing",severity="critical",{SCOPE}}}', RED)
    ]


def _query_variable(
    name: str, label: str, query: str, *, multi: bool = True, regex: str | None = None
) -> dashboard.QueryVariable:
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(multi)
        .include_all(multi)
    )
    if multi:
        everything = models.VariableOption(selected=True, text="All", value="$__all")
        variable = variable.all_value(".*").current(everything)
    return variable if regex is None else variable.regex(regex)


def board(
    uid: str, title: str, description: str, *, since: str, refresh: str = "1m", plan: str = "many"
) -> dashboard.Dashboard:
    """An empty board with the variables, the links and the defaults; `plan` is many, one or none."""
    result = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["dbs-exporter"])
        .readonly()
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("DBS boards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["dbs-exporter"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
            .hide(models.VariableHide.DONT_HIDE)
        )
        .with_variable(
            _query_variable("account", "Account", "label_values(dbs_exporter_collector_success, account)")
        )
        .with_variable(
            _query_variable(
                "region",
                "Region",
                'label_values(dbs_exporter_collector_success{account=~"$account"}, region)',
            )
        )
    )
    for annotation in _events(plan):
        result = result.annotation(annotation)
    if plan != "none":
        result = (
            result.with_variable(
                _query_variable("owner", "Owner", f"label_values({PLAN_INFO}{{{SCOPE}}}, owner)")
            )
            .with_variable(
                _query_variable(
                    "database_type", "Database", f"label_values({PLAN_INFO}{{{SCOPE}}}, database_type)"
                )
            )
            .with_variable(_plan_variable(multi=plan == "many"))
        )
    return result


def _plan_variable(*, multi: bool) -> dashboard.QueryVariable:
    """Plans to be chosen by their names; queries get the ids, which stand behind the names since two plans may have one name."""
    plans = f'{PLAN_INFO}{{{SCOPE},database_type=~"$database_type",owner=~"$owner"}}'
    shown = f'label_join(max by (plan_id, plan_name) ({plans}), "name", " · ", "plan_name", "plan_id")'
    # Grafana gets {name="orders · dbs1",plan_id="dbs1",plan_name="orders"}: labels in the order of their names.
    regex = r'/\{name="(?<text>[^"]+)",plan_id="(?<value>[^"]+)"/'
    return _query_variable("plan", "Plan", f"query_result({shown})", multi=multi, regex=regex)
