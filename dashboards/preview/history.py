"""Thirty days of a simulated fleet's metrics, written as one OpenMetrics text with timestamps.

The exporter's own pollers read the simulator in process while its clock is moved, one reading after the other and without waiting, and
what the exposition says at each moment becomes samples. `promtool tsdb create-blocks-from openmetrics` turns the text into blocks of a Prometheus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, TextIO

from prometheus_client import CollectorRegistry

from dbs_exporter import __version__
from dbs_exporter.api.client import Call
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import operation_named
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.clock import SystemClock
from dbs_exporter.collectors.base import AccountCollector, OnPage, Reading
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.models import Config, PlanCollectorConfig
from dbs_exporter.facts.fields import items
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.own import OwnMetrics, Watched
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.poller import Poller
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Ages, Target
from dbs_exporter.simulator import INCIDENTS, World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.fleet import REGIONS

HOUR, DAY = 3600.0, 86400.0
BEGINNINGS = {
    "locked_plan": 5 * HOUR,
    "log_backup_paused": 3 * HOUR,
    "offline_gateway": 2 * HOUR,
    "paused_plan": 3 * HOUR,
}
"""Incidents that change a plan's status and not its past: seconds before the anchor at which they began."""
CALLS_PER_SECOND = 10_000.0
"""Enough for a moment to take none of the time between two."""
MOST_READINGS = 200
"""Of a plan at one moment: more are readings that lead to no end."""
MADE = ("BackupPlanCreateTime", "RestoreTaskCreateTime", "BackupSetDownloadCreateTime")
"""Fields that say when a thing was made, in milliseconds."""
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


LOOK = 600.0


def moments(
    now: float, *, days: float = 30, step: float = 6 * HOUR, dense: float = 2 * HOUR, dense_step: float = 120
) -> list[float]:
    """Unix seconds, oldest first: coarse steps, and fine ones in the last hours before `now`, which is not among them.

    Coarse ones are at whole ten minutes, at which boards look into the past.
    """
    coarse = [
        (now - back * step) // LOOK * LOOK
        for back in range(int(days * DAY / step), 0, -1)
        if back * step > dense
    ]
    return coarse + [now - back * dense_step for back in range(int(dense / dense_step), 0, -1)]


