"""The tasks that a fleet has by itself: drills, audits, automatic downloads, incidents.

They are a function of a plan's history; tasks that callers create are in `world`.
"""

from __future__ import annotations

from math import floor

from dbs_exporter.simulator.fleet import DAY, EPOCH_MONDAY, PlanSpec, draw
from dbs_exporter.simulator.past import HOUR, PlanHistory
from dbs_exporter.simulator.tasks import Download, Restore

DRILL_EVERY_DAYS = 30
DRILLS_LISTED = 3


def restores(history: PlanHistory) -> list[Restore]:
    """Return a plan's own restore tasks, oldest first: monthly drills of most plans, and incidents."""
    spec = history.spec
    if spec.incidents & {"failed_precheck", "never_succeeded"}:
        return []
    tasks = []
    if spec.index % 10 != 9:
        phase = DRILL_EVERY_DAYS * DAY * draw(history.seed, spec.plan_id, "drill") + EPOCH_MONDAY
        newest = floor((history.now - phase) / (DRILL_EVERY_DAYS * DAY))
        for number in range(newest - DRILLS_LISTED + 1, newest + 1):
            created = phase + number * DRILL_EVERY_DAYS * DAY
            if created > spec.created_at + 7 * DAY:
                tasks.append(_restore(history, f"{number:x}", "drill", created))
    if "stuck_restore" in spec.incidents:
        tasks.append(_restore(history, "stuck", "urgent", history.anchor - 5 * HOUR, stuck=True))
    if "failed_restore" in spec.incidents:
        tasks.append(_restore(history, "failed", "urgent", history.anchor - 2 * HOUR, failed=True))
    return tasks


def _restore(
    history: PlanHistory,
    suffix: str,
    purpose: str,
    created: float,
    *,
    stuck: bool = False,
    failed: bool = False,
) -> Restore:
    spec = history.spec
    target = created - 2 * HOUR
    return Restore(
        task_id=f"s1-{spec.plan_id}-{suffix}",
        plan_id=spec.plan_id,
        name=f"{purpose}-{spec.name}",
        created_at=created,
        started_at=created + 60,
        size_bytes=spec.base_bytes,
        kind=spec.engine.restore_kind,
        continuous=spec.has_log,
        target_at=target,
        set_id=history.set_id(history.number_at(target - 12 * HOUR)),
        destination_type=spec.source_type,
        destination_instance_id=f"{spec.instance_id}-restore",
        destination_region=spec.region,
        destination_ip_port=f"{spec.host}:{spec.engine.port}",
        destination_database="app" if spec.engine.database_type in ("PostgreSQL", "MongoDB") else "",
        destination_oracle_sid="ORCL" if spec.engine.database_type == "Oracle" else "",
        gateway_id=spec.gateway_id,
        restore_dir="/var/restore" if spec.gateway_id else "",
        stuck=stuck,
        failed=failed,
    )


def has_automatic_download(spec: PlanSpec) -> bool:
    """Return whether a plan's full backups are downloaded to a gateway automatically."""
    return spec.index % 8 == 6


def downloads(history: PlanHistory, gateway_id: int) -> list[Download]:
    """Return a plan's own downloads, oldest first: automatic ones, and those of audits and incidents.

    `gateway_id` is the gateway that automatic downloads go to.
    """
    spec = history.spec
    tasks = []
    if has_automatic_download(spec):
        for number in history.full_numbers()[-4:]:
            backup = history.full(number)
            if backup.status == "finish" and backup.finished_at is not None:
                created = backup.finished_at + 30
                tasks.append(_download(spec, f"{number:x}", backup.set_id, created, backup.size_bytes))
                tasks[-1].way, tasks[-1].gateway_id = "auto", gateway_id
                tasks[-1].target_type, tasks[-1].directory = "agent", "/var/dbs/download"
    if spec.index % 8 == 2:
        phase = 7 * DAY * draw(history.seed, spec.plan_id, "audit") + EPOCH_MONDAY
        week = floor((history.now - phase) / (7 * DAY))
        tasks.append(_audited(history, f"w{week:x}", phase + week * 7 * DAY))
    if "failed_download" in spec.incidents:
        tasks.append(_audited(history, "failed", history.anchor - 3 * HOUR))
        tasks[-1].failed = True
    if "stuck_download" in spec.incidents:
        tasks.append(_audited(history, "stuck", history.anchor - 2 * DAY))
        tasks[-1].stuck = True
    return tasks


def _audited(history: PlanHistory, suffix: str, created: float) -> Download:
    backup = history.full(history.number_at(created - 12 * HOUR))
    return _download(history.spec, suffix, backup.set_id, created, backup.size_bytes)


def _download(spec: PlanSpec, suffix: str, set_id: str, created: float, size_bytes: int) -> Download:
    return Download(
        task_id=f"d1-{spec.plan_id}-{suffix}",
        plan_id=spec.plan_id,
        name=f"download-{spec.name}",
        set_id=set_id,
        code=set_id,
        created_at=created,
        size_bytes=size_bytes,
        data_format="Native" if spec.engine.method == "physical" else "SQL",
        database_type=spec.engine.database_type,
    )
