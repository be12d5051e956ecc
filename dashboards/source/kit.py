"""Panels with the house's defaults: datasource variable, instant tables, units, thresholds, legends.

It owns the look; the boards own the queries and `frame` what is around them. Everything returned is a builder of `grafana_foundation_sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

from .names import PLAN_INFO

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
SCOPE = 'account=~"$account",region=~"$region"'
PLAN = f'{SCOPE},plan_id=~"$plan"'
SCRAPED_EACH = "1m"
"""How far apart samples may be, as the chart and the examples scrape; Grafana makes a rate's interval from it."""
BY_PLAN = "account, region, plan_id"
CHOSEN = f'{PLAN_INFO}{{{PLAN},database_type=~"$database_type",owner=~"$owner"}}'
"""One series for each plan that is chosen at the top of a board."""

GREEN, YELLOW, ORANGE, RED, BLUE, GREY, PURPLE = (
    "green",
    "yellow",
    "orange",
    "red",
    "blue",
    "#808080",
    "purple",
)

PLANS_A_PAGE = 25
"""Rows of a panel of states: more of them cannot be read, and the next page has them."""

Query = tuple[str, str]
"""(PromQL, legend)."""


def named(expression: str, *labels: str, at: str = "") -> str:
    """The expression, which has the labels account, region and plan_id, of chosen plans, with name, database type and `labels` joined on.

    `at` is a modifier of the moment at which plans are called and chosen so.
    """
    joined = ", ".join(("plan_name", "database_type", *labels))
    return f"(({expression}) * on ({BY_PLAN}) group_left ({joined}) {CHOSEN}{at})"


def chosen(expression: str, at: str = "") -> str:
    """The expression, which has the labels account, region and plan_id, of chosen plans only; `at` as of `named`."""
    return f"({expression} and on ({BY_PLAN}) {CHOSEN}{at})"


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


def nothing(text: str, color: str) -> Any:
    """A value mapping for no series at all, which Grafana would paint in the first threshold's colour."""
    return models.SpecialValueMap(
        options=models.DashboardSpecialValueMapOptions(
            match=models.SpecialValueMatch.NULL, result=models.ValueMappingResult(text=text, color=color)
        )
    )


def below(limit: float, text: str, color: str) -> Any:
    """A value mapping for everything up to `limit`."""
    return models.RangeMap(
        options=models.DashboardRangeMapOptions(
            from_val=None, to=limit, result=models.ValueMappingResult(text=text, color=color)
        )
    )


