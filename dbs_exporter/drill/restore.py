"""`drill restore`: prepares restores, and makes them if that is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from dbs_exporter.config.drill_file import DrillConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.hooks import RunCommand, run_command
from dbs_exporter.drill.listener import Listener
from dbs_exporter.drill.performing import Drill, planned_calls, planned_result
from dbs_exporter.drill.places import Resolver, resolve_host
from dbs_exporter.drill.preparing import prepare
from dbs_exporter.drill.results import Report
from dbs_exporter.drill.survey import survey


def restore(
    cloud: Cloud,
    config: DrillConfig,
    listener: Listener,
    report: Report,
    *,
    plan_id: str | None = None,
    verify: Sequence[str] = (),
    resolve: Resolver = resolve_host,
    run: RunCommand = run_command,
) -> None:
    """Fill the report with the restores that were made, or in a dry run would be.

    Raises DrillError with every reason if any of them is refused, and ApiError or CredentialsError if the account cannot be read.
    KeyboardInterrupt and SystemExit pass, after the report says what goes on.
    """
    listener.on_line(
        "reading the plans and gateways of all regions, to compare their sources with the destinations"
    )
    prepared, report.notes = prepare(cloud, config, survey(cloud), plan_id, resolve)
    for note in report.notes:
        listener.on_line(note)
    report.results = [planned_result(planned) for planned in prepared]
    if report.is_dry_run:
        for planned in prepared:
            planned_calls(planned, report, listener)
        return
    try:
        for number, planned in enumerate(prepared):
            drill = Drill(cloud, config, planned, report, listener, run, verify)
            report.results[number] = drill.result
            drill.run()
            if not drill.result.is_proven:
                break
    finally:
        report.at = cloud.now()
        for result in report.results:
            if result.state == "planned":
                result.state = "not_begun"
