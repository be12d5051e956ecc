"""The state of the simulated cloud: the fleet, its active incidents, and what callers have changed.

Without callers the state is a pure function of (seed, plans, accounts, incidents, anchor, now). `World` adds the clock, the
callers' tasks and changes, and the switches for incidents. It forms no answer and serves nothing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from dbs_exporter.simulator import drills, fleet
from dbs_exporter.simulator.assumptions import Assumptions
from dbs_exporter.simulator.fleet import FleetShape, PlanSpec, draw
from dbs_exporter.simulator.gateway_databases import Looks
from dbs_exporter.simulator.incidents import ALL, INCIDENTS, incidents_by_index
from dbs_exporter.simulator.past import HOUR, NEVER, PlanHistory, Stretch
from dbs_exporter.simulator.replies import EMPTY_FORMS
from dbs_exporter.simulator.tasks import PRECHECK_SECONDS, Download, Restore

ORDERS = ("newest", "oldest", "shuffled")
TOKENS_KEPT = 10_000


class World:
    """A fleet with a clock; thread-safe.

    `plans` is the number per account, `incidents` the names of INCIDENTS that are active from the beginning. `clock` returns
    Unix seconds. `anchor` is when the incidents became visible, by default now. `order` is the order of every list (newest,
    oldest, shuffled), `empty` the form of a list without records (string, null, missing, object, list). `shape` is what all
    plans have in common, `assumptions` how the API behaves where its documents say nothing. From `new_network_at` on DBS connects
    from one network more. Raises ValueError for an unknown order, form or incident.
    """

    new_network_at = NEVER

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
        empty: str = "string",
        shape: FleetShape = FleetShape(),  # noqa: B008 - frozen
        assumptions: Assumptions = Assumptions(),  # noqa: B008 - frozen
    ) -> None:
        if order not in ORDERS or empty not in EMPTY_FORMS:
            raise ValueError(f"order is one of {', '.join(ORDERS)}; empty is one of {', '.join(EMPTY_FORMS)}")
        self.seed = seed
        self.accounts = tuple(accounts)
        self.clock = clock
        self.order = order
        self.empty = empty
        self.anchor = clock() if anchor is None else anchor
        self.rendered_records = 0
        """How many records all answers had, a measure of what a page costs."""
        self.restores_end = "success"
        """How restores that callers create from now on end: one of RESTORE_ENDS."""
        self.looks = Looks(clock)
        self._lock = threading.RLock()
        self.shape = shape
        self.assumptions = assumptions
        self._gateways = fleet.gateways(seed, self.accounts, shape.regions)
        self.incident_plans: dict[str, tuple[str, ...]] = {}
        """Incident -> ids of the plans that it affects while it is active."""
        self._anchors: dict[str, float] = {}
        self._plans: dict[str, PlanSpec] = {}
        self._by_region: dict[tuple[str, str], tuple[str, ...]] = {}
        self._by_account: dict[str, tuple[str, ...]] = {}
        self._by_letters: dict[str, tuple[str, ...]] = {}
        self._reserved: dict[str, str] = {}
        """Plan id -> the incident that is reserved for the plan."""
        self._statuses: dict[str, tuple[str, float]] = {}
        self._stops: dict[str, tuple[Stretch, ...]] = {}
        self._log_stops: dict[str, tuple[Stretch, ...]] = {}
        self.catch_up_seconds = 0.0
        """For how long plans catch up with their log once their gateway is online again."""
        self._gateway_outage: tuple[float, float, float] | None = None
        self._fields: dict[str, dict[str, Any]] = {}
        self._restores: dict[str, Restore] = {}
        self._downloads: dict[str, Download] = {}
        self._plan_restores: dict[str, list[str]] = {}
        self._plan_downloads: dict[str, list[str]] = {}
        self._answers: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
        """(account, operation, ClientToken) -> the answer that a repeated request gets again."""
        self._id_count = 0
        self._next_index = dict.fromkeys(self.accounts, plans)
        reserved = incidents_by_index(plans)
        for account in self.accounts:
            own = tuple(gateway for gateway in self._gateways if gateway.account == account)
            for index in range(plans):
                incident = reserved.get(index, "")
                spec = fleet.plan(seed, index, account, own, incident, shape)
                self._plans[spec.plan_id] = spec
                if incident:
                    self._reserved[spec.plan_id] = incident
                    self.incident_plans[incident] = (*self.incident_plans.get(incident, ()), spec.plan_id)
        self._index()
        self.set_incidents(incidents, since=self.anchor)

    @classmethod
    def healthy(cls, **options: Any) -> Self:
        """Return a fleet without incidents; the options are those of the class."""
        return cls(incidents=(), **options)

    @property
    def incidents(self) -> tuple[str, ...]:
        """The names of the active incidents."""
        return tuple(self._anchors)

    def begin(self, *names: str) -> None:
        """Activate these incidents, from now on. Raises ValueError for an unknown name."""
        self.set_incidents((*self.incidents, *names))

    def end(self, *names: str) -> None:
        """End these incidents. Raises ValueError for an unknown name."""
        self._checked_incidents(names)
        self.set_incidents(name for name in self.incidents if name not in names)

    def set_incidents(self, names: Iterable[str], *, since: float | None = None) -> None:
        """Activate exactly these incidents, as of `since` in Unix seconds or now.

        Those that are active already keep their beginning. Raises ValueError for an unknown name.
        """
        checked = self._checked_incidents(names)
        began = self.clock() if since is None else since
        with self._lock:
            if "offline_gateway" in self._anchors and "offline_gateway" not in checked:
                gone = self._anchors["offline_gateway"] - 2 * HOUR
                self._gateway_outage = (gone, began, self.catch_up_seconds)
            self._anchors = {name: self._anchors.get(name, began) for name in checked}
            for plan_id, incident in self._reserved.items():
                if plan_id in self._plans:
                    active = frozenset({incident}) if incident in self._anchors else frozenset()
                    self._plans[plan_id] = replace(self._plans[plan_id], incidents=active)

    @staticmethod
    def _checked_incidents(names: Iterable[str]) -> tuple[str, ...]:
        unique = tuple(dict.fromkeys(names))
        if unknown := [str(name) for name in unique if name not in INCIDENTS]:
            raise ValueError(f"no such incident: {', '.join(unknown)}; there are {', '.join(INCIDENTS)}")
        return unique

    def anchor_of(self, plan_id: str) -> float:
        """Return when the incident of a plan began; without an active incident, the fleet's anchor."""
        return self._anchors.get(self._reserved.get(plan_id, ""), self.anchor)

    def gateway_offline_since(self, gateway: fleet.Gateway) -> float | None:
        """Return when a gateway went offline, None if it is online.

        The incident affects the first gateway in the first region of each account.
        """
        if "offline_gateway" not in self._anchors:
            return None
        first = next(
            other
            for other in self._gateways
            if other.account == gateway.account and other.region == self.shape.regions[0]
        )
        return self._anchors["offline_gateway"] - 2 * HOUR if gateway == first else None

    def _index(self) -> None:
        """Index the plans by region, by account, and by the start of the ids of their backup sets."""
        regions: dict[tuple[str, str], list[str]] = {}
        letters: dict[str, list[str]] = {}
        for plan_id, spec in self._plans.items():
            regions.setdefault((spec.account, spec.region), []).append(plan_id)
            letters.setdefault(plan_id[3:9], []).append(plan_id)
        accounts: dict[str, list[str]] = {}
        for (account, _), ids in sorted(regions.items()):
            accounts.setdefault(account, []).extend(ids)
        # Tuples are replaced, never changed, so that a page is read from a consistent list.
        self._by_region = {region: tuple(ids) for region, ids in regions.items()}
        self._by_account = {account: tuple(ids) for account, ids in accounts.items()}
        self._by_letters = {start: tuple(ids) for start, ids in letters.items()}

    def plan_ids(self, account: str, region: str | None = None) -> Sequence[str]:
        """Return the ids of an account's plans, in a region or in all; no copy is made."""
        with self._lock:
            if region:
                return self._by_region.get((account, region), ())
            return self._by_account.get(account, ())

    def spec(self, plan_id: str, account: str | None = None) -> PlanSpec | None:
        """Return a plan by its id, with or without the prefix `dbs`; None if the account has no such plan.

        Without an account, the plans of all accounts count.
        """
        with self._lock:
            spec = self._plans.get(plan_id) or self._plans.get(f"dbs{plan_id}")
            if spec is None or (account is not None and spec.account != account):
                return None
            return spec

    def history(self, plan_id: str) -> PlanHistory:
        """Return the past of a plan up to now. Raises KeyError if there is no such plan."""
        with self._lock:
            return PlanHistory(
                self.seed,
                self._plans[plan_id],
                self.clock(),
                self.anchor_of(plan_id),
                self._stops.get(plan_id, ()),
                self._log_stops.get(plan_id, ()),
                self._gateway_outage if self._reserved.get(plan_id) == "offline_gateway" else None,
            )

    def set_owner(self, set_id: str, account: str) -> PlanHistory | None:
        """Return the history of the plan to which a full backup set belongs; None if the account has none."""
        for plan_id in self._by_letters.get(set_id[:6], ()):
            spec = self.spec(plan_id, account)
            if spec is not None:
                history = self.history(plan_id)
                if any(history.set_id(number) == set_id for number in history.full_numbers()):
                    return history
        return None

    def delete_plan(self, plan_id: str) -> None:
        """Remove a plan from all lists. Raises KeyError if there is no such plan."""
        with self._lock:
            del self._plans[plan_id]
            self._index()

    def add_plan(self, account: str, region: str, fields: Mapping[str, Any]) -> str:
        """Add a plan that is not configured yet and return its id; `fields` change its specification."""
        with self._lock:
            own = tuple(gateway for gateway in self._gateways if gateway.account == account)
            index = self._next_index[account]
            self._next_index[account] += 1
            spec = fleet.plan(self.seed, index, account, own, "", self.shape)
            now = self.clock()
            spec = replace(
                spec, region=region, gateway_id=0, source_type="rds", created_at=int(now), cross_account_id="", **fields
            )  # fmt: skip
            self._plans[spec.plan_id] = spec
            self._statuses[spec.plan_id] = ("wait", now)
            self._stops[spec.plan_id] = ((now, NEVER),)
            self._index()
            return spec.plan_id

    def change_spec(self, plan_id: str, **fields: Any) -> None:
        """Replace fields of a plan's specification. Raises KeyError if there is no such plan."""
        with self._lock:
            self._plans[plan_id] = replace(self._plans[plan_id], **fields)

    def change_fields(self, plan_id: str, fields: Mapping[str, Any]) -> None:
        """Change fields of a plan in the plan list."""
        with self._lock:
            self._fields.setdefault(plan_id, {}).update(fields)

    def fields_of(self, plan_id: str) -> Mapping[str, Any]:
        """Return the fields of a plan in the plan list that callers have changed."""
        with self._lock:
            return dict(self._fields.get(plan_id, ()))

    def name_of(self, spec: PlanSpec) -> str:
        """Return the plan's present name."""
        return str(self._fields.get(spec.plan_id, {}).get("BackupPlanName", spec.name))

    def rename(self, plan_id: str, name: str) -> None:
        """Change the name of a plan."""
        self.change_fields(plan_id, {"BackupPlanName": name})

    def status_of(self, spec: PlanSpec) -> str:
        """Return the plan's BackupPlanStatus."""
        if "failed_precheck" in spec.incidents:
            return "init"
        if "locked_plan" in spec.incidents:
            return "locked"
        if "paused_plan" in spec.incidents:
            return "pause"
        status, since = self._statuses.get(spec.plan_id, ("running", 0.0))
        return "init" if status == "check_pass" and self.clock() < since + PRECHECK_SECONDS else status

    def set_status(self, plan_id: str, status: str) -> None:
        """Change a plan's status; unless it is `running`, there are no full backups and no log."""
        with self._lock:
            self._statuses[plan_id] = (status, self.clock())
            self._stops[plan_id] = self._switched(self._stops.get(plan_id, ()), status == "running")

    def log_enabled(self, spec: PlanSpec) -> bool:
        """Return whether log backup of a plan is switched on (EnableBackupLog)."""
        return (
            spec.has_log
            and "log_backup_paused" not in spec.incidents
            and not any(end == NEVER for _, end in self._log_stops.get(spec.plan_id, ()))
        )

    def set_log_enabled(self, plan_id: str, enabled: bool, at: float | None = None) -> None:
        """Switch log backup on or off from now or `at` on; the time without it stays a gap in the log."""
        with self._lock:
            self._log_stops[plan_id] = self._switched(self._log_stops.get(plan_id, ()), enabled, at)

    def _switched(
        self, stops: tuple[Stretch, ...], runs: bool, at: float | None = None
    ) -> tuple[Stretch, ...]:
        is_stopped = bool(stops) and stops[-1][1] == NEVER
        if is_stopped and runs:
            return (*stops[:-1], (stops[-1][0], self.clock()))
        return stops if is_stopped or runs else (*stops, (self.clock() if at is None else at, NEVER))

    def gateways(self, account: str, region: str) -> list[fleet.Gateway]:
        """Return the gateways of an account in a region."""
        return [
            gateway for gateway in self._gateways if gateway.account == account and gateway.region == region
        ]

    def gateway(self, gateway_id: int) -> fleet.Gateway | None:
        """Return a gateway by its id, None if there is none."""
        return next((gateway for gateway in self._gateways if gateway.gateway_id == gateway_id), None)

    def new_id(self, prefix: str) -> str:
        """Return a new id with this prefix."""
        with self._lock:
            self._id_count += 1
            return f"{prefix}{int(draw(self.seed, prefix, self._id_count) * 36**4):06x}{self._id_count:04x}"

    def answer_once(self, account: str, operation: str, token: str, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, or returned before for the same ClientToken.

        Without a token, `make` is called each time.
        """
        if not token:
            return make()
        with self._lock:
            key = (account, operation, token)
            if key not in self._answers:
                self._answers[key] = make()
                if len(self._answers) > TOKENS_KEPT:
                    self._answers.popitem(last=False)
            return self._answers[key]

    def add_restore(self, task: Restore) -> None:
        """Add a restore task that a caller created."""
        with self._lock:
            self._restores[task.task_id] = task
            self._plan_restores.setdefault(task.plan_id, []).append(task.task_id)

    def created_restores(self) -> list[Restore]:
        """Return the restore tasks that callers created."""
        with self._lock:
            return list(self._restores.values())

    def specs(self, account: str) -> list[PlanSpec]:
        """Return all plans of an account."""
        return [spec for spec in tuple(self._plans.values()) if spec.account == account]

    def add_download(self, task: Download) -> None:
        """Add a download that a caller created."""
        with self._lock:
            self._downloads[task.task_id] = task
            self._plan_downloads.setdefault(task.plan_id, []).append(task.task_id)

    def restore(self, task_id: str, account: str) -> Restore | None:
        """Return a restore task by its id; None if the account has no such task."""
        with self._lock:
            task = self._restores.get(task_id)
        if task is None and task_id.count("-") == 2:
            # The ids of the fleet's own tasks contain the plan's id.
            own = self.restores(task_id.split("-")[1])
            task = next((candidate for candidate in own if candidate.task_id == task_id), None)
        return task if task is not None and self.spec(task.plan_id, account) is not None else None

    def restores(self, plan_id: str) -> list[Restore]:
        """Return a plan's restore tasks: its own and those that callers created."""
        with self._lock:
            if plan_id not in self._plans:
                return []
            own = drills.restores(self.history(plan_id))
            return own + [self._restores[task_id] for task_id in self._plan_restores.get(plan_id, ())]

    def download(self, task_id: str, account: str) -> Download | None:
        """Return a download by its id; None if the account has no such download."""
        with self._lock:
            task = self._downloads.get(task_id)
        if task is None and task_id.count("-") == 2:
            own = self.downloads(task_id.split("-")[1])
            task = next((candidate for candidate in own if candidate.task_id == task_id), None)
        return task if task is not None and self.spec(task.plan_id, account) is not None else None

    def downloads(self, plan_id: str) -> list[Download]:
        """Return a plan's downloads: its own and those that callers created."""
        with self._lock:
            if plan_id not in self._plans:
                return []
            own = drills.downloads(self.history(plan_id), self.download_gateway(self._plans[plan_id]))
            return own + [self._downloads[task_id] for task_id in self._plan_downloads.get(plan_id, ())]

    def download_gateway(self, spec: PlanSpec) -> int:
        """Return the gateway to which a plan's backup sets are downloaded: its own, or the region's last."""
        gateways = self.gateways(spec.account, spec.region)
        return spec.gateway_id or (gateways[-1].gateway_id if gateways else 0)
