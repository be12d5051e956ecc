"""Panels with the house's defaults: datasource variable, instant tables, units, thresholds, links between boards.

It owns the look; the boards own the queries. Everything returned is a builder of `grafana_foundation_sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    statushistory,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
SCOPE = 'account=~"$account",region=~"$region"'
PLAN = f'{SCOPE},plan_id=~"$plan"'
BY_PLAN = "account, region, plan_id"
NAMED = "on (account, region, plan_id) group_left (plan_name, database_type)"

GREEN, YELLOW, ORANGE, RED, BLUE, GREY, PURPLE = (
    "green",
    "yellow",
    "orange",
    "red",
    "blue",
    "#808080",
    "purple",
)

Query = tuple[str, str]
"""(PromQL, legend)."""


def named(expression: str) -> str:
    """The expression, which has the labels account, region and plan_id, with the plan's name and database type joined on."""
    info = "max by (account, region, plan_id, plan_name, database_type) (dbs_plan_info)"
    return f"({expression}) * {NAMED} {info}"


def thresholds(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Absolute thresholds; the first step's value is None."""
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def states(mapping: Mapping[str, tuple[str, str]]) -> list[Any]:
    """Value mappings: raw value -> (text, color)."""
    options = {
        raw: models.ValueMappingResult(text=shown, color=color, index=index)
        for index, (raw, (shown, color)) in enumerate(mapping.items())
    }
    return [models.ValueMap(options=options)]


def _target(expression: str, legend: str, ref: str, *, instant: bool, tabular: bool) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).ref_id(ref).datasource(SOURCE).legend_format(legend)
    query = query.instant() if instant else query.range()
    return query.format(PromQueryFormat.TABLE if tabular else PromQueryFormat.TIME_SERIES)


Panel = TypeVar("Panel")


def _common(panel: Panel, title: str, description: str, unit: str, span: int, height: int) -> Panel:
    builder: Any = panel
    builder.title(title).description(description).unit(unit).datasource(SOURCE).span(span).height(height)
    return panel


def number(
    title: str,
    description: str,
    expression: str,
    unit: str,
    *,
    steps: dashboard.ThresholdsConfig | None = None,
    span: int = 4,
    height: int = 4,
    legend: str = "",
    mappings: list[Any] | None = None,
    link: str | None = None,
    no_value: str | None = None,
) -> stat.Panel:
    """One big number (or one per series) as of now."""
    panel = (
        _common(stat.Panel(), title, description, unit, span, height)
        .with_target(_target(expression, legend or "{{account}}", "A", instant=True, tabular=False))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .thresholds(steps or thresholds((None, BLUE)))
    )
    if legend:
        panel = panel.text_mode(common_models.BigValueTextMode.VALUE_AND_NAME)
    if mappings:
        panel = panel.mappings(mappings)
    if link:
        panel = panel.links([_link(link, title)])
    if no_value:
        panel = panel.no_value(no_value)
    return panel


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    span: int = 12,
    height: int = 8,
    steps: dashboard.ThresholdsConfig | None = None,
    stacked: bool = False,
    minimum: float | None = 0,
    bars: bool = False,
) -> timeseries.Panel:
    """Curves over time, with a legend table of last and max."""
    panel = (
        _common(timeseries.Panel(), title, description, unit, span, height)
        .line_width(1)
        .fill_opacity(20 if stacked else 5)
        .show_points(common_models.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.TABLE)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if minimum is not None:
        panel = panel.min(minimum)
    if steps:
        panel = panel.thresholds(steps).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    if bars:
        panel = panel.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(60)
    for index, (expression, legend) in enumerate(queries):
        panel = panel.with_target(
            _target(expression, legend, chr(ord("A") + index), instant=False, tabular=False)
        )
    return panel


Column = tuple[str, str, str]
"""(heading, PromQL, unit)."""


def rows(
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    labels: Mapping[str, str],
    hide: Sequence[str] = (),
    colours: Mapping[str, dashboard.ThresholdsConfig | list[Any]] | None = None,
    links: Mapping[str, str] | None = None,
    sort: str | None = None,
    descending: bool = True,
    span: int = 24,
    height: int = 12,
) -> table.Panel:
    """A table: one instant query per column, merged on their common labels; `labels` renames label columns."""
    panel = _common(table.Panel(), title, description, "short", span, height).filterable(True).min_width(60)
    renames: dict[str, str] = dict(labels)
    order: dict[str, int] = {label: index for index, label in enumerate(labels)}
    for index, (heading, expression, unit) in enumerate(columns):
        ref = chr(ord("A") + index)
        panel = panel.with_target(_target(expression, "", ref, instant=True, tabular=True))
        value = f"Value #{ref}" if len(columns) > 1 else "Value"
        renames[value] = heading
        order[value] = len(labels) + index
        panel = panel.override_by_name(heading, [DynamicConfigValue(id_val="unit", value=unit)])
    hidden = dict.fromkeys(("Time", "__name__", "job", "instance", *hide), True)
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={})).with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": hidden, "indexByName": order, "renameByName": renames},
        )
    )
    for heading, colour in (colours or {}).items():
        panel = panel.override_by_name(
            heading,
            [
                DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
                DynamicConfigValue(id_val="mappings", value=colour)
                if isinstance(colour, list)
                else DynamicConfigValue(id_val="thresholds", value=colour.build()),
            ],
        )
    for heading, url in (links or {}).items():
        panel = panel.override_by_name(
            heading,
            [DynamicConfigValue(id_val="links", value=[{"title": "Open", "url": url}])],
        )
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel


