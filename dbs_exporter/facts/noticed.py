"""Since when what carries no time of its own is so: a status, a refused pre-check, a restore that stands, a weaker plan. Pure.

The API says that a plan is paused, not since when. So the reading that first showed it is remembered with its time, and stays
while later readings show the same. Of what a first reading shows nobody knows the begin: the plan's creation stands for it, or what
was last backed up, where backups say that it was not so yet (`not_running_since`, `log_off_since`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from hashlib import blake2b

from msgspec.structs import replace

from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, full_backup_end
from dbs_exporter.facts.gateways import GATEWAY_OUT, GATEWAYS, Gateway
from dbs_exporter.facts.limits import GATEWAY_GONE_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.networks import NETWORKS
from dbs_exporter.facts.objectives import schedule_max_gap_seconds
from dbs_exporter.facts.objects import Objects
from dbs_exporter.facts.plans import PLANS, Plan, Schedule
from dbs_exporter.facts.prechecks import PRECHECKS
from dbs_exporter.facts.protection import LOG_DENIED, denies_log, recovery_point
from dbs_exporter.facts.restore_estimates import proofs_of, restore_estimate
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES, RestoreTask, restore_ended, running_key, waiting_key
from dbs_exporter.facts.subjects import Outage, PlanSubject, RegionSubject, Weakening

LOG_OFF = "log off"
RETENTION_SHORT = "retention short"
NO_OBJECTIVE = "no objective"
RESTORE_SLOW = "restore slow"
NETWORKS_ADDED = "networks added"
GONE = "gone"
"""Stands for the status of a gateway that left a complete list."""


def status_key(status: str) -> str:
    """Return the key of a status of a plan."""
    return f"status {status}"


def precheck_key(subject: str, subject_id: str) -> str:
    """Return the key of a failed pre-check."""
    return f"pre-check {subject} {subject_id}"


def progress_key(task: RestoreTask) -> str:
    """Return the key of a restore that has come so far."""
    return f"progress {task.task_id} {task.status} {task.progress}"


def backup_progress_key(backup: FullBackup) -> str:
    """Return the key of a full backup that has come so far."""
    return f"backup {backup.backup_set_id} {backup.structure_progress} {backup.data_progress}"


def objects_key(objects: Objects) -> str:
    """Return the key of what a plan names to be backed up."""
    return f"objects {blake2b(repr(objects).encode('utf-8', 'replace'), digest_size=8).hexdigest()}"


def gateway_key(gateway_id: str, status: str) -> str:
    """Return the key of a gateway's status."""
    return f"gateway {gateway_id} {status}"


def noticing(before: PlanSubject, after: PlanSubject, at: float) -> PlanSubject:
    """Return `after`, read at `at` (Unix seconds), with what it shows for the first time dated, and new proofs remembered."""
    restores, backups = after.get(RESTORES), after.get(FULL_BACKUPS)
    if restores is not before.get(RESTORES) or backups is not before.get(FULL_BACKUPS):
        proofs = proofs_of(after)
        after = after if proofs is after.proofs else replace(after, proofs=proofs)
    noticed = {
        key: before.noticed[key] if key in before.noticed else begin if _is_first(before, group) else at
        for key, group, begin in _shown(before, after, at)
    }
    noticed |= _log_denied(before, after)
    weakened = before.weakened if after.plan is before.plan else _weakened(before, after.plan, at)
    outage = _catching_up(before, after, at)
    if (noticed, weakened, outage) == (after.noticed, after.weakened, after.outage):
        return after
    return replace(after, noticed=noticed, weakened=weakened, outage=outage)


def not_running_since(subject: PlanSubject) -> float | None:
    """Return since when a plan has the status that keeps it from running; a first reading's not from before its newest backup or log."""
    backups, logs = subject.get(FULL_BACKUPS), subject.get(LOG_BACKUPS)
    last, attempt = (backups.last_success, backups.last_attempt) if backups else (None, None)
    return _not_before(
        subject,
        subject.noticed.get(status_key(subject.plan.status)),
        full_backup_end(last),
        attempt.created_at if attempt else None,
        attempt.started_at if attempt else None,
        logs.last_data_at if logs else None,
        subject.plan.restore_end_at,
    )


