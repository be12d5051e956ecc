"""Which families can be written for the past, and why the others cannot.

A family is offered only if its value at each instant follows from what the lists hold now. Lists forget: what has expired is in no
list, so nothing is offered that counts, sums or sorts all that was there. Newer sets are taken to expire later than older ones.
"""

from __future__ import annotations

from dbs_exporter.collectors.table import TABLE, Table

OFFERED = {
    "dbs_plan_info": "as the plan is called and placed now; boards find its name by it",
    "dbs_plan_created_timestamp_seconds": "",
    "dbs_plan_recovery_point_timestamp_seconds": "of plans without log backup alone; of the others see below",
    "dbs_plan_last_good_expires_timestamp_seconds": "",
    "dbs_full_backup_last_success_timestamp_seconds": "",
    "dbs_full_backup_last_success_duration_seconds": "",
    "dbs_full_backup_last_success_queue_seconds": "",
    "dbs_full_backup_last_success_size_bytes": "",
    "dbs_full_backup_last_success_expires_timestamp_seconds": "",
    "dbs_full_backup_last_attempt_timestamp_seconds": "",
    "dbs_full_backup_last_attempt_status": "schedule, running and how it ended; not pause",
    "dbs_full_backup_consecutive_failures": "from the oldest listed set that finished on",
    "dbs_full_backup_running_started_timestamp_seconds": "",
    "dbs_full_backup_size_median_bytes": "where 31 sets that had finished by then are still listed",
    "dbs_full_backup_duration_median_seconds": "where 31 sets that had finished by then are still listed",
    "dbs_restore_last_success_timestamp_seconds": "",
    "dbs_full_backups_completed_total": "from the end of the oldest listed job on",
    "dbs_full_backup_bytes_total": "from the end of the oldest listed job on",
    "dbs_full_backup_duration_seconds_total": "from the end of the oldest listed job on",
    "dbs_restores_completed_total": "from the end of the oldest listed task on",
}
"""Family -> its bound, "" for none."""

_EXPIRED = "counts what is listed: sets that have expired since are in no list any more"
_NO_TRACE = "a state of that moment, of which no list keeps a trace"
_LATER = "could be computed from the lists and the configuration of now; not done yet"
_REASONS = {
    "dbs_full_backup_missing_databases": "rests on what the plan named then; the list shows what it names now",
    "dbs_full_backup_orphaned_jobs": _NO_TRACE,
    "dbs_full_backup_running_progress_ratio": _NO_TRACE,
    "dbs_full_backup_sets": _EXPIRED,
    "dbs_full_backup_sets_bytes": _EXPIRED,
    "dbs_restore_last_proof_timestamp_seconds": "rests on what the plan named then; the list shows what it names now",
    "dbs_restore_last_success_duration_seconds": "its wait is known only to an exporter that saw it",
    "dbs_restore_tasks": "counts what is listed: tasks that the API has forgotten are in no list any more",
    "dbs_plan_restore_estimate_seconds": "rests on waits and sets that only an exporter saw",
}
_PREFIXES = (
    (("dbs_plan_condition_", "dbs_restore_task_condition_", "dbs_download_task_condition_"), _LATER),
    (("dbs_incremental_", "dbs_log_"), "how far a file had come is known only while it grows"),
    (("dbs_restore_task_",), _NO_TRACE),
    (("dbs_download_", "dbs_gateway_created_"), _LATER),
    (("dbs_plan_objective_", "dbs_plan_owner_", "dbs_plan_muted_"), "the configuration of now says nothing of then"),
    (("dbs_plan_fresh_", "dbs_plan_last_read_", "dbs_region_fresh_"), "nobody read anything then"),
    (("dbs_plan_recover",), "what the API offered then is in no list"),
    (("dbs_job_error", "dbs_precheck"), _NO_TRACE),
)  # fmt: skip


def reason(family: str) -> str:
    """Return why a family is not offered."""
    if family in _REASONS:
        return _REASONS[family]
    return next((why for prefixes, why in _PREFIXES if family.startswith(prefixes)), _NO_TRACE)


def as_markdown(table: Table = TABLE) -> str:
    """Return the table of families that can be written and those that cannot, for docs/backfill.md."""
    can = [f"| `{name}` | {OFFERED[name] or 'whole'} |" for name in _names(table) if name in OFFERED]
    cannot = [f"| `{name}` | {reason(name)} |" for name in _names(table) if name not in OFFERED]
    return "\n".join(
        (
            "| can be written | bound |", "| --- | --- |", *can, "",
            "| cannot | why |", "| --- | --- |", *cannot, "",
        )
    )  # fmt: skip


def _names(table: Table) -> list[str]:
    return [family.name for family in table.families]
