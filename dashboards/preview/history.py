"""Thirty days of a simulated fleet's metrics, written as one OpenMetrics text with timestamps.

The collectors run in process against the simulator's reads while its clock is moved, and what the exposition says at each moment
becomes samples. `promtool tsdb create-blocks-from openmetrics` turns the text into blocks of a Prometheus.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, TextIO

from prometheus_client import CollectorRegistry

from dbs_exporter import __version__
from dbs_exporter.api.client import Call
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import operation_named
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import AccountCollector, PlanCollector, Reading
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.models import Config
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.fields import items
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.own import OwnMetrics, Watched
from dbs_exporter.polling.poller import Poller, Target
from dbs_exporter.polling.runs import Runs
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.simulator import INCIDENTS, World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.fleet import REGIONS

HOUR, DAY = 3600.0, 86400.0
BEGINNINGS = {"locked_plan": 5 * HOUR, "log_backup_paused": 3 * HOUR, "offline_gateway": 2 * HOUR}
"""Incidents that change a plan's status and not its past: seconds before the anchor at which they began."""
PATIENCE_SECONDS = 600.0
PLAN_LIST = next(collector.name for collector in TABLE if collector.group is PLANS)
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


def moments(
    now: float, *, days: float = 30, step: float = 6 * HOUR, dense: float = 2 * HOUR, dense_step: float = 120
) -> list[float]:
    """Unix seconds, oldest first: coarse steps, and fine ones in the last hours before `now`, which is not among them."""
    coarse = [now - back * step for back in range(int(days * DAY / step), 0, -1) if back * step > dense]
    return coarse + [now - back * dense_step for back in range(int(dense / dense_step), 0, -1)]


