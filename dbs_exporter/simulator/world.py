"""A fleet at a moment: the plans, their incidents, and what callers have changed.

The state without callers is a pure function of (seed, plans, accounts, incidents, anchor, now). `World` adds the clock, the
callers' tasks and changes, and the switches for incidents; it is safe to use from several threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from . import fleet
from .fleet import DAY, PlanSpec, draw
from .history import HOUR, PlanHistory
from .tasks import Download, Restore

INCIDENTS = {
    "failed_full_backup": "the newest full backup failed; the one before is good",
    "repeatedly_failing_full_backup": "the last four full backups failed",
    "missed_schedule": "two full backups that were due never began",
    "shrunken_backup": "the newest full backup is a tenth of its usual size",
    "log_backup_paused": "log backup was switched off three hours ago",
    "log_hole": "two hours of log are missing since the oldest kept full backup",
    "offline_gateway": "a gateway stopped reporting two hours ago, and the plans behind it receive no log",
    "stuck_restore": "a restore has stood at 43 % of its data for five hours",
    "failed_precheck": "a new plan's pre-check failed, so it never began",
    "locked_plan": "a plan is locked",
    "expiring_prepaid_plan": "a prepaid plan ends in two days",
    "last_good_expiring": "full backups fail and the last good one expires within a day",
    "never_succeeded": "a plan of four days has not had one good full backup",
    "failed_restore": "the newest restore failed",
    "failed_download": "the newest download failed",
}
"""Name -> what an operator would see."""

ALL = tuple(INCIDENTS)


class World:
    """A fleet with its clock.

    `plans` are per account, `incidents` names of INCIDENTS that hold from the beginning, `clock` gives Unix seconds, `anchor` is
    the moment at which the incidents became visible (the moment of creation unless given).
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        plans: int = 40,
        accounts: Sequence[str] = ("demo",),
        incidents: Iterable[str] = ALL,
        clock: Callable[[], float] = time.time,
        anchor: float | None = None,
        order: str = "newest",
    ) -> None:
        self.seed = seed
        self.accounts = tuple(accounts)
        self.clock = clock
        self.order = order
        self.anchor = clock() if anchor is None else anchor
        self.rendered_records = 0
        """How many records all answers together have held: what a page costs."""
        self._lock = threading.RLock()
        self._gateways = fleet.gateways(seed, self.accounts)
        self.incident_plans: dict[str, tuple[str, ...]] = {}
        """Incident -> ids of the plans that it hits while it holds."""
        self._anchors: dict[str, float] = {}
        self._plans: dict[str, PlanSpec] = {}
        self._by_place: dict[tuple[str, str], list[str]] = {}
        self._homes: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._statuses: dict[str, str] = {}
        self._log_enabled: dict[str, bool] = {}
        self._restores: dict[str, Restore] = {}
        self._downloads: dict[str, Download] = {}
        self._plan_restores: dict[str, list[str]] = {}
        self._plan_downloads: dict[str, list[str]] = {}
        self._made = 0
        homes = _homes(plans)
        for account in self.accounts:
            own = tuple(gateway for gateway in self._gateways if gateway.account == account)
            for index in range(plans):
                home = homes.get(index, "")
                spec = fleet.plan(seed, index, account, own, home)
                self._plans[spec.plan_id] = spec
                self._by_place.setdefault((account, spec.region), []).append(spec.plan_id)
                if home:
                    self._homes[spec.plan_id] = home
                    self.incident_plans[home] = (*self.incident_plans.get(home, ()), spec.plan_id)
        self.set_incidents(incidents, since=self.anchor)

    # ── incidents ──

    @property
    def incidents(self) -> tuple[str, ...]:
        """Names of the incidents that hold now."""
        with self._lock:
            return tuple(self._anchors)

    def set_incidents(self, names: Iterable[str], *, since: float | None = None) -> None:
        """Let exactly these incidents hold; those that held already keep their beginning. Raises ValueError on a wrong name."""
        wanted = tuple(dict.fromkeys(names))
        unknown = [name for name in wanted if name not in INCIDENTS]
        if unknown:
            raise ValueError(f"no such incident: {', '.join(unknown)}; there are {', '.join(INCIDENTS)}")
        began = self.clock() if since is None else since
        with self._lock:
            self._anchors = {name: self._anchors.get(name, began) for name in wanted}
            for plan_id, home in self._homes.items():
                active = frozenset({home}) if home in self._anchors else frozenset()
                self._plans[plan_id] = replace(self._plans[plan_id], incidents=active)

    def _anchor_of(self, plan_id: str) -> float:
        return self._anchors.get(self._homes.get(plan_id, ""), self.anchor)

    def gateway_offline_since(self, gateway: fleet.Gateway) -> float | None:
        """When a gateway went offline, or None: the first gateway of the first region of each account."""
        if "offline_gateway" not in self._anchors:
            return None
        first = next(
            one for one in self._gateways if one.account == gateway.account and one.region == fleet.REGIONS[0]
        )
        return self._anchors["offline_gateway"] - 2 * HOUR if gateway == first else None

    # ── plans ──

    def plan_ids(self, account: str, region: str | None = None) -> list[str]:
        """Ids of the plans of an account, in one region or in all."""
        regions = [region] if region else fleet.REGIONS
        with self._lock:
            return [one for place in regions for one in self._by_place.get((account, place), ())]

    def spec(self, plan_id: str, account: str | None = None) -> PlanSpec | None:
        """A plan by its id, with or without the prefix `dbs`; None if there is none (or not in this account)."""
        with self._lock:
            found = self._plans.get(plan_id) or self._plans.get(f"dbs{plan_id}")
            if found is None or (account is not None and found.account != account):
                return None
            return found

    def history(self, plan_id: str) -> PlanHistory:
        """A plan's past, seen from now."""
        with self._lock:
            spec = self._plans[plan_id]
            if spec.has_log and not self._log_enabled.get(plan_id, True) and not spec.incidents:
                spec = replace(spec, incidents=frozenset({"log_backup_paused"}))
            return PlanHistory(self.seed, spec, self.clock(), self._anchor_of(plan_id))

    def delete_plan(self, plan_id: str) -> None:
        """Release a plan: no list holds it any more. Raises KeyError if there is none."""
        with self._lock:
            spec = self._plans.pop(plan_id)
            self._by_place[spec.account, spec.region].remove(plan_id)

    def name_of(self, spec: PlanSpec) -> str:
        """The plan's name, as callers may have changed it."""
        return self._names.get(spec.plan_id, spec.name)

    def rename(self, plan_id: str, name: str) -> None:
        """Give a plan another name."""
        with self._lock:
            self._names[plan_id] = name

    def status_of(self, spec: PlanSpec) -> str:
        """The plan's status word."""
        if "failed_precheck" in spec.incidents:
            return "init"
        if "locked_plan" in spec.incidents:
            return "locked"
        return self._statuses.get(spec.plan_id, "running")

    def set_status(self, plan_id: str, status: str) -> None:
        """Pause, start or stop a plan."""
        with self._lock:
            self._statuses[plan_id] = status

    def log_enabled(self, spec: PlanSpec) -> bool:
        """EnableBackupLog of a plan."""
        return (
            spec.has_log
            and "log_backup_paused" not in spec.incidents
            and self._log_enabled.get(spec.plan_id, True)
        )

    def set_log_enabled(self, plan_id: str, enabled: bool) -> None:
        """Switch log backup on or off; switched off, the newest log data is from three hours before the fleet began."""
        with self._lock:
            self._log_enabled[plan_id] = enabled

    def gateways(self, account: str, region: str) -> list[fleet.Gateway]:
        """Gateways of an account in a region."""
        return [one for one in self._gateways if one.account == account and one.region == region]

    def gateway(self, gateway_id: int) -> fleet.Gateway | None:
        """A gateway by its number."""
        return next((one for one in self._gateways if one.gateway_id == gateway_id), None)

    # ── tasks ──

    def new_id(self, prefix: str) -> str:
        """An id that was not used before."""
        with self._lock:
            self._made += 1
            return f"{prefix}{int(draw(self.seed, prefix, self._made) * 36**4):06x}{self._made:04x}"

    def add_restore(self, task: Restore) -> None:
        """Keep a task that a caller made."""
        with self._lock:
            self._restores[task.task_id] = task
            self._plan_restores.setdefault(task.plan_id, []).append(task.task_id)

    def add_download(self, task: Download) -> None:
        """Keep a download that a caller made."""
        with self._lock:
            self._downloads[task.task_id] = task
            self._plan_downloads.setdefault(task.plan_id, []).append(task.task_id)

    def restore(self, task_id: str, account: str) -> Restore | None:
        """A restore task by its id; the fleet's own tasks are found by the plan that is part of their id."""
        with self._lock:
            made = self._restores.get(task_id)
        if made is None and "-" in task_id:
            made = next((one for one in self.restores(task_id.split("-")[1]) if one.task_id == task_id), None)
        spec = self.spec(made.plan_id) if made else None
        return made if spec is not None and spec.account == account else None

    def restores(self, plan_id: str) -> list[Restore]:
        """A plan's restore tasks: the fleet's own and callers'."""
        spec = self.spec(plan_id)
        if spec is None:
            return []
        own = self._own_restores(spec)
        with self._lock:
            return own + [self._restores[one] for one in self._plan_restores.get(plan_id, ())]

    def _own_restores(self, spec: PlanSpec) -> list[Restore]:
        home = self._homes.get(spec.plan_id, "")
        if home in ("failed_precheck", "never_succeeded"):
            return []
        began = self._anchor_of(spec.plan_id)

        def made(number: int, created: float, *, stuck: bool = False, failed: bool = False) -> Restore:
            size = spec.base_bytes
            return Restore(
                task_id=f"s1-{spec.plan_id}-{number}",
                plan_id=spec.plan_id,
                name=f"{'drill' if number == 0 else 'urgent'}-{spec.name}",
                created_at=created,
                started_at=created + 60,
                size_bytes=size,
                physical=spec.engine.method == "physical",
                continuous=spec.has_log,
                target_at=created - 2 * HOUR,
                destination_type=spec.source_type,
                destination_instance_id=f"{spec.instance_id}-restore",
                destination_region=spec.region,
                destination_ip_port=f"{spec.host}:{spec.engine.port}",
                stuck=stuck,
                failed=failed,
            )

        tasks = []
        if spec.index % 10 != 9:
            tasks.append(made(0, self.anchor - (2 + 45 * draw(self.seed, spec.plan_id, "drill")) * DAY))
        if "stuck_restore" in spec.incidents:
            tasks.append(made(1, began - 5 * HOUR, stuck=True))
        if "failed_restore" in spec.incidents:
            tasks.append(made(2, began - 4 * HOUR, failed=True))
        return tasks

    def download(self, task_id: str, account: str) -> Download | None:
        """A download by its id."""
        with self._lock:
            made = self._downloads.get(task_id)
        if made is None and "-" in task_id:
            made = next(
                (one for one in self.downloads(task_id.split("-")[1]) if one.task_id == task_id), None
            )
        spec = self.spec(made.plan_id) if made else None
        return made if spec is not None and spec.account == account else None

    def downloads(self, plan_id: str) -> list[Download]:
        """A plan's downloads: the fleet's own and callers'."""
        spec = self.spec(plan_id)
        if spec is None:
            return []
        own = []
        if spec.index % 8 == 2 or "failed_download" in spec.incidents:
            newest = self.history(plan_id).newest_finished()
            failed = "failed_download" in spec.incidents
            since = self._anchor_of(plan_id) if failed else self.anchor
            own.append(
                Download(
                    task_id=f"d1-{spec.plan_id}-0",
                    plan_id=spec.plan_id,
                    name=f"audit-{spec.name}",
                    set_id=newest.set_id if newest else "",
                    code=newest.set_id if newest else "",
                    created_at=since - 3 * HOUR,
                    size_bytes=spec.base_bytes,
                    database_type=spec.engine.database_type,
                    failed=failed,
                )
            )
        with self._lock:
            return own + [self._downloads[one] for one in self._plan_downloads.get(plan_id, ())]


def _homes(plans: int) -> dict[int, str]:
    """Plan index -> the incident it is meant for; the offline gateway has two plans behind it."""
    meant = [*INCIDENTS, "offline_gateway"]
    step = 2 if plans >= 2 * len(meant) else 1
    return {1 + step * number: name for number, name in enumerate(meant) if 1 + step * number < plans}
