"""Polling in virtual time: the real scheduler, dispatcher, pollers and store over a cloud that does what a test says.

Nothing waits. A reading is carried out as it is handed out, a call takes a moment of the clock that is passed in, and days pass
in the time that their calls take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.fake_clock import FakeClock

from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.collectors.base import AccountCollector, OnPage, PlanCollector
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.errors import Invalid
from dbs_exporter.facts.collection import BudgetState, CollectorState
from dbs_exporter.facts.freshness import fresh_until
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope
from dbs_exporter.polling.account_poller import Account
from dbs_exporter.polling.budget import LEAST_EASE
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.scheduler import Scheduler
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Ages, Target
from dbs_exporter.polling.workers import Task
from dbs_exporter.simulator import World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.replies import Refused

HANGZHOU = Scope(account="prod", region="cn-hangzhou")
IN_A_REGION = tuple(
    collector.name for collector in TABLE if collector.enabled and not isinstance(collector, AccountCollector)
)
"""The collectors of regions and plans that are on by default."""
HOUR = 3_600.0
DAY = 86_400.0
PAGE = 100
LATENCY_SECONDS = 0.01

Record = dict[str, Any]
Records = list[Record]


# ── clouds ──


@dataclass(frozen=True)
class Asked:
    """A question that came to a cloud; `at` is in monotonic seconds of the clock."""

    at: float
    operation: str
    plan: str
    params: Mapping[str, object]


class FakeCloud:
    """One account of a cloud whose records a test writes. `before` is called with each question; it may raise or pass time.

    Every plan is in every region, unless its record names one in BackupPlanRegion.
    """

    def __init__(
        self, clock: FakeClock, plans: int = 3, *, rate: float = 5.0, regions: tuple[str, ...] = ()
    ) -> None:
        self.clock = clock
        self.rate = rate
        self.regions = regions
        self.plans: dict[str, Record] = {}
        self.lists: dict[tuple[str, str], Records | Callable[[float], Records]] = {}
        """By operation and plan ("": of each plan that has none of its own): records, or what makes them of the time."""
        self.before: Callable[[str, str], None] = lambda _operation, _plan: None
        self.asked: list[Asked] = []
        self.unknown_tasks: set[str] = set()
        """Ids of restore tasks that DescribeRestoreTaskList does not know, though a plan's list may hold them."""
        for number in range(plans):
            self.add_plan(f"p{number:03}")

    def add_plan(self, plan_id: str, **fields: Any) -> None:
        self.plans[plan_id] = {"BackupPlanId": plan_id, "BackupPlanStatus": "running", **fields}

    def api(self, region: str) -> FakeApi:
        """The API as it is called for a region."""
        return FakeApi(self, region)

    def answer(self, operation: str, params: Mapping[str, object], region: str) -> Records:
        """The records of a list."""
        plan = str(params.get("BackupPlanId", ""))
        if operation == "DescribeBackupPlanList":
            return [
                record for record in self.plans.values() if record.get("BackupPlanRegion", region) == region
            ]
        if task_ids := params.get("RestoreTaskId"):
            return self._tasks(str(task_ids).split(","))
        made = self.lists.get((operation, plan), self.lists.get((operation, ""), []))
        return made if isinstance(made, list) else made(self.clock.now())

    def _tasks(self, task_ids: list[str]) -> Records:
        if self.unknown_tasks & set(task_ids):
            raise Invalid("no such task", operation="DescribeRestoreTaskList", code="InvalidParameterValid")
        found = [
            task
            for plan in self.plans
            for task in self.answer("DescribeRestoreTaskList", {"BackupPlanId": plan}, "")
        ]
        return [task for task in found if task["RestoreTaskId"] in task_ids]

    def questions(self, operation: str, plan: str | None = None) -> list[Asked]:
        """What was asked by an operation, of any plan or of one."""
        return [asked for asked in self.asked if asked.operation == operation and plan in (None, asked.plan)]


class FakeApi:
    """Calls of a `FakeCloud` for one region, at the pace that its limit allows."""

    def __init__(self, cloud: FakeCloud, region: str) -> None:
        self.cloud = cloud
        self.region = region
        self.pacer = Pacer(cloud.rate, 4, cloud.clock)
        self.time = ServerTime(cloud.clock)
        self.closed = False

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        self._ask(operation, params, within)
        if operation == "DescribeRegions":
            return {"Regions": {"RegionCode": list(self.cloud.regions)}}
        if operation == "DescribeJobErrorCode":
            return {"Item": {"ErrorCode": "DBS.Failed"}}
        if operation == "DescribeIncrementBackupList":
            number, size = int(str(params["PageNum"])), int(str(params["PageSize"]))
            records = self.cloud.answer(operation, params, self.region)
            page = records[number * size : (number + 1) * size]
            return {"TotalElements": len(records), "Items": {"IncrementBackupFile": page} if page else ""}
        return {}

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> Records:
        self._ask(operation, params, within)
        records = self.cloud.answer(operation, params, self.region)
        for first in range(0, max(1, len(records)), PAGE):
            if first:
                self._ask(operation, params, within)
            if on_page is not None:
                on_page(records[first : first + PAGE], len(records))
        return records

    def _ask(self, operation: str, params: Mapping[str, object], within: float | None) -> None:
        assert within
        with self.pacer.slot(within):
            cloud, plan = self.cloud, str(params.get("BackupPlanId", ""))
            cloud.asked.append(Asked(cloud.clock.monotonic(), operation, plan, dict(params)))
            cloud.clock.advance(LATENCY_SECONDS)
            cloud.before(operation, plan)


