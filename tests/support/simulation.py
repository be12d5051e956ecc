"""The exporter over a simulated cloud on a virtual clock: its real queue, collectors, client and wire, days in minutes.

There are no threads, no waiting and no network; calls cost virtual latency. `Watch` notes what an operator would feel.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from dbs_exporter.api.client import Call, Client
from dbs_exporter.api.credentials.types import Credentials
from dbs_exporter.api.pacing import Pacer
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.api.transport import Sessions
from dbs_exporter.collectors.base import PlanCollector
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.freshness import RECOVERY, fresh_until
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.objectives import objectives_for
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import PlanSubject, Scope, SubjectKey
from dbs_exporter.polling.account_poller import Account
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.scheduler import Scheduler
from dbs_exporter.polling.store import Store
from dbs_exporter.polling.target import Ages, Target
from dbs_exporter.polling.workers import Task
from dbs_exporter.simulator import Assumptions, FleetShape, Service, World
from dbs_exporter.state.saved import State

HOUR = 3_600
LATENCY_SECONDS = 0.08
REGION = "cn-hangzhou"
ACCOUNT = "demo"
BEGIN = float(1_790_000_000 // 86_400 * 86_400 + 18 * HOUR)
"""Six in the evening, UTC."""


class VirtualClock:
    """Time that passes only when it is slept away."""

    def __init__(self, begin: float = BEGIN) -> None:
        self._begin = begin
        self._passed = 0.0

    def now(self) -> float:
        return self._begin + self._passed

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> bool:
        self._passed += max(0.0, seconds)
        return False


class InProcess(BaseAdapter):
    """Carries a request to the simulator as its bytes would arrive there, and the answer back."""

    def __init__(self, service: Service, clock: VirtualClock) -> None:
        super().__init__()
        self._service = service
        self._clock = clock

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self._clock.sleep(LATENCY_SECONDS)
        url = urlsplit(str(request.url))
        body = request.body or b""
        reply = self._service.respond(
            str(request.method),
            url.path,
            url.query,
            dict(request.headers),
            body.encode() if isinstance(body, str) else body,
        )
        headers = {
            **reply.headers,
            "Content-Length": str(len(reply.body)),
            "Content-Type": reply.content_type,
        }
        response = requests.Response()
        response.status_code = reply.status
        response.reason = responses.get(reply.status, "")
        response.headers.update(headers)
        response.raw = HTTPResponse(
            io.BytesIO(reply.body), headers=headers, status=reply.status, preload_content=False
        )
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        pass


class InProcessSessions(Sessions):
    """One session, which goes to the simulator without a network."""

    def __init__(self, adapter: BaseAdapter, clock: VirtualClock) -> None:
        super().__init__(clock)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", adapter)

    def current(self) -> requests.Session:
        return self._session


class _Keys:
    """Credentials that never change."""

    def get(self) -> Credentials:
        return Credentials(access_key_id="testak", access_key_secret="testsk")


class Inline:
    """Carries a task out as it is submitted."""

    most = 1

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


@dataclass
class Watch:
    """Everything that a simulation measures, in Unix seconds of its clock."""

    clock: VirtualClock
    calls: Counter[str] = field(default_factory=Counter)
    call_times: list[float] = field(default_factory=list)
    """Since the beginning, in seconds."""
    seen_ended: dict[tuple[str, str], float] = field(default_factory=dict)
    """(plan, set) -> when its end was first seen."""
    first_read: dict[str, float] = field(default_factory=dict)
    first_point: dict[str, float] = field(default_factory=dict)
    stretch: float = 1.0
    stretches: list[float] = field(default_factory=list)
    """Each minute."""
    broken: list[str] = field(default_factory=list)
    """Promises that ended before they were kept, while the stretch said 1."""
    broken_stretched: list[str] = field(default_factory=list)
    """The same while it said more."""
    unknown: Counter[int] = field(default_factory=Counter)
    """Minute -> plans whose recovery point, or whose full backups, count as unknown then."""
    recovery_ages: list[float] = field(default_factory=list)
    """Each minute, of a plan in ten: how old what is known of the recovery point is."""
    restore_delays: list[float] = field(default_factory=list)
    """From the creation of a restore task until it is known."""
    restore_gaps: list[float] = field(default_factory=list)
    """Between two readings of a restore that runs."""
    _seen_restores: dict[str, float] = field(default_factory=dict)
    _late: set[tuple[SubjectKey, str, float]] = field(default_factory=set)
    _before: dict[SubjectKey, PlanSubject] = field(default_factory=dict)

    def on_call(self, call: Call) -> None:
        """Note an attempt at a call."""
        self.calls[call.operation] += 1
        self.call_times.append(self.clock.monotonic())

    def subject(self, plan_id: str) -> PlanSubject | None:
        """Return what is known of a plan."""
        return self._before.get((ACCOUNT, REGION, plan_id))

    def on_subject(self, key: SubjectKey, subject: Any) -> None:
        """Note what became known."""
        if not isinstance(subject, PlanSubject):
            return
        now = self.clock.now()
        before = self._before.get(key)
        self._before[key] = subject
        if before is not None:
            for facts, until in fresh_until(before).items():
                # What was never read yet is not known, and as old as the list that shows the plan; nobody promised it.
                promised = until != before.listed_at
                if promised and until < now and fresh_until(subject).get(facts, until) > until:
                    self._on_late(key, facts, until, now)
        if subject.plan.restore_end_at is not None:
            self.first_point.setdefault(key[2], now)
        history = subject.get(FULL_BACKUPS)
        if history is not None and (before is None or before.get(FULL_BACKUPS) is not history):
            self.first_read.setdefault(key[2], now)
            for backup in (history.last_success, history.last_attempt):
                if backup is not None and backup.ended_at is not None:
                    self.seen_ended.setdefault((key[2], backup.backup_set_id), now)
        restores = subject.get(RESTORES)
        if restores is not None and (before is None or before.get(RESTORES) is not restores):
            for task in restores.tasks:
                last = self._seen_restores.get(task.task_id)
                if last is None and task.created_at is not None and task.created_at > BEGIN:
                    self.restore_delays.append(now - task.created_at)
                elif last is not None and task.finished_at is None:
                    self.restore_gaps.append(now - last)
                self._seen_restores[task.task_id] = now

    def each_minute(self, now: float) -> None:
        """Look at all plans: what counts as unknown, and how old the rest is."""
        minute = int((now - BEGIN) // 60)
        for number, (key, subject) in enumerate(self._before.items()):
            until = fresh_until(subject)
            for facts, at in until.items():
                if at < now and at != subject.listed_at:
                    self._on_late(key, facts, at, now)
            if until.get(RECOVERY, 0.0) < now or until.get(FULL_BACKUPS.name, 0.0) < now:
                self.unknown[minute] += 1
            if not number % 10 and subject.listed_at is not None:
                self.recovery_ages.append(now - subject.listed_at)

    def _on_late(self, key: SubjectKey, facts: str, until: float, now: float) -> None:
        if (key, facts, until) not in self._late:
            self._late.add((key, facts, until))
            found = self.broken if self.stretch == 1.0 else self.broken_stretched
            found.append(f"{now - BEGIN:.0f} s: {key[2]} {facts}: {now - until:.0f} s late")


@dataclass
class Simulation:
    """An exporter over a world, without threads; `run` lets time pass."""

    world: World
    clock: VirtualClock
    rate: float = 5.0
    faults: tuple[dict[str, Any], ...] = ()
    state_path: str | None = None
    """Where the state is saved, each minute."""

    def __post_init__(self) -> None:
        self.watch = Watch(self.clock)
        self.service = Service(self.world, faults=self.faults, monotonic=self.clock.monotonic)
        self.runner = Inline()
        self.store = Store(objectives_for(()))
        self.store.subscribe(self.watch.on_subject)
        self.outcomes = Outcomes(self.clock)
        self.pacer = Pacer(self.rate, 4, self.clock)
        self.time = ServerTime(self.clock)
        self.state: State | None = None
        if self.state_path is not None:
            groups = [collector.group for collector in TABLE]
            self.state = State(self.state_path, groups, counters=self.store, clock=self.clock)
            self.store.subscribe(self.state.update)
        scope = Scope(account=ACCOUNT, region=REGION)
        client = Client(
            scope,
            "http://dbs.example",
            _Keys(),
            self.pacer,
            self.clock,
            10.0,
            self.watch.on_call,
            sessions=InProcessSessions(InProcess(self.service, self.clock), self.clock),
            time=self.time,
        )
        ages = {
            collector.name: Ages(
                interval=collector.interval_seconds,
                at_rest=collector.at_rest_seconds
                if isinstance(collector, PlanCollector)
                else collector.interval_seconds,
            )
            for collector in TABLE
            if collector.enabled and collector.level != "account"
        }
        self.scheduler = Scheduler(
            store=self.store,
            outcomes=self.outcomes,
            clock=self.clock,
            runner=self.runner,
            memory=self.state,
        )
        target = Target(
            scope=scope,
            api=client,
            rate=self.pacer,
            time=self.time,
            concurrency=4,
            collectors=ages,
            selects=lambda _plan: True,
            fingerprint=None,
        )
        if self.state is not None:
            self.state.learns_from(self.scheduler.learned)
        self.scheduler.apply(
            [
                Account(
                    name=ACCOUNT,
                    target=lambda _region: target,
                    regions=(REGION,),
                    home=REGION,
                    api=client,
                    time=self.time,
                    intervals={},
                )
            ]
        )

    def save(self) -> None:
        """Save the state."""
        if self.state is not None:
            self.state.save()

    def restarted(self, away_seconds: float = 1.0) -> Simulation:
        """Return the exporter that is started after this one has ended, so many seconds later."""
        assert self.state is not None
        self.state.close()
        self.scheduler.close()
        self.clock.sleep(away_seconds)
        return Simulation(self.world, self.clock, self.rate, self.faults, self.state_path)

    def run(self, seconds: float, at: Callable[[float], None] = lambda _now: None) -> None:
        """Let time pass; `at` is called every minute."""
        end = self.clock.monotonic() + seconds
        tick = self.clock.monotonic()
        while (now := self.clock.monotonic()) < end:
            if now >= tick:
                budgets = self.scheduler.budgets()
                self.watch.stretch = budgets[0].stretch if budgets else 1.0
                self.watch.stretches.append(self.watch.stretch)
                self.watch.each_minute(self.clock.now())
                at(self.clock.now())
                self.save()
                tick += 60.0
            before = self.runner.tasks
            following = self.scheduler.dispatcher.step(now)
            if self.runner.tasks == before:
                until = min(end, tick, end if following is None else following)
                self.clock.sleep(max(1e-3, until - self.clock.monotonic()))


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A fleet to be simulated: plans in a region, and how their backups behave."""

    plans: int
    usual_seconds: float
    spread_minutes: int = 120
    start_minute: int = 22 * 60
    assumptions: Assumptions = field(default_factory=Assumptions)
    log_file_seconds: int = HOUR
    rate: float = 5.0
    idle: bool = False
    """Its plans are stopped and back nothing up."""
    faults: tuple[dict[str, Any], ...] = ()
    """Of the simulated API; not those of the connection."""


