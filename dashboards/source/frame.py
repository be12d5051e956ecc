"""The frame of a board: its variables, its links to the others, its defaults. What stands in it is made by `kit`."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from .kit import SCOPE, SOURCE, Label

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


def _query_variable(name: str, label: str, query: str, *, multi: bool = True) -> dashboard.QueryVariable:
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
    return variable


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
    if plan != "none":
        result = result.with_variable(
            _query_variable(
                "plan", "Plan", f"label_values(dbs_plan_info{{{SCOPE}}}, plan_id)", multi=plan == "many"
            )
        )
    return result