class WorldCloud(FakeCloud):
    """One account of the simulator's world, asked without HTTP."""

    def __init__(self, clock: FakeClock, world: World, *, rate: float = 5.0) -> None:
        super().__init__(clock, 0, rate=rate)
        self.world = world
        self.account = world.accounts[0]

    def api(self, region: str) -> FakeApi:
        return WorldApi(self, region)


class WorldApi(FakeApi):
    """Calls of a `WorldCloud` for one region."""

    def __init__(self, cloud: WorldCloud, region: str) -> None:
        super().__init__(cloud, region)
        self._world_cloud = cloud

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        self._ask(operation, params, within)
        return self._answer(operation, params)

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> Records:
        found: Records = []
        for number in range(1000):
            self._ask(operation, params, within)
            answer = self._answer(operation, {**params, "PageNum": number, "PageSize": PAGE})
            page: Records = next(iter(answer["Items"].values())) if answer["Items"] else []
            found += page
            if on_page is not None:
                on_page(page, answer["TotalElements"])
            if len(found) >= answer["TotalElements"]:
                break
        return found

    def _answer(self, operation: str, params: Mapping[str, object]) -> dict[str, Any]:
        texts = {name: str(value) for name, value in {"RegionId": self.region, **params}.items()}
        try:
            return READS[operation](self._world_cloud.world, self._world_cloud.account, texts)
        except Refused as refused:
            raise Invalid(str(refused), operation=operation, code=refused.code) from None


# ── runners ──


class Inline:
    """Carries a task out as it is handed out."""

    most = 8

    def __init__(self) -> None:
        self.tasks = 0

    def start(self) -> None:
        """Nothing to begin."""

    def submit(self, task: Task) -> None:
        self.tasks += 1
        task()

    def close(self) -> None:
        pass

    def join(self, seconds: float) -> None:
        pass


class Held:
    """Keeps tasks until a test carries them out: those that are kept are under way, as far as anybody can tell."""

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self.tasks = 0
        self.held: list[Task] = []

    def start(self) -> None:
        """Nothing to begin."""

    def submit(self, task: Task) -> None:
        self.tasks += 1
        assert len(self.held) < self.most
        self.held.append(task)

    def finish(self, count: int | None = None) -> None:
        """Carry out those that were handed out first, all of them if no number is given."""
        ready, self.held = self.held[:count], self.held[count:] if count is not None else []
        for task in ready:
            task()

    def close(self) -> None:
        pass

    def join(self, seconds: float) -> None:
        pass


# ── polling ──


def ages_of(
    collectors: tuple[str, ...] = IN_A_REGION, table: Table = TABLE, *, eased: bool = True
) -> dict[str, Ages]:
    """How often collectors read by default; not `eased`: of a fleet so large that no calls are left to read it more often."""
    return {
        name: Ages(
            interval=table[name].interval_seconds,
            at_rest=collector.at_rest_seconds * (1.0 if eased else 1.0 / LEAST_EASE)
            if isinstance(collector := table[name], PlanCollector)
            else table[name].interval_seconds,
        )
        for name in collectors
    }


def account_of(
    cloud: FakeCloud,
    name: str = "prod",
    *,
    regions: tuple[str, ...] | None = ("cn-hangzhou",),
    collectors: tuple[str, ...] | Mapping[str, Ages] = IN_A_REGION,
    of_account: Mapping[str, float] | None = None,
    selects: Callable[[Plan], bool] = lambda _plan: True,
    concurrency: int = 4,
    fingerprint: object = 1,
    table: Table = TABLE,
) -> Account:
    """An account whose home is cn-hangzhou; `of_account` has the intervals of what is read of the account itself."""
    ages = collectors if isinstance(collectors, Mapping) else ages_of(collectors, table)
    home = cloud.api("cn-hangzhou")

    def target(region: str) -> Target:
        api = home if region == "cn-hangzhou" else cloud.api(region)
        return Target(
            scope=Scope(account=name, region=region),
            api=api,
            rate=api.pacer,
            time=api.time,
            concurrency=concurrency,
            collectors=ages,
            selects=selects,
            fingerprint=fingerprint,
        )

    return Account(
        name=name,
        target=target,
        regions=regions,
        home="cn-hangzhou",
        api=home,
        time=home.time,
        intervals=of_account or {},
        fingerprint=fingerprint,
    )


