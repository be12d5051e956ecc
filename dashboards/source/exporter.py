"""Exporter: whether what the other boards show can be believed."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from . import kit
from .kit import SCOPE

COLLECTOR = "account, region, collector"


def build() -> Dashboard:
    """The board dbs-exporter."""
    last = f"min by ({COLLECTOR}) (dbs_exporter_collector_last_success_timestamp_seconds{{{SCOPE}}})"
    interval = f"max by ({COLLECTOR}) (dbs_exporter_collector_interval_seconds{{{SCOPE}}})"
    return (
        kit.board(
            "dbs-exporter",
            "DBS / Exporter",
            "Collectors, API calls, limits and the process itself.",
            since="now-6h",
            plan="none",
        )
        .with_row(Row("Collectors"))
        .with_panel(
            kit.rows(
                "Collectors",
                "Age above three intervals means that the plans' state is unknown.",
                [
                    ("success", f"min by ({COLLECTOR}) (dbs_exporter_collector_success{{{SCOPE}}})", "short"),
                    ("age in intervals", f"(time() - {last}) / on ({COLLECTOR}) {interval}", "short"),
                    ("last success", last + " * 1000", "dateTimeFromNow"),
                    ("interval", interval, "s"),
                    (
                        "duration",
                        f"max by ({COLLECTOR}) (dbs_exporter_collector_duration_seconds{{{SCOPE}}})",
                        "s",
                    ),
                    (
                        "subjects",
                        f"max by ({COLLECTOR}) (dbs_exporter_collector_subjects{{{SCOPE}}})",
                        "short",
                    ),
                    (
                        "failed",
                        f"max by ({COLLECTOR}) (dbs_exporter_collector_failed_subjects{{{SCOPE}}})",
                        "short",
                    ),
                    (
                        "permitted",
                        f"min by ({COLLECTOR}) (dbs_exporter_collector_permitted{{{SCOPE}}})",
                        "short",
                    ),
                ],
                labels={"account": "account", "region": "region", "collector": "collector"},
                colours={
                    "success": kit.states({"1": ("ok", kit.GREEN), "0": ("failed", kit.RED)}),
                    "permitted": kit.states({"1": ("yes", kit.GREEN), "0": ("not permitted", kit.ORANGE)}),
                    "age in intervals": kit.thresholds((None, kit.GREEN), (2, kit.YELLOW), (3, kit.RED)),
                },
                sort="age in intervals",
                height=12,
            )
        )
        .with_panel(
            kit.lines(
                "Duration of a run against its interval",
                "At 1 a collector takes as long as its interval and runs are skipped.",
                "percentunit",
                (
                    f"max by ({COLLECTOR}) (dbs_exporter_collector_duration_seconds{{{SCOPE}}}) / on ({COLLECTOR}) {interval}",
                    "{{account}} {{region}} {{collector}}",
                ),
                steps=kit.thresholds((None, "transparent"), (0.8, kit.ORANGE)),
            )
        )
        .with_panel(
            kit.lines(
                "Skipped runs",
                "Runs that were due while the last one still ran.",
                "short",
                (
                    f"sum by ({COLLECTOR}) (increase(dbs_exporter_collector_skipped_runs_total{{{SCOPE}}}[$__rate_interval]))",
                    "{{account}} {{region}} {{collector}}",
                ),
            )
        )
        .with_row(Row("API"))
        .with_panel(
            kit.lines(
                "Calls by outcome",
                "Every attempt, retries included.",
                "reqps",
                (
                    f"sum by (outcome) (rate(dbs_exporter_api_requests_total{{{SCOPE}}}[$__rate_interval]))",
                    "{{outcome}}",
                ),
                stacked=True,
            )
        )
        .with_panel(
            kit.lines(
                "Calls by operation",
                "Which operations the calls go to.",
                "reqps",
                (
                    f"sum by (operation) (rate(dbs_exporter_api_requests_total{{{SCOPE}}}[$__rate_interval])) > 0",
                    "{{operation}}",
                ),
                stacked=True,
            )
        )
        .with_panel(
            kit.lines(
                "Latency, 95th percentile",
                "Of single attempts, by operation.",
                "s",
                (
                    "histogram_quantile(0.95, sum by (operation, le) (rate(dbs_exporter_api_request_duration_seconds_bucket[$__rate_interval])))",
                    "{{operation}}",
                ),
            )
        )
        .with_panel(
            kit.lines(
                "Rate against limit",
                "Calls per second and the limit in force, which halves under throttling and recovers.",
                "reqps",
                (
                    f"sum by (account, region) (rate(dbs_exporter_api_requests_total{{{SCOPE}}}[$__rate_interval]))",
                    "{{account}} {{region}}: calls",
                ),
                (
                    f"max by (account, region) (dbs_exporter_api_rate_limit_per_second{{{SCOPE}}})",
                    "{{account}} {{region}}: limit",
                ),
            )
        )
        .with_panel(
            kit.lines(
                "Waiting for the rate limit",
                "Seconds of waiting per second, over all workers.",
                "short",
                (
                    f"sum by (account, region) (rate(dbs_exporter_api_rate_limit_wait_seconds_total{{{SCOPE}}}[$__rate_interval]))",
                    "{{account}} {{region}}",
                ),
            )
        )
        .with_panel(
            kit.lines(
                "Values the documents do not know",
                "Statuses and types of the API that the exporter has not seen before, by field.",
                "short",
                (
                    "sum by (field) (increase(dbs_exporter_unknown_values_total[$__rate_interval]))",
                    "{{field}}",
                ),
            )
        )
        .with_row(Row("Process"))
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
                "What one scrape carries.",
                "short",
                ("dbs_exporter_series", "series"),
                ("dbs_exporter_exposition_bytes", "bytes"),
                span=8,
            )
        )
        .with_panel(
            kit.number(
                "Configuration",
                "Whether the last reload was taken.",
                "min(dbs_exporter_config_last_reload_successful)",
                "short",
                mappings=kit.states({"1": ("in force", kit.GREEN), "0": ("last reload refused", kit.RED)}),
                span=8,
            )
        )
        .with_panel(
            kit.number(
                "Credentials end",
                "Expiry of short-lived credentials, where there is one; the exporter renews them before.",
                'min(dbs_exporter_credentials_expires_timestamp_seconds{account=~"$account"}) * 1000',
                "dateTimeFromNow",
                span=8,
                no_value="do not expire",
            )
        )
        .with_panel(
            kit.number(
                "Build",
                "Version that runs.",
                "max by (version) (dbs_exporter_build_info)",
                "short",
                legend="{{version}}",
                mappings=kit.states({"1": (" ", kit.BLUE)}),
                span=8,
            )
        )
    )