def ladder(
    title: str,
    description: str,
    unit: str,
    expression: str,
    legend: str,
    *,
    span: int = 12,
    height: int = 8,
    steps: dashboard.ThresholdsConfig | None = None,
    maximum: float | None = None,
) -> bargauge.Panel:
    """One horizontal bar per series, as of now."""
    panel = (
        _common(bargauge.Panel(), title, description, unit, span, height)
        .with_target(_target(expression, legend, "A", instant=True, tabular=False))
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(steps or thresholds((None, BLUE)))
        .min(0)
    )
    return panel.max(maximum) if maximum is not None else panel


def history(
    title: str,
    description: str,
    expression: str,
    legend: str,
    mapping: Mapping[str, tuple[str, str]],
    *,
    interval: str,
    height: int = 12,
) -> statushistory.Panel:
    """One row per series, one cell per interval, coloured by state."""
    return (
        _common(statushistory.Panel(), title, description, "short", 24, height)
        .with_target(_target(expression, legend, "A", instant=False, tabular=False))
        .interval(interval)
        .mappings(states(mapping))
        .thresholds(thresholds((None, GREY)))
        .row_height(0.9)
        .col_width(0.9)
        .show_value(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )


def timeline(
    title: str,
    description: str,
    expression: str,
    legend: str,
    mapping: Mapping[str, tuple[str, str]],
    *,
    height: int = 12,
    span: int = 24,
) -> statetimeline.Panel:
    """One row per series, coloured by state over time."""
    return (
        _common(statetimeline.Panel(), title, description, "short", span, height)
        .with_target(_target(expression, legend, "A", instant=False, tabular=False))
        .mappings(states(mapping))
        .thresholds(thresholds((None, GREY)))
        .merge_values(True)
        .row_height(0.9)
        .show_value(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )


def alerts(title: str, description: str, expression: str, *, span: int = 24, height: int = 7) -> table.Panel:
    """Firing alerts as a table, from Prometheus' own ALERTS series."""
    return rows(
        title,
        description,
        [("since", expression, "dateTimeFromNow")],
        labels={
            "severity": "severity",
            "alertname": "alert",
            "account": "account",
            "region": "region",
            "plan_id": "plan",
            "plan_name": "name",
        },
        colours={
            "severity": states(
                {"critical": ("critical", RED), "warning": ("warning", ORANGE), "info": ("info", BLUE)}
            )
        },
        sort="severity",
        descending=False,
        span=span,
        height=height,
    )


def note(title: str, description: str, markdown: str, *, span: int = 24, height: int = 4) -> text.Panel:
    """A text panel."""
    return (
        text.Panel()
        .title(title)
        .description(description)
        .content(markdown)
        .span(span)
        .height(height)
        .datasource(SOURCE)
    )


def _link(url: str, title: str) -> Any:
    return dashboard.DashboardLink(title).url(url).type(models.DashboardLinkType.LINK).target_blank(False)


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


PLAN_BOARD = "/d/dbs-plan?${account:queryparam}&${region:queryparam}&var-plan=${__data.fields.plan}&${__url_time_range}"