class _Moved(SystemClock):
    """A clock whose now is set; it does not go by itself."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class _Unlimited:
    """A rate that holds nothing up."""

    rate = CALLS_PER_SECOND

    def ready_in(self) -> float:
        return 0.0


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
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        """All items of a list."""
        path = operation_named(operation).list_path or ()
        found: list[dict[str, Any]] = []
        for number in range(1000):
            answer = self.call(operation, {**params, "PageNum": number, "PageSize": 100}, within=within)
            page = items(answer, path)
            if on_page is not None:
                on_page([record for record in page if self._exists(record)], int(answer["TotalElements"]))
            found += page
            if len(found) >= int(answer["TotalElements"]):
                break
        return [record for record in found if self._exists(record)]

    def _exists(self, record: Mapping[str, Any]) -> bool:
        """The simulator tells of plans and tasks that are yet to be made, too."""
        made = next((record[field] for field in MADE if field in record), 0)
        return float(made or 0) <= self._world.clock() * 1000


class Past:
    """An exporter of a simulated fleet that is asked for moments in the past; use one after the other, oldest first.

    The world is the one that `World(seed=seed, plans=plans, anchor=anchor)` shows at its anchor: the incidents lie where they will be
    found then. `labels` are what a scrape would add (job, instance).
    """

    def __init__(self, config: Config, *, seed: int, plans: int, anchor: float, labels: str) -> None:
        self._anchor = anchor
        self._clock = _Moved(anchor)
        account = config.accounts[0]
        self._world = World(
            seed=seed, plans=plans, accounts=(account.name,), clock=self._clock.now, anchor=anchor
        )
        self._labels = labels
        self._most = MOST_READINGS * (plans + 1)
        self._outcomes = Outcomes(self._clock)
        self._store = Store(objectives_for(config.objectives))
        self._own = OwnMetrics(
            CollectorRegistry(),
            version=__version__,
            collector_states=self._outcomes.states,
            budgets=lambda: [poller.budget() for poller in self._pollers],
            process=False,
        )
        self._own.on_reload(successful=True, at=anchor)
        self._exposition = Exposition(TABLE.families, own=self._own.lines)
        self._store.subscribe(self._exposition.update)
        settings = {
            collector.name: setting
            for collector in TABLE
            if (setting := config.collectors.of(collector.name)).enabled
        }
        ages = {
            name: Ages(
                interval=setting.interval,
                at_rest=setting.at_rest if isinstance(setting, PlanCollectorConfig) else setting.interval,
            )
            for name, setting in settings.items()
            if TABLE[name].level != "account"
        }
        self._pollers: list[Poller] = []
        self._of_account = [
            collector for name in settings if isinstance(collector := TABLE[name], AccountCollector)
        ]
        time = ServerTime(self._clock)
        self._targets = [
            Target(
                scope=scope,
                api=_Direct(self._world, scope, self._own),
                rate=_Unlimited(),
                time=time,
                concurrency=1,
                collectors=ages,
                selects=lambda _plan: True,
                fingerprint=scope.region,
            )
            for scope in (Scope(account=account.name, region=region) for region in REGIONS)
        ]
        self._own.watch(
            Watched(
                scope=target.scope,
                operations=tuple(operation for name in settings for operation in TABLE[name].operations),
                rate=lambda: account.requests_per_second,
            )
            for target in self._targets
        )

    def close(self) -> None:
        """End the pollers."""
        for poller in self._pollers:
            poller.close()

    def samples_at(self, moment: float) -> Iterator[str]:
        """The page of one moment (Unix seconds), a line per sample with its time."""
        self._clock.at = moment
        if not self._pollers:
            self._begin()
        self._world.set_incidents(
            (name for name in INCIDENTS if moment >= self._anchor - BEGINNINGS.get(name, inf)),
            since=self._anchor,
        )
        for collector in self._of_account:
            self._read_account(collector)
        for poller in self._pollers:
            for name in poller.intervals:
                poller.request(name)
            self._read(poller)
        if failed := [state for state in self._outcomes.states() if state.failed_subjects]:
            raise RuntimeError(
                f"{failed[0].collector} of {failed[0].scope} failed at {moment}: {failed[0].last_error}"
            )
        self._exposition.publish()
        self._exposition.publish()  # the exporter's own lines tell of the page before
        text = b"".join(self._exposition.page(openmetrics=True).identity).decode()
        for line in text.splitlines():
            if found := _SAMPLE.fullmatch(line):
                name, labels, value = found.groups()
                separator = "," if labels else ""
                yield f"{name}{{{self._labels}{separator}{labels or ''}}} {value} {moment:.3f}\n"

    def _begin(self) -> None:
        """Make the pollers, at the first moment."""
        self._pollers += (
            Poller(
                target,
                table=TABLE,
                store=self._store,
                outcomes=self._outcomes,
                clock=self._clock,
                unknown=self._own.on_unknown,
            )
            for target in self._targets
        )

    def _read(self, poller: Poller) -> None:
        """Have a poller read all that is due. Raises RuntimeError if that leads to no end."""
        for _ in range(self._most):
            self._clock.at += 2 / CALLS_PER_SECOND
            task = poller.take(self._clock.at)
            if task is None:
                return
            task()
        raise RuntimeError(
            f"{poller.target.scope} has more to read at {self._clock.at} than there is time for"
        )

    def _read_account(self, collector: AccountCollector[Any]) -> None:
        """Read what belongs to no single region, as the scheduler does."""
        home = self._targets[0]
        scope, at = home.scope, self._clock.now()
        self._outcomes.expect(scope, collector.name, collector.group.name)
        self._outcomes.set_subjects(scope, collector.name, [""])
        reading = Reading(
            api=home.api, region=scope.region, now=at, within=60.0, unknown=self._own.on_unknown
        )
        self._store.put_account(scope.account, collector.group, collector.read(reading), at)
        self._outcomes.on_read(scope, collector.name, "", at)


def write(past: Past, at: Sequence[float], to: TextIO) -> int:
    """Write the samples of these moments as one OpenMetrics text; gives how many there are."""
    count = 0
    for moment in at:
        for line in past.samples_at(moment):
            to.write(line)
            count += 1
    to.write("# EOF\n")
    return count
