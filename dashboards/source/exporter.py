"""Exporter: whether what the other boards show can be believed."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import frame, kit
from .kit import SCOPE, Column, Label

COLLECTOR = "account, region, collector"
LAST = f"min by ({COLLECTOR}) (dbs_exporter_collector_last_success_timestamp_seconds{{{SCOPE}}})"
INTERVAL = f"max by ({COLLECTOR}) (dbs_exporter_collector_interval_seconds{{{SCOPE}}})"
AGE = f"(time() - {LAST}) / on ({COLLECTOR}) {INTERVAL}"
AGE_STEPS = kit.thresholds((None, kit.GREEN), (2, kit.YELLOW), (3, kit.RED))
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
        "Collectors whose last run did not succeed, over all accounts and regions.",
        f"sum(min by ({COLLECTOR}) (dbs_exporter_collector_success{{{SCOPE}}}) == bool 0)",
        "short",
        steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Oldest data, in intervals",
        "Age of the oldest collector's data, counted in its own polling intervals. Above three the plans' state is unknown.",
        f"max({AGE})",
        "short",
        steps=AGE_STEPS,
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Not permitted",
        "Collectors that the account's policy forbids; what they would bring is missing on all boards.",
        f"sum(min by ({COLLECTOR}) (dbs_exporter_collector_permitted{{{SCOPE}}}) == bool 0)",
        "short",
        steps=kit.thresholds((None, kit.GREEN), (1, kit.ORANGE)),
        none=("no data", kit.RED),
    )
    yield kit.number(
        "Configuration",
        "Whether the last reload was taken.",
        "min(dbs_exporter_config_last_reload_successful)",
        "short",
        mappings=kit.states({"1": ("in force", kit.GREEN), "0": ("reload refused", kit.RED)}),
        none=("no exporter", kit.RED),
    )
    yield kit.number(
        "Credentials end",
        "Expiry of short-lived credentials, where there is one; the exporter renews them before.",
        'min(dbs_exporter_credentials_expires_timestamp_seconds{account=~"$account"}) * 1000',
        "dateTimeFromNow",
        none=("they do not", kit.BLUE),
    )
    yield kit.number(
        "Version",
        "What runs; more than one while an upgrade is under way.",
        "max by (version) (dbs_exporter_build_info)",
        "short",
        legend="{{version}}",
        only_legend=True,
        none=("no exporter", kit.RED),
    )


def _collectors() -> table.Panel:
    def of(what: str, how: str = "max") -> str:
        return f"{how} by ({COLLECTOR}) (dbs_exporter_collector_{what}{{{SCOPE}}})"

    return kit.rows(
        "Collectors",
        "Those that fail stand first, then those with the oldest data. Age above three intervals means that the plans' state is unknown.",
        {
            "last run": Column(
                query=of("success", "min"),
                mappings=kit.states({"1": ("ok", kit.GREEN), "0": ("failed", kit.RED)}),
                width=95,
            ),
            "collector": Label(name="collector", width=180),
            "account": Label(name="account", width=110),
            "region": Label(name="region", width=190),
            "age in intervals": Column(query=AGE, steps=AGE_STEPS, width=140),
            "last success": Column(query=LAST + " * 1000", unit="dateTimeFromNow", width=140, blank="never"),
            "interval": Column(query=INTERVAL, unit="s", width=100),
            "took": Column(query=of("duration_seconds"), unit="s", width=100),
            "subjects": Column(query=of("subjects"), width=100),
            "of them failed": Column(
                query=of("failed_subjects"),
                steps=kit.thresholds((None, kit.GREEN), (1, kit.RED)),
                width=130,
            ),
            "permitted": Column(
                query=of("permitted", "min"),
                mappings=kit.states({"1": ("yes", kit.GREEN), "0": ("no", kit.ORANGE)}),
            ),
        },
        sort=[("last run", False), ("age in intervals", True)],
        height=12,
        no_value="No collector has run",
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
        "short",
        (
            f"sum by (account, region) (rate(dbs_exporter_api_rate_limit_wait_seconds_total{{{SCOPE}}}[$__rate_interval]))",
            "{{account}} {{region}}",
        ),
    )
    yield kit.lines(
        "Values the documents do not know",
        "Statuses and types of the API that the exporter has not seen before, by field.",
        "short",
        ("sum by (field) (increase(dbs_exporter_unknown_values_total[$__rate_interval]))", "{{field}}"),
        no_value="None was ever seen",
    )


def build() -> Dashboard:
    """The board dbs-exporter."""
    board = frame.board(
        "dbs-exporter",
        "DBS / Exporter",
        "Collectors, API calls, limits and the process itself.",
        since="now-6h",
        plan="none",
    ).with_row(Row("Can the other boards be believed?"))
    for number in _health():
        board = board.with_panel(number)
    board = (
        board.with_panel(_collectors())
        .with_panel(
            kit.lines(
                "Duration of a run against its interval",
                "The slowest account and region of each collector. At 100 % a run takes as long as its interval, and the next one is skipped.",
                "percentunit",
                (
                    f"max by (collector) (dbs_exporter_collector_duration_seconds{{{SCOPE}}} / dbs_exporter_collector_interval_seconds{{{SCOPE}}})",
                    "{{collector}}",
                ),
                steps=kit.thresholds((None, "transparent"), (0.8, kit.ORANGE)),
                beside=True,
            )
        )
        .with_panel(
            kit.lines(
                "Skipped runs",
                "Runs that were due while the last one still ran, over all accounts and regions.",
                "short",
                (
                    f"sum by (collector) (increase(dbs_exporter_collector_skipped_runs_total{{{SCOPE}}}[$__rate_interval]))",
                    "{{collector}}",
                ),
                beside=True,
            )
        )
        .with_row(Row("API"))
    )
    for curves in _api():
        board = board.with_panel(curves)
    return (
        board.with_row(Row("Process"))
        .with_panel(
            kit.lines(
                "Memory",
                "Resident memory.",
                "bytes",
                ('process_resident_memory_bytes{job=~".*dbs.*"}', "{{instance}}"),
                span=8,
            )
        )
        .with_panel(
            kit.lines(
                "Processor",
                "Cores in use.",
                "short",
                ('rate(process_cpu_seconds_total{job=~".*dbs.*"}[$__rate_interval])', "{{instance}}"),
                span=8,
            )
        )
        .with_panel(
            kit.lines(
                "Series and bytes",
                "What one scrape carries; bytes before compression.",
                "short",
                ("max(dbs_exporter_series)", "series"),
                ("max(dbs_exporter_exposition_bytes)", "bytes"),
                span=8,
                on_the_right={"bytes": "bytes"},
            )
        )
    )