def _target(expression: str, legend: str, ref: str, *, instant: bool, tabular: bool) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).ref_id(ref).datasource(SOURCE).legend_format(legend)
    query = query.instant() if instant else query.range()
    if "$__rate_interval" in expression:
        # Grafana takes four times the data source's own interval, 15 s by default, in which the chart's scrapes leave one sample.
        query = query.interval(SCRAPED_EACH)
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
    only_legend: bool = False,
    mappings: Sequence[Any] = (),
    none: tuple[str, str] | None = None,
    decimals: int | None = None,
) -> stat.Panel:
    """One big number as of now, or one per series with its legend; `none` is the text and colour where there is no series."""
    panel = (
        _common(stat.Panel(), title, description, unit, span, height)
        .with_target(_target(expression, legend or "{{account}}", "A", instant=True, tabular=False))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .thresholds(steps or thresholds((None, BLUE)))
    )
    if legend:
        modes = common_models.BigValueTextMode
        panel = panel.text_mode(modes.NAME if only_legend else modes.VALUE_AND_NAME)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if none:
        mappings = [*mappings, nothing(*none)]
        panel = panel.no_value(none[0])
    return panel.mappings(list(mappings)) if mappings else panel


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    span: int = 12,
    height: int = 9,
    steps: dashboard.ThresholdsConfig | None = None,
    stacked: bool = False,
    minimum: float | None = 0,
    beside: bool = False,
    largest: bool = True,
    colours: Mapping[str, str] | None = None,
    dashed: Sequence[str] = (),
    alone: Sequence[str] = (),
    on_the_right: Mapping[str, str] | None = None,
    band: tuple[str, str] | None = None,
    no_value: str | None = None,
    logarithmic: bool = False,
) -> timeseries.Panel:
    """Curves over time, with a legend table of last and max; it stands beside the curves where there are many.

    By name: `colours` of curves, those drawn `dashed` (limits), those that stand `alone` beside a stack, the unit of those with their own axis `on_the_right`, the
    upper and lower curve of a `band`. The legend begins with the largest last value, or with the smallest.
    """
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.TABLE).show_legend(True)
    placement = common_models.LegendPlacement.RIGHT if beside else common_models.LegendPlacement.BOTTOM
    panel = (
        _common(timeseries.Panel(), title, description, unit, span, height)
        .line_width(1)
        .fill_opacity(25 if stacked else 0)
        .show_points(common_models.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            legend.placement(placement).calcs(["lastNotNull", "max"]).sort_by("Last *").sort_desc(largest)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
    )
    if logarithmic:
        # So that a curve moves though its limit is a hundred times as high.
        scale = common.ScaleDistributionConfig().type(common_models.ScaleDistribution.LOG).log(10)
        panel = panel.scale_distribution(scale)
    elif minimum is not None:
        panel = panel.min(minimum)
    if steps:
        panel = panel.thresholds(steps).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    if no_value:
        panel = panel.no_value(no_value)
    for name, color in (colours or {}).items():
        panel = panel.override_by_name(name, [_set("color", {"mode": "fixed", "fixedColor": color})])
    for name in dashed:
        panel = panel.override_by_name(name, [_set("custom.lineStyle", {"fill": "dash", "dash": [8, 6]})])
    for name in alone:
        panel = panel.override_by_name(
            name, [_set("custom.stacking", {"mode": "none", "group": "A"}), _set("custom.fillOpacity", 0)]
        )
    for name, own in (on_the_right or {}).items():
        panel = panel.override_by_name(name, [_set("unit", own), _set("custom.axisPlacement", "right")])
    if band:
        panel = panel.override_by_name(
            band[0], [_set("custom.fillBelowTo", band[1]), _set("custom.fillOpacity", 10)]
        )
    for index, (expression, name) in enumerate(queries):
        panel = panel.with_target(
            _target(expression, name, chr(ord("A") + index), instant=False, tabular=False)
        )
    return panel


def _set(name: str, value: Any) -> DynamicConfigValue:
    return DynamicConfigValue(id_val=name, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table that a query fills, and how its cells look."""

    query: str
    unit: str = "short"
    width: int | None = None
    """Pixels; the others share what is left."""
    steps: dashboard.ThresholdsConfig | None = None
    mappings: Sequence[Any] = ()
    blank: str = " "
    """What stands where there is no value."""
    decimals: int | None = None
    hidden: bool = False
    """Whether it is there for its labels only."""

    def overrides(self) -> list[DynamicConfigValue]:
        """As Grafana's field overrides."""
        found = [_set("unit", self.unit), _set("noValue", self.blank)]
        if self.steps or self.mappings:
            found.append(_set("custom.cellOptions", {"type": "color-text"}))
        if self.steps:
            found.append(_set("thresholds", self.steps.build()))
        if self.mappings:
            found += [_set("mappings", list(self.mappings)), _set("custom.align", "left")]
        if self.decimals is not None:
            found.append(_set("decimals", self.decimals))
        if self.width:
            found.append(_set("custom.width", self.width))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A column of a table that a label fills."""

    name: str
    width: int | None = None
    link: str | None = None

    def overrides(self) -> list[DynamicConfigValue]:
        """As Grafana's field overrides."""
        # What a whole empty table says is not to stand in single cells.
        found = [_set("noValue", " ")]
        if self.width:
            found.append(_set("custom.width", self.width))
        if self.link:
            found.append(_set("links", [{"title": "Open", "url": self.link}]))
        return found


def rows(
    title: str,
    description: str,
    columns: Mapping[str, Column | Label],
    *,
    sort: Sequence[tuple[str, bool]] = (),
    span: int = 24,
    height: int = 12,
    no_value: str = "Nothing",
) -> table.Panel:
    """A table: the columns by heading, from left to right. Their instant queries are merged on the labels that they share.

    `sort` says by which headings, each with whether descending. Labels are text even if they look like numbers.
    """
    panel = (
        _common(table.Panel(), title, description, "string", span, height)
        .filterable(True)
        .min_width(60)
        .show_header(True)
    )
    several = sum(isinstance(column, Column) for column in columns.values()) > 1
    refs = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    fields: dict[str, str] = {}
    for heading, column in columns.items():
        field = column.name if isinstance(column, Label) else "Value"
        if isinstance(column, Column):
            ref = next(refs)
            panel = panel.with_target(_target(column.query, "", ref, instant=True, tabular=True))
            field = f"Value #{ref}" if several else "Value"
        if not (isinstance(column, Column) and column.hidden):
            fields[field] = heading
            panel = panel.override_by_name(heading, column.overrides())
    for transformation, options in (
        ("merge", {}),
        ("filterFieldsByName", {"include": {"names": list(fields)}}),
        (
            "organize",
            {
                "excludeByName": {},
                "indexByName": {field: index for index, field in enumerate(fields)},
                "renameByName": fields,
            },
        ),
    ):
        panel = panel.with_transformation(DataTransformerConfig(id_val=transformation, options=options))
    if sort:
        panel = panel.sort_by(
            [common.TableSortByFieldState().display_name(by).desc(down) for by, down in sort]
        )
    return panel.no_value(no_value)


def ladder(
    title: str,
    description: str,
    unit: str,
    expression: str,
    legend: str,
    *,
    span: int = 12,
    height: int = 8,
    maximum: float | None = None,
    no_value: str | None = None,
) -> bargauge.Panel:
    """One horizontal bar per series, as of now."""
    panel = (
        _common(bargauge.Panel(), title, description, unit, span, height)
        .with_target(_target(expression, legend, "A", instant=True, tabular=False))
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(thresholds((None, BLUE)))
        .min(0)
    )
    if no_value:
        panel = panel.no_value(no_value)
    return panel.max(maximum) if maximum is not None else panel


def _list() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST)
    return legend.placement(common_models.LegendPlacement.BOTTOM).show_legend(True)


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
        .per_page(PLANS_A_PAGE)
        .show_value(common_models.VisibilityMode.NEVER)
        .legend(_list())
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
        .per_page(PLANS_A_PAGE)
        .show_value(common_models.VisibilityMode.NEVER)
        .legend(_list())
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
