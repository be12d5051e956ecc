"""Exporter: whether what the other boards show can be believed."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import SCOPE, Column, Label
from .names import STALE_BY_COLLECTOR

COLLECTOR = "account, region, collector"
LAST = f"max by ({COLLECTOR}) (dbs_exporter_collector_last_success_timestamp_seconds{{{SCOPE}}})"
WANTED = f"max by ({COLLECTOR}) (dbs_exporter_call_budget_wanted_per_second{{{SCOPE}}})"
ALLOWED = f"min by (account, region) (dbs_exporter_api_rate_limit_per_second{{{SCOPE}}})"
STRETCH = f"max by (account, region) (dbs_exporter_call_budget_stretch_ratio{{{SCOPE}}})"
STRETCH_STEPS = kit.thresholds((None, kit.GREEN), (1.01, kit.YELLOW), (1.2, kit.ORANGE))
FRESH_UNTIL = f"max by (account, region, plan_id, facts) (dbs_plan_fresh_until_timestamp_seconds{{{SCOPE}}})"
EXPORTERS = "and on (job, instance) dbs_exporter_build_info"
"""After what every process exposes: of exporters only, whatever their job is called."""
OUTCOMES = {
    "success": kit.GREEN,
    "throttled": kit.YELLOW,
    "denied": kit.PURPLE,
    "invalid": "dark-purple",
    "server_error": kit.RED,
    "timeout": kit.ORANGE,
    "unreachable": "dark-orange",
    "bad_answer": "dark-red",
}


def _health() -> Iterator[stat.Panel]:
    yield kit.number(
        "Collectors that fail",
        "Collectors that could not read something when they last tried, over all accounts and regions.",
        f"sum(min by ({COLLECTOR}) (dbs_exporter_collector_success{{{SCOPE}}}) == bool 0)",
        "short",
        span=3,
        steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Plans not known",
        "Plans whose recovery point rests on something that was not read in the time that was planned: their state is unknown.",
        f'sum(max by (account, region, plan_id) (dbs_plan_fresh_until_timestamp_seconds{{{SCOPE},facts="recovery"}}) < bool time())',
        "short",
        span=3,
        steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
        none=("no plan", kit.GREY),
    )
    yield kit.number(
        "Largest stretch",
        "Where calls are too few, a region is read this many times as late as wanted; the region where that is most.",
        f"max({STRETCH})",
        "suffix:x",
        span=3,
        steps=STRETCH_STEPS,
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Clock off by",
        "How far the machine's clock is from the API's, at most. The exporter goes by the API's; more than 30 s wants mending.",
        f"max(abs(dbs_exporter_clock_offset_seconds{{{SCOPE}}}))",
        "s",
        span=3,
        steps=kit.thresholds((None, kit.GREEN), (30, kit.ORANGE)),
        none=("not known", kit.GREY),
    )
    yield kit.number(
        "Not permitted",
        "Collectors that the account's policy forbids; what they would bring is missing on all boards.",
        f"sum(min by ({COLLECTOR}) (dbs_exporter_collector_permitted{{{SCOPE}}}) == bool 0)",
        "short",
        span=3,
        steps=kit.thresholds((None, kit.GREEN), (1, kit.ORANGE)),
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Configuration",
        "Whether the last reload was taken.",
        "min(dbs_exporter_config_last_reload_successful)",
        "short",
        span=3,
        mappings=kit.states({"1": ("in force", kit.GREEN), "0": ("reload refused", kit.RED)}),
        none=("no exporter", kit.RED),
    )
    yield kit.number(
        "Credentials end",
        "Expiry of short-lived credentials, where there is one; the exporter renews them before.",
        'min(dbs_exporter_credentials_expires_timestamp_seconds{account=~"$account"}) * 1000',
        "dateTimeFromNow",
        span=3,
        none=("they do not", kit.BLUE),
    )
    yield kit.number(
        "Version",
        "What runs; more than one while an upgrade is under way.",
        "max by (version) (dbs_exporter_build_info)",
        "short",
        span=3,
        legend="{{version}}",
        only_legend=True,
        none=("no exporter", kit.RED),
    )


def _collectors() -> table.Panel:
    def of(what: str, how: str = "max") -> str:
        return f"{how} by ({COLLECTOR}) (dbs_exporter_collector_{what}{{{SCOPE}}})"

    trouble = kit.thresholds((None, kit.GREEN), (1, kit.RED))
    return kit.rows(
        "Collectors",
        "Those that fail stand first. Stale is what was not read again in the time that was planned for it; what plans do decides how often they are read, so an old reading is none that is late.",
        {
            "last reading": Column(
                query=of("success", "min"),
                mappings=kit.states({"1": ("ok", kit.GREEN), "0": ("failed", kit.RED)}),
                width=110,
            ),
            "collector": Label(name="collector", width=180),
            "account": Label(name="account", width=110),
            "region": Label(name="region", width=150),
            "subjects": Column(query=of("subjects"), width=90),
            "failed": Column(query=of("failed_subjects"), steps=trouble, width=80),
            "stale": Column(
                # Where nothing is stale there is no series.
                query=f"max by ({COLLECTOR}) ({STALE_BY_COLLECTOR}{{{SCOPE}}}) or on ({COLLECTOR}) 0 * {of('subjects')}",
                steps=trouble,
                width=80,
            ),
            "last success": Column(query=LAST + " * 1000", unit="dateTimeFromNow", width=150, blank="never"),
            "oldest success": Column(
                query=of("oldest_success_timestamp_seconds", "min") + " * 1000",
                unit="dateTimeFromNow",
                width=150,
                blank="never",
            ),
            "calls wanted": Column(query=WANTED, unit="reqps", width=130),
            "permitted": Column(
                query=of("permitted", "min"),
                mappings=kit.states({"1": ("yes", kit.GREEN), "0": ("no", kit.ORANGE)}),
            ),
        },
        sort=[("last reading", False), ("stale", True)],
        height=12,
        no_value="No collector has read anything",
    )


def _freshness() -> Iterator[table.Panel | timeseries.Panel]:
    yield kit.rows(
        "Fresh and stale plans by facts",
        "Of how many plans each kind of facts counts as known, and of how many not: their next reading was planned, and did not come. Overdue says since when, at most.",
        {
            "facts": Label(name="facts"),
            "fresh": Column(query=f"sum by (facts) ({FRESH_UNTIL} >= bool time())", width=110),
            "stale": Column(
                query=f"sum by (facts) ({FRESH_UNTIL} < bool time())",
                steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
                width=110,
            ),
            "overdue": Column(
                query=f"clamp_min(max by (facts) (time() - {FRESH_UNTIL}), 0)", unit="s", width=130
            ),
        },
        sort=[("stale", True), ("facts", False)],
        span=8,
        height=10,
        no_value="No plan",
    )
    yield kit.lines(
        "Time left until stale",
        "How long the facts of the plan that is nearest to it still count as known. It falls until the next reading and then leaps up, while all is well; below zero they are stale.",
        "s",
        (f"min by (facts) ({FRESH_UNTIL}) - time() < 7 * 86400", "{{facts}}"),
        steps=kit.thresholds((None, kit.RED), (0, "transparent")),
        minimum=None,
        largest=False,
        span=8,
        height=10,
    )
    yield kit.lines(
        "Subjects that could not be read",
        "Plans, or regions, whose last reading failed, by collector.",
        "suffix:subjects",
        (f"sum by (collector) (dbs_exporter_collector_failed_subjects{{{SCOPE}}})", "{{collector}}"),
        span=8,
        height=10,
    )


def _budget() -> Iterator[timeseries.Panel]:
    yield kit.lines(
        "Calls wanted against those allowed",
        "What collectors want to call within the next half hour, however much is allowed. Above the line everything is read later; choose one region, since the line is the sum of all.",
        "reqps",
        (f"sum by (collector) ({WANTED})", "{{collector}}"),
        (f"sum({ALLOWED})", "allowed"),
        stacked=True,
        colours={"allowed": kit.RED},
        dashed=["allowed"],
        alone=["allowed"],
        beside=True,
    )
    yield kit.lines(
        "Stretch",
        "By how much readings of a region come later than wanted, because calls are few; 1 while they suffice. Beyond 1.2 for an hour there is an alert.",
        "suffix:x",
        (STRETCH, "{{account}} {{region}}"),
        steps=kit.thresholds((None, "transparent"), (1.2, kit.ORANGE)),
        minimum=1,
        span=6,
    )
    yield kit.lines(
        "Clock offset",
        "How far the API's clock is ahead of the machine's; the mean of an exporter's regions.",
        "s",
        (f"avg by (instance) (dbs_exporter_clock_offset_seconds{{{SCOPE}}})", "{{instance}}"),
        minimum=None,
        span=6,
    )


def _api() -> Iterator[timeseries.Panel]:
    calls = f"dbs_exporter_api_requests_total{{{SCOPE}}}[$__rate_interval]"
    yield kit.lines(
        "Calls by outcome",
        "Every attempt, retries included. Only success is good; throttled calls are tried again.",
        "reqps",
        (f"sum by (outcome) (rate({calls})) > 0", "{{outcome}}"),
        stacked=True,
        colours=OUTCOMES,
    )
    yield kit.lines(
        "Rate against limit",
        "Calls per second and the limit in force, which halves under throttling and recovers.",
        "reqps",
        (f"sum by (account, region) (rate({calls})) > 0", "{{account}} {{region}}: calls"),
        (
            f"min by (account) (dbs_exporter_api_rate_limit_per_second{{{SCOPE}}})",
            "{{account}}: lowest limit of a region",
        ),
    )
    yield kit.lines(
        "Calls by operation",
        "Which operations the calls go to.",
        "reqps",
        (f"sum by (operation) (rate({calls})) > 0", "{{operation}}"),
        stacked=True,
        beside=True,
    )
    yield kit.lines(
        "Latency, 95th percentile",
        "Of single attempts, by operation; the slowest stands first.",
        "s",
        (
            "histogram_quantile(0.95, sum by (operation, le) (rate(dbs_exporter_api_request_duration_seconds_bucket[$__rate_interval])))",
            "{{operation}}",
        ),
        beside=True,
    )
    yield kit.lines(
        "Waiting for the rate limit",
        "Seconds of waiting per second, over all workers.",
        "suffix:s/s",
        (
            f"sum by (account, region) (rate(dbs_exporter_api_rate_limit_wait_seconds_total{{{SCOPE}}}[$__rate_interval]))",
            "{{account}} {{region}}",
        ),
    )
    yield kit.lines(
        "Values the documents do not know",
        "Statuses and types of the API that the exporter has not seen before, by field.",
        "suffix:values",
        ("sum by (field) (increase(dbs_exporter_unknown_values_total[$__rate_interval]))", "{{field}}"),
        no_value="None was ever seen",
    )


def build() -> Dashboard:
    """The board dbs-exporter."""
    board = frame.board(
        "dbs-exporter",
        "DBS / Exporter",
        "Collectors, what is fresh, API calls, limits and the process itself.",
        since="now-6h",
        plan="none",
    ).with_row(Row("Can the other boards be believed?"))
    for number in _health():
        board = board.with_panel(number)
    board = board.with_panel(_collectors())
    for panel in _freshness():
        board = board.with_panel(panel)
    board = board.with_row(Row("Do the calls suffice?"))
    for curves in _budget():
        board = board.with_panel(curves)
    board = board.with_row(Row("API"))
    for curves in _api():
        board = board.with_panel(curves)
    return (
        board.with_row(Row("Process"))
        .with_panel(
            kit.lines(
                "Memory",
                "Resident memory.",
                "bytes",
                (f"process_resident_memory_bytes {EXPORTERS}", "{{instance}}"),
                span=8,
            )
        )
        .with_panel(
            kit.lines(
                "Processor",
                "Cores in use.",
                "suffix:cores",
                (f"rate(process_cpu_seconds_total[$__rate_interval]) {EXPORTERS}", "{{instance}}"),
                span=8,
            )
        )
        .with_panel(
            kit.lines(
                "Series and bytes",
                "What one scrape carries; bytes before compression.",
                "suffix:series",
                ("max(dbs_exporter_series)", "series"),
                ("max(dbs_exporter_exposition_bytes)", "bytes"),
                span=8,
                on_the_right={"bytes": "bytes"},
            )
        )
    )