def simulated(fleet: Fleet, state_path: str | None = None) -> Simulation:
    """Return an exporter over a fleet, before its first call."""
    clock = VirtualClock()
    shape = FleetShape(
        regions=(REGION,),
        start_minute=fleet.start_minute,
        start_spread_minutes=fleet.spread_minutes,
        backup_seconds=fleet.usual_seconds,
        failing_share=0.1,
        log_file_seconds=fleet.log_file_seconds,
    )
    world = World.healthy(plans=fleet.plans, clock=clock.now, shape=shape, assumptions=fleet.assumptions)
    for plan_id in world.plan_ids(ACCOUNT, REGION) if fleet.idle else ():
        world.set_status(plan_id, "stop")
    return Simulation(world, clock, fleet.rate, fleet.faults, state_path)


def notices(simulation: Simulation, since: float) -> list[float]:
    """Return how long after its end each full backup was known to have ended.

    Of those that ended since then (Unix seconds), and an hour before the simulation's end; one that is not known counts until then.
    """
    world, watch, now = simulation.world, simulation.watch, simulation.clock.now()
    delays = []
    for plan_id in world.plan_ids(ACCOUNT, REGION):
        history = world.history(plan_id)
        for number in history.full_numbers()[-3:]:
            backup = history.full(number)
            if backup.finished_at is not None and since <= backup.finished_at <= now - HOUR:
                delays.append(watch.seen_ended.get((plan_id, backup.set_id), now) - backup.finished_at)
    return delays


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def busiest_minute(call_times: Iterable[float]) -> int:
    """Return the most calls in sixty seconds; `call_times` are in order."""
    times = list(call_times)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - 60.0:
            first += 1
        most = max(most, last - first + 1)
    return most
