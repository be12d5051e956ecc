"""What `dbs-exporter check` found, as JSON for programs."""

from __future__ import annotations

import json
from typing import Any

from dbs_exporter.cli.check_report import AccountReport, RegionReport, Report
from dbs_exporter.errors import EXIT_OK


def report_as_json(report: Report) -> str:
    """Return the results of a check as JSON."""
    warnings = [{"where": where, "message": warning} for where, warning in report.every_warning()]
    return json.dumps(
        {
            "file": report.file,
            "ok": report.exit_code == EXIT_OK and not warnings,
            "exit_code": report.exit_code,
            "warnings": warnings,
            "accounts": [_account_json(account) for account in report.accounts],
        },
        indent=2,
        ensure_ascii=False,
    )


def _account_json(account: AccountReport) -> dict[str, Any]:
    problem = account.problem or account.regions_problem
    return {
        "account": account.name,
        "credentials": {"type": account.credentials, "expires_at": account.expires_at},
        "problem": None if problem is None else str(problem),
        "regions": [_region_json(region) for region in account.regions],
    }


def _region_json(region: RegionReport) -> dict[str, Any]:
    forecast = region.forecast
    return {
        "region": region.region,
        "plans_found": region.plans_found,
        "plans_selected": None if region.plans_found is None else len(region.plans),
        "operations": [
            {
                "operation": answer.operation,
                "collectors": list(answer.collectors),
                "ok": answer.is_ok,
                "answer": answer.verdict,
            }
            for answer in region.answers
        ],
        "calls_per_hour": None
        if forecast is None
        else {
            "allowed": forecast.allowed,
            "at_rest": dict(forecast.at_rest),
            "in_backup_window": dict(forecast.in_window),
        },
        "age_at_rest_seconds": None if forecast is None else dict(forecast.rest_seconds),
        "stretch": None if forecast is None else forecast.stretch,
    }