class Polling:
    """An exporter's polling in virtual time; `run` lets time pass."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        runner: Inline | Held | None = None,
        shard: Shard = Shard(),  # noqa: B008 - frozen
        table: Table = TABLE,
        objectives: Objectives = Objectives(),  # noqa: B008 - frozen
    ) -> None:
        self.clock = clock
        self.store = Store(lambda _plan: objectives)
        self.outcomes = Outcomes(clock)
        self.unknown: Counter[str] = Counter()
        self.targets: list[Target] = []
        self.runner = runner or Inline()
        self.scheduler = Scheduler(
            table=table,
            store=self.store,
            outcomes=self.outcomes,
            clock=clock,
            shard=shard,
            unknown=lambda field: self.unknown.update([field]),
            on_targets=self._take_targets,
            runner=self.runner,
        )

    def _take_targets(self, targets: list[Target]) -> None:
        self.targets = targets

    def apply(self, *accounts: Account) -> None:
        self.scheduler.apply(accounts)

    def step(self) -> float | None:
        """Hand out what is due now."""
        return self.scheduler.dispatcher.step(self.clock.monotonic())

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.monotonic() + seconds
        while (now := self.clock.monotonic()) < end:
            before = self.runner.tasks
            following = self.step()
            if self.runner.tasks == before:
                until = end if following is None else min(end, following)
                self.clock.advance(max(1e-3, until - now))

    def run_until(self, condition: Callable[[], bool], within: float) -> float:
        """Let time pass until a condition holds, and return how long that took, in seconds; an error if it takes too long."""
        began = self.clock.monotonic()
        while not condition():
            assert self.clock.monotonic() - began < within, "never came true"
            self.run(1.0)
        return self.clock.monotonic() - began

    def plan(self, plan_id: str, scope: Scope = HANGZHOU) -> PlanSubject:
        found = self.store.plan(scope, plan_id)
        assert found is not None
        return found

    def plan_ids(self, scope: Scope = HANGZHOU) -> list[str]:
        return sorted(subject.plan.plan_id for subject in self.store.plans_of(scope))

    def watched_regions(self) -> set[str]:
        """The regions of which plans are known."""
        return {subject.scope.region for subject in self.store.plan_subjects()}

    def region(self, scope: Scope = HANGZHOU) -> RegionSubject | None:
        """What is known of a region itself."""
        return next((region for region in self.store.region_subjects() if region.scope == scope), None)

    def state(self, collector: str, scope: Scope = HANGZHOU) -> CollectorState:
        return next(
            state for state in self.outcomes.states() if (state.scope, state.collector) == (scope, collector)
        )

    def budget(self, scope: Scope = HANGZHOU) -> BudgetState:
        return next(budget for budget in self.scheduler.budgets() if budget.scope == scope)

    def fresh_for(self, plan_id: str, facts: str, scope: Scope = HANGZHOU) -> float:
        """For how long facts of a plan still count as known, in seconds; negative if they are stale."""
        return fresh_until(self.plan(plan_id, scope))[facts] - self.clock.now()


def polling_of(
    plans: int = 3,
    *,
    rate: float = 5.0,
    collectors: tuple[str, ...] | Mapping[str, Ages] = IN_A_REGION,
    eased: bool = False,
    **more: Any,
) -> tuple[Polling, FakeCloud]:
    """Polling of one region of one account, and its cloud; as of a large fleet unless `eased`."""
    clock = FakeClock()
    cloud = FakeCloud(clock, plans, rate=rate)
    polling = Polling(clock, **more)
    table = more.get("table", TABLE)
    ages = collectors if isinstance(collectors, Mapping) else ages_of(collectors, table, eased=eased)
    polling.apply(account_of(cloud, collectors=ages, table=table))
    return polling, cloud


# ── records ──


def ms(at: float) -> int:
    """An instant as the API writes it."""
    return int(at * 1000)


def full_backup(
    set_id: str, created_at: float, *, took: float | None = 1800.0, status: str = "", **fields: Any
) -> Record:
    """A record of a full backup job that began when it was created; `took` None while it runs."""
    record: Record = {
        "BackupSetId": set_id,
        "BackupStatus": status or ("running" if took is None else "finish"),
        "CreateTime": ms(created_at),
        "StartTime": ms(created_at),
        **fields,
    }
    if took is not None:
        record |= {"EndTime": ms(created_at + took), "FinishTime": ms(created_at + took)}
    return record


def log_file(number: int, started_at: float, ended_at: float, status: str = "COMPLETED") -> Record:
    """A record of a log file."""
    return {
        "BackupSetId": f"log.{number:06}",
        "BackupSetJobId": "job",
        "BackupStatus": status,
        "StartTime": ms(started_at),
        "EndTime": ms(ended_at),
        "BackupSize": 10,
    }


def restore_task(task_id: str, status: str = "running", **fields: Any) -> Record:
    """A record of a restore task."""
    return {"RestoreTaskId": task_id, "RestoreStatus": status, **fields}
