"""A fleet at a moment: the plans, their incidents, and what callers have changed.

The state without callers is a pure function of (seed, plans, accounts, incidents, anchor, now). `World` adds the clock, the
callers' tasks and changes, and the switches for incidents; it is safe to use from several threads.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from dbs_exporter.simulator import drills, fleet
from dbs_exporter.simulator.fleet import PlanSpec, draw
from dbs_exporter.simulator.incidents import ALL, INCIDENTS, homes
from dbs_exporter.simulator.past import HOUR, NEVER, PlanHistory, Stretch
from dbs_exporter.simulator.replies import EMPTY_FORMS
from dbs_exporter.simulator.tasks import PRECHECK_SECONDS, Download, Restore

ORDERS = ("newest", "oldest", "shuffled")
TOKENS_KEPT = 10_000


class World:
    """A fleet with its clock.

    `plans` are per account, `incidents` names of INCIDENTS that hold from the beginning, `clock` gives Unix seconds, `anchor` is
    the moment at which the incidents became visible (the moment of creation unless given). `order` is that of every list
    (newest, oldest, shuffled), `empty` the form of a list without records (string, null, missing, object, list).
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
        empty: str = "string",
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
        """How many records all answers together have held: what a page costs."""
        self._lock = threading.RLock()
        self._gateways = fleet.gateways(seed, self.accounts)
        self.incident_plans: dict[str, tuple[str, ...]] = {}
        """Incident -> ids of the plans that it hits while it holds."""
        self._anchors: dict[str, float] = {}
        self._plans: dict[str, PlanSpec] = {}
        self._by_place: dict[tuple[str, str], tuple[str, ...]] = {}
        self._by_account: dict[str, tuple[str, ...]] = {}
        self._by_letters: dict[str, tuple[str, ...]] = {}
        self._homes: dict[str, str] = {}
        self._statuses: dict[str, tuple[str, float]] = {}
        self._stops: dict[str, tuple[Stretch, ...]] = {}
        self._log_stops: dict[str, tuple[Stretch, ...]] = {}
        self._fields: dict[str, dict[str, Any]] = {}
        self._restores: dict[str, Restore] = {}
        self._downloads: dict[str, Download] = {}
        self._plan_restores: dict[str, list[str]] = {}
        self._plan_downloads: dict[str, list[str]] = {}
        self._answered: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
        self._made = 0
        self._next_index = dict.fromkeys(self.accounts, plans)
        meant = homes(plans)
        for account in self.accounts:
            own = tuple(gateway for gateway in self._gateways if gateway.account == account)
            for index in range(plans):
                home = meant.get(index, "")
                spec = fleet.plan(seed, index, account, own, home)
                self._plans[spec.plan_id] = spec
                if home:
                    self._homes[spec.plan_id] = home
                    self.incident_plans[home] = (*self.incident_plans.get(home, ()), spec.plan_id)
        self._index()
        self.set_incidents(incidents, since=self.anchor)

    @classmethod
    def healthy(cls, **options: Any) -> Self:
        """A fleet without any incident; the options are those of the class."""
        return cls(incidents=(), **options)

    # ── incidents ──

    @property
    def incidents(self) -> tuple[str, ...]:
        """Names of the incidents that hold now."""
        with self._lock:
            return tuple(self._anchors)

    def begin(self, *names: str) -> None:
        """Let these incidents hold too, from now. Raises ValueError on a wrong name."""
        self.set_incidents((*self.incidents, *names))

    def end(self, *names: str) -> None:
        """Let these incidents hold no more. Raises ValueError on a wrong name."""
        self._known(names)
        self.set_incidents(one for one in self.incidents if one not in names)

    def set_incidents(self, names: Iterable[str], *, since: float | None = None) -> None:
        """Let exactly these incidents hold; those that held already keep their beginning. Raises ValueError on a wrong name."""
        wanted = self._known(names)
        began = self.clock() if since is None else since
        with self._lock:
            self._anchors = {name: self._anchors.get(name, began) for name in wanted}
            for plan_id, home in self._homes.items():
                if plan_id in self._plans:
                    active = frozenset({home}) if home in self._anchors else frozenset()
                    self._plans[plan_id] = replace(self._plans[plan_id], incidents=active)

    @staticmethod
    def _known(names: Iterable[str]) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(names))
        if unknown := [str(name) for name in wanted if name not in INCIDENTS]:
            raise ValueError(f"no such incident: {', '.join(unknown)}; there are {', '.join(INCIDENTS)}")
        return wanted

    def anchor_of(self, plan_id: str) -> float:
        """When the incident of a plan began, or the fleet if it has none."""
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

    def _index(self) -> None:
        """Put the plans in order by place, account and the letters that their backup sets' ids begin with."""
        places: dict[tuple[str, str], list[str]] = {}
        letters: dict[str, list[str]] = {}
        for plan_id, spec in self._plans.items():
            places.setdefault((spec.account, spec.region), []).append(plan_id)
            letters.setdefault(plan_id[3:9], []).append(plan_id)
        accounts: dict[str, list[str]] = {}
        for (account, _), ids in sorted(places.items()):
            accounts.setdefault(account, []).extend(ids)
        # Tuples are replaced, never changed: a reader of a page keeps the list it began with.
        self._by_place = {place: tuple(ids) for place, ids in places.items()}
        self._by_account = {account: tuple(ids) for account, ids in accounts.items()}
        self._by_letters = {start: tuple(ids) for start, ids in letters.items()}

    def plan_ids(self, account: str, region: str | None = None) -> Sequence[str]:
        """Ids of the plans of an account, in one region or in all; the list itself, so that asking costs nothing."""
        with self._lock:
            if region:
                return self._by_place.get((account, region), ())
            return self._by_account.get(account, ())

    def spec(self, plan_id: str, account: str | None = None) -> PlanSpec | None:
        """A plan by its id, with or without the prefix `dbs`; None if there is none (or not in this account)."""
        with self._lock:
            found = self._plans.get(plan_id) or self._plans.get(f"dbs{plan_id}")
            if found is None or (account is not None and found.account != account):
                return None
            return found

    def history(self, plan_id: str) -> PlanHistory:
        """A plan's past, seen from now. Raises KeyError if there is none."""
        with self._lock:
            return PlanHistory(
                self.seed,
                self._plans[plan_id],
                self.clock(),
                self.anchor_of(plan_id),
                self._stops.get(plan_id, ()),
                self._log_stops.get(plan_id, ()),
            )

    def set_owner(self, set_id: str, account: str) -> PlanHistory | None:
        """The history that a full backup set is part of; None if the account has no such set."""
        for plan_id in self._by_letters.get(set_id[:6], ()):
            spec = self.spec(plan_id, account)
            if spec is not None:
                history = self.history(plan_id)
                if any(history.set_id(number) == set_id for number in history.full_numbers()):
                    return history
        return None

    def delete_plan(self, plan_id: str) -> None:
        """Release a plan: no list holds it any more. Raises KeyError if there is none."""
        with self._lock:
            del self._plans[plan_id]
            self._index()

    def add_plan(self, account: str, region: str, wanted: Mapping[str, Any]) -> str:
        """Buy a plan that is not configured yet; `wanted` replaces fields of its specification. Gives its id."""
        with self._lock:
            own = tuple(one for one in self._gateways if one.account == account)
            index = self._next_index[account]
            self._next_index[account] += 1
            spec = fleet.plan(self.seed, index, account, own, "")
            now = self.clock()
            spec = replace(
                spec, region=region, gateway_id=0, source_type="rds", created_at=int(now), cross_account_id="", **wanted
            )  # fmt: skip
            self._plans[spec.plan_id] = spec
            self._statuses[spec.plan_id] = ("wait", now)
            self._stops[spec.plan_id] = ((now, NEVER),)
            self._index()
            return spec.plan_id

    def change_spec(self, plan_id: str, **fields: Any) -> None:
        """Replace fields of a plan's specification. Raises KeyError if there is none."""
        with self._lock:
            self._plans[plan_id] = replace(self._plans[plan_id], **fields)

    def change_fields(self, plan_id: str, fields: Mapping[str, Any]) -> None:
        """Let the plan list say these values for a plan from now on."""
        with self._lock:
            self._fields.setdefault(plan_id, {}).update(fields)

    def fields_of(self, plan_id: str) -> Mapping[str, Any]:
        """The plan list's values that callers have changed."""
        with self._lock:
            return dict(self._fields.get(plan_id, ()))

    def name_of(self, spec: PlanSpec) -> str:
        """The plan's name, as callers may have changed it."""
        return str(self._fields.get(spec.plan_id, {}).get("BackupPlanName", spec.name))

    def rename(self, plan_id: str, name: str) -> None:
        """Give a plan another name."""
        self.change_fields(plan_id, {"BackupPlanName": name})

    def status_of(self, spec: PlanSpec) -> str:
        """The plan's status word."""
        if "failed_precheck" in spec.incidents:
            return "init"
        if "locked_plan" in spec.incidents:
            return "locked"
        status, since = self._statuses.get(spec.plan_id, ("running", 0.0))
        return "init" if status == "check_pass" and self.clock() < since + PRECHECK_SECONDS else status

    def set_status(self, plan_id: str, status: str) -> None:
        """Pause, check or start a plan; while it does not run, neither full backups nor log come."""
        with self._lock:
            self._statuses[plan_id] = (status, self.clock())
            self._stops[plan_id] = self._switched(self._stops.get(plan_id, ()), status == "running")

    def log_enabled(self, spec: PlanSpec) -> bool:
        """EnableBackupLog of a plan."""
        return (
            spec.has_log
            and "log_backup_paused" not in spec.incidents
            and not any(end == NEVER for _, end in self._log_stops.get(spec.plan_id, ()))
        )

    def set_log_enabled(self, plan_id: str, enabled: bool) -> None:
        """Switch log backup on or off from now; the time in between stays a hole in the chain."""
        with self._lock:
            self._log_stops[plan_id] = self._switched(self._log_stops.get(plan_id, ()), enabled)

    def _switched(self, stops: tuple[Stretch, ...], runs: bool) -> tuple[Stretch, ...]:
        stopped = bool(stops) and stops[-1][1] == NEVER
        if stopped and runs:
            return (*stops[:-1], (stops[-1][0], self.clock()))
        return stops if stopped or runs else (*stops, (self.clock(), NEVER))

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

    def once(self, account: str, operation: str, token: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, or what it gave for the same ClientToken before; without a token it is made each time."""
        if not token:
            return make()
        with self._lock:
            key = (account, operation, token)
            if key not in self._answered:
                self._answered[key] = make()
                if len(self._answered) > TOKENS_KEPT:
                    self._answered.popitem(last=False)
            return self._answered[key]

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
        if made is None and task_id.count("-") == 2:
            made = next((one for one in self.restores(task_id.split("-")[1]) if one.task_id == task_id), None)
        return made if made is not None and self.spec(made.plan_id, account) is not None else None

    def restores(self, plan_id: str) -> list[Restore]:
        """A plan's restore tasks: the fleet's own and callers'."""
        with self._lock:
            if plan_id not in self._plans:
                return []
            own = drills.restores(self.history(plan_id))
            return own + [self._restores[one] for one in self._plan_restores.get(plan_id, ())]

    def download(self, task_id: str, account: str) -> Download | None:
        """A download by its id."""
        with self._lock:
            made = self._downloads.get(task_id)
        if made is None and task_id.count("-") == 2:
            made = next(
                (one for one in self.downloads(task_id.split("-")[1]) if one.task_id == task_id), None
            )
        return made if made is not None and self.spec(made.plan_id, account) is not None else None

    def downloads(self, plan_id: str) -> list[Download]:
        """A plan's downloads: the fleet's own and callers'."""
        with self._lock:
            if plan_id not in self._plans:
                return []
            own = drills.downloads(self.history(plan_id), self.download_gateway(self._plans[plan_id]))
            return own + [self._downloads[one] for one in self._plan_downloads.get(plan_id, ())]

    def download_gateway(self, spec: PlanSpec) -> int:
        """The gateway that a plan's backup sets are downloaded to: its own, or the last of its region."""
        there = self.gateways(spec.account, spec.region)
        return spec.gateway_id or (there[-1].gateway_id if there else 0)