class _Moved(SystemClock):
    """A clock whose now is set."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> float:
        return self.at


class _Direct:
    """The simulator's reads without a wire, told to the exporter's own metrics as calls of a tenth of a second."""

    def __init__(self, world: World, scope: Scope, own: OwnMetrics) -> None:
        self._world, self._scope, self._own = world, scope, own

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        """One answer."""
        del within
        asked = request_parameters(operation_named(operation), params)
        self._own.on_call(
            Call(
                scope=self._scope,
                operation=operation,
                outcome="success",
                duration_seconds=0.1,
                attempt=1,
                http_status=200,
                code="",
                request_id="",
            )
        )
        return READS[operation](self._world, self._scope.account, asked)

    def pages(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> list[dict[str, Any]]:
        """All items of a list."""
        path = operation_named(operation).list_path or ()
        found: list[dict[str, Any]] = []
        for number in range(1000):
            answer = self.call(operation, {**params, "PageNum": number, "PageSize": 100}, within=within)
            found += items(answer, path)
            if len(found) >= int(answer["TotalElements"]):
                break
        return found


class Past:
    """An exporter of a simulated fleet that is asked for moments in the past; use one after the other, oldest first.

    The world is the one that `World(seed=seed, plans=plans, anchor=anchor)` shows at its anchor: the incidents lie where they will be
    found then. `labels` are what a scrape would add (job, instance).
    """

    def __init__(self, config: Config, *, seed: int, plans: int, anchor: float, labels: str) -> None:
        self._anchor = anchor
        self._begun = False
        self._clock = _Moved()
        self._clock.at = anchor
        account = config.accounts[0]
        self._world = World(
            seed=seed, plans=plans, accounts=(account.name,), clock=self._clock.now, anchor=anchor
        )
        self._labels = labels
        self._runs = Runs(self._clock)
        self._store = Store(objectives_for(config.objectives))
        self._own = OwnMetrics(
            CollectorRegistry(), version=__version__, collector_states=self._runs.states, process=False
        )
        self._own.on_reload(successful=True, at=anchor)
        self._exposition = Exposition(TABLE.families, own=self._own.lines)
        self._store.subscribe(self._exposition.update)
        intervals = {
            collector.name: settings.interval
            for collector in TABLE
            if (settings := config.collectors.of(collector.name)).enabled
        }
        targets = [
            Target(
                scope=scope,
                api=_Direct(self._world, scope, self._own),
                concurrency=1,
                intervals={
                    name: interval for name, interval in intervals.items() if TABLE[name].level != "account"
                },
                selects=self._created,
                fingerprint=scope.region,
            )
            for scope in (Scope(account=account.name, region=region) for region in REGIONS)
        ]
        self._home = targets[0]
        self._of_account = {
            name: interval for name, interval in intervals.items() if TABLE[name].level == "account"
        }
        for name, interval in self._of_account.items():
            self._runs.expect(self._home.scope, name, interval)
        self._pollers = [
            Poller(
                target,
                table=TABLE,
                store=self._store,
                runs=self._runs,
                clock=self._clock,
                shard=Shard(),
                unknown=self._own.on_unknown,
            )
            for target in targets
        ]
        self._own.watch(
            Watched(
                scope=target.scope,
                operations=tuple(operation for name in intervals for operation in TABLE[name].operations),
                rate=lambda: account.requests_per_second,
            )
            for target in targets
        )

    def _created(self, plan: Plan) -> bool:
        """The simulator tells of plans that are yet to be bought, too."""
        return plan.created_at is None or plan.created_at <= self._clock.at

    def close(self) -> None:
        """End the threads."""
        for poller in self._pollers:
            poller.close()

    def samples_at(self, moment: float) -> Iterator[str]:
        """The page of one moment (Unix seconds), a line per sample with its time."""
        self._clock.at = moment
        self._world.set_incidents(
            (name for name in INCIDENTS if moment >= self._anchor - BEGINNINGS.get(name, inf)),
            since=self._anchor,
        )
        for name, interval in self._of_account.items():
            self._read_account(name, interval)
        for poller in self._pollers:
            poller.run(PLAN_LIST)
        self._wait(moment, PLAN_LIST)
        # The first list lets those of plans begin by themselves; later each is told, once the plans are known.
        for poller in self._pollers:
            for name in poller.collectors:
                begins_by_itself = not self._begun and isinstance(TABLE[name], PlanCollector)
                if name != PLAN_LIST and not begins_by_itself:
                    poller.run(name)
        self._wait(moment)
        self._begun = True
        self._exposition.publish()
        self._exposition.publish()  # the exporter's own lines tell of the page before
        text = b"".join(self._exposition.page(openmetrics=True).identity).decode()
        for line in text.splitlines():
            if found := _SAMPLE.fullmatch(line):
                name, labels, value = found.groups()
                separator = "," if labels else ""
                yield f"{name}{{{self._labels}{separator}{labels or ''}}} {value} {moment:.3f}\n"

    def _read_account(self, name: str, interval: float) -> None:
        """Read what belongs to no single region, as the scheduler does."""
        collector = TABLE[name]
        if not isinstance(collector, AccountCollector):
            raise TypeError(f"{name} is no collector of accounts")
        scope, at = self._home.scope, self._clock.now()
        reading = Reading(
            api=self._home.api, region=scope.region, now=at, within=interval, unknown=self._own.on_unknown
        )
        began = self._clock.monotonic()
        self._store.put_account(scope.account, collector.group, collector.read(reading), at)
        self._runs.read(scope, name, "", at)
        took = self._clock.monotonic() - began
        self._runs.finished(scope, name, began_at=at, took_seconds=took, subjects=[""], success=True)

    def _wait(self, moment: float, *collectors: str) -> None:
        """Until these, or all, have run at a moment; raises if one fails."""
        until = time.monotonic() + PATIENCE_SECONDS
        pause = threading.Event()

        def asked() -> list[CollectorState]:
            return [state for state in self._runs.states() if not collectors or state.collector in collectors]

        while late := [state for state in asked() if state.last_run_at != moment]:
            if time.monotonic() > until:
                raise TimeoutError(f"{late[0].collector} of {late[0].scope} did not run at {moment}")
            pause.wait(0.002)
        if failed := [state for state in asked() if not state.success]:
            raise RuntimeError(f"{failed[0].collector} of {failed[0].scope} failed at {moment}")


def write(past: Past, at: Sequence[float], to: TextIO) -> int:
    """Write the samples of these moments as one OpenMetrics text; gives how many there are."""
    count = 0
    for moment in at:
        for line in past.samples_at(moment):
            to.write(line)
            count += 1
    to.write("# EOF\n")
    return count