def log_off_since(subject: PlanSubject) -> float | None:
    """Return since when log backup is off where it should be on; a first reading's not from before the newest log."""
    logs = subject.get(LOG_BACKUPS)
    return _not_before(subject, subject.noticed.get(LOG_OFF), logs.last_data_at if logs else None)


def _not_before(subject: PlanSubject, since: float | None, *signs: float | None) -> float | None:
    """Return `since`; where only the first list showed it, the newest sign, before that list, that it was not so yet."""
    first = subject.first_listed_at
    if since is None or first is None or since >= first:
        return since
    return min(first, max((since, *(at for at in signs if at is not None))))


def _is_first(before: PlanSubject, group: str) -> bool:
    if group == PLANS.name:
        return before.first_listed_at is None
    return group not in before.groups or before.groups[group].read_at is None


def _shown(before: PlanSubject, subject: PlanSubject, at: float) -> Iterator[tuple[str, str, float]]:
    """Yield what facts show now: its key, the group that shows it, and since when if the first reading of that does."""
    plan, objectives = subject.plan, subject.objectives
    created = next((time for time in (plan.created_at, subject.first_listed_at) if time is not None), at)
    interval, rpo = objectives.full_backup_interval, objectives.rpo
    if plan.status:
        yield status_key(plan.status), PLANS.name, created
    if plan.objects is not None:
        yield objects_key(plan.objects), PLANS.name, created
    if plan.log_backup_enabled is False:
        logs = subject.get(LOG_BACKUPS)
        kept = logs is not None and logs.last_completed_at is not None
        if rpo is not None and interval is not None and rpo < interval:
            yield LOG_OFF, PLANS.name, created
        elif kept:
            yield LOG_OFF, LOG_BACKUPS.name, created
    retention = plan.full_retention_seconds
    if interval is not None and retention is not None and retention < 2 * interval:
        yield RETENTION_SHORT, PLANS.name, created
    if interval is None and rpo is None and "EnableBackupLog" not in plan.unreadable:
        yield NO_OBJECTIVE, PLANS.name, created
    if objectives.restore_time is not None and subject.proofs:
        estimate = restore_estimate(subject)
        if estimate is not None and estimate.seconds > objectives.restore_time:
            yield RESTORE_SLOW, RESTORES.name, estimate.proven_at
    for check in subject.get(PRECHECKS) or ():
        if check.status == "failed":
            yield precheck_key(check.subject, check.subject_id), PRECHECKS.name, created
    backups = subject.get(FULL_BACKUPS)
    running = backups.running if backups else None
    # Physical backups have no progress that could stand still.
    if running is not None and (running.structure_progress, running.data_progress) != (None, None):
        yield backup_progress_key(running), FULL_BACKUPS.name, at
    restores = subject.get(RESTORES)
    for task in restores.tasks if restores else ():
        # Of one that has ended it says how long it took.
        if task.status == "running" or (running_key(task) in before.noticed and restore_ended(task)):
            yield running_key(task), RESTORES.name, at if task.created_at is None else task.created_at
        if task.status in ("init", "check_pass") or waiting_key(task) in before.noticed:
            yield waiting_key(task), RESTORES.name, at
        if task.status in ("running", "pause"):
            yield progress_key(task), RESTORES.name, at


def _log_denied(before: PlanSubject, after: PlanSubject) -> dict[str, float]:
    """Return when the ranges were read that deny log: what is learned of them holds until they are read again."""
    read_at = after.known(RANGES).read_at
    if read_at == before.known(RANGES).read_at:
        return {key: at for key, at in before.noticed.items() if key == LOG_DENIED}
    return {LOG_DENIED: read_at} if read_at is not None and denies_log(after) else {}


def restore_took(subject: PlanSubject) -> float | None:
    """Return how long the last restore that worked took, in seconds: since it was seen to begin, else since its creation."""
    restores = subject.get(RESTORES)
    if restores is None:
        return None
    last = next((task for task in restores.tasks if task.task_id == restores.last_success_id), None)
    began = None if last is None else subject.noticed.get(running_key(last))
    if last is None or began is None or last.finished_at is None or last.finished_at < began:
        return restores.last_success_duration_seconds
    return last.finished_at - began


def _weakened(before: PlanSubject, plan: Plan, at: float) -> dict[str, Weakening]:
    """Return what was weakened and not undone: retention shortened, backups less often, databases dropped."""
    if before.first_listed_at is None:
        return before.weakened
    found = {}
    for name, was, now in (
        ("retention_full", before.plan.full_retention_seconds, plan.full_retention_seconds),
        ("retention_log", before.plan.log_retention_seconds, plan.log_retention_seconds),
        ("schedule", _frequency(before.plan.schedule), _frequency(plan.schedule)),
        ("databases", before.plan.objects_count, plan.objects_count),
    ):
        known = before.weakened.get(name)
        if known is not None and (now is None or now < known.was):
            found[name] = known
        elif was is not None and now is not None and now < was:
            found[name] = Weakening(was=was, at=at)
    return found


def _frequency(schedule: Schedule | None) -> float | None:
    gap = schedule_max_gap_seconds(schedule)
    return 1 / gap if gap else None


def _catching_up(before: PlanSubject, after: PlanSubject, at: float) -> Outage | None:
    """Return the last outage of the plan's gateway, with when the recovery point was last seen to catch up since."""
    outage = after.outage
    if outage is None or before.listed_at is None or at <= max(outage.seen_at, before.listed_at):
        return outage
    was, now = recovery_point(before), recovery_point(after)
    if was is None or now is None or now - was <= at - before.listed_at:
        return outage
    return replace(outage, caught_up_at=at)


def noticing_gateways(
    before: RegionSubject, after: RegionSubject, at: float, named: Container[str]
) -> RegionSubject:
    """Return a region whose gateways were read at `at`, with what they show for the first time dated.

    `named` are the gateways that plans of the account name: one of these that a complete list no longer holds is gone.
    """
    listed = {gateway.gateway_id for gateway in after.get(GATEWAYS) or ()}
    missing = {gateway.gateway_id for gateway in before.get(GATEWAYS) or ()} | gone_gateways(before)
    shown = [
        gateway_key(gateway.gateway_id, gateway.status)
        for gateway in after.get(GATEWAYS) or ()
        if gateway.status in GATEWAY_OUT
    ]
    shown += [gateway_key(gateway_id, GONE) for gateway_id in sorted(missing - listed) if gateway_id in named]
    noticed = {key: before.noticed.get(key, at) for key in shown}
    if NETWORKS_ADDED in before.noticed:
        noticed[NETWORKS_ADDED] = before.noticed[NETWORKS_ADDED]
    return after if noticed == after.noticed else replace(after, noticed=noticed)


def noticing_networks(before: RegionSubject, after: RegionSubject, at: float) -> RegionSubject:
    """Return a region whose networks were read at `at`; one that was not there before is dated."""
    was, now = before.get(NETWORKS), after.get(NETWORKS)
    if was is None or now is None or not {*now.internet, *now.intranet} - {*was.internet, *was.intranet}:
        return after
    return replace(after, noticed={**after.noticed, NETWORKS_ADDED: at})


def gone_gateways(region: RegionSubject) -> set[str]:
    """Return the ids of gateways that left a complete list though plans name them."""
    return {key.split(" ")[1] for key in region.noticed if key.endswith(f" {GONE}")}


def outages(region: RegionSubject, at: float) -> dict[str, float]:
    """Return the gateways that do not work by a list read at `at`, and since when: since their last heartbeat."""
    beats = {gateway.gateway_id: gateway for gateway in region.get(GATEWAYS) or ()}
    found = {
        gateway_id: region.noticed[gateway_key(gateway_id, GONE)] for gateway_id in gone_gateways(region)
    }
    for gateway_id, gateway in beats.items():
        since = gateway_out_since(region, gateway)
        if since is not None and since <= at:
            beat = gateway.last_heartbeat_at
            found[gateway_id] = since if beat is None else min(beat, since)
    return found


def gateway_out_since(region: RegionSubject, gateway: Gateway) -> float | None:
    """Return when a gateway counts as gone unless a newer heartbeat comes: a quarter of an hour after the last, or by its status."""
    beat = gateway.last_heartbeat_at
    times = (
        None if beat is None else beat + GATEWAY_GONE_SECONDS,
        region.noticed.get(gateway_key(gateway.gateway_id, gateway.status)),
    )
    return min((time for time in times if time is not None), default=None)


def has_backups(subject: PlanSubject) -> bool:
    """Return whether anything was ever backed up of a plan."""
    backups = subject.get(FULL_BACKUPS)
    return backups is not None and backups.last_success is not None
