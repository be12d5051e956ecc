"""The simulated cloud, asked directly or over HTTP, for tests of the simulator."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from support.fake_clock import FakeClock
from support.signed_query import signed

from dbs_exporter.simulator import Simulator, World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.changes import WRITES

NOW = 1_790_000_000.0
HOUR = 3_600.0
DAY = 86_400.0

Records = list[dict[str, Any]]


def standing_world(plans: int = 40, **more: Any) -> World:
    """A world at a moment that stands still."""
    clock = FakeClock(NOW)
    return World(plans=plans, clock=clock.now, **more)


def fleet_at(clock: FakeClock, **more: Any) -> World:
    """A world by a clock, whose incidents began at NOW."""
    return World(clock=clock.now, anchor=NOW, **more)


def ask(world: World, operation: str, **params: Any) -> dict[str, Any]:
    """The answer of an operation to the first account."""
    call = READS.get(operation) or WRITES[operation]
    return call(world, world.accounts[0], {name: str(value) for name, value in params.items()})


def all_plans(world: World) -> list[str]:
    """The ids of every plan of every account."""
    return [plan_id for account in world.accounts for plan_id in world.plan_ids(account)]


def records(world: World, operation: str, **params: Any) -> Records:
    """Every record of a list, page by page."""
    found: Records = []
    for number in range(1000):
        items = ask(world, operation, **{"PageSize": 100, "PageNum": number, **params})["Items"]
        if not items:
            return found
        (page,) = items.values()
        found += page
        if len(page) < 100:
            return found
    raise AssertionError("a list without end")


def records_of_ranges(world: World, plan: dict[str, Any]) -> Records:
    """What DescribeRestoreRangeInfo says for the window that the plan list tells."""
    window: dict[str, str] = {
        name: str(plan[name])
        for name in ("BeginTimestampForRestore", "EndTimestampForRestore")
        if name in plan
    }
    if not window:
        return []
    items = ask(world, "DescribeRestoreRangeInfo", BackupPlanId=plan["BackupPlanId"], **window)["Items"]
    return list(items["DBSRecoverRange"]) if items else []


class Cloud:
    """A healthy fleet whose operations are asked directly."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.world = World.healthy(clock=self.clock.now)
        self.plan_id = next(
            plan_id for plan_id in self.world.plan_ids("demo") if self.world.history(plan_id).spec.has_log
        )

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return ask(self.world, operation, **params)

    def plan(self, plan_id: str = "") -> dict[str, Any]:
        found = self.ask("DescribeBackupPlanList", BackupPlanId=plan_id or self.plan_id)
        return dict(found["Items"]["BackupPlanDetail"][0])

    def ranges(self) -> Records:
        return records_of_ranges(self.world, self.plan())

    def sets(self) -> int:
        return int(self.ask("DescribeFullBackupList", BackupPlanId=self.plan_id)["TotalElements"])


def fetch(simulator: Simulator, query: str) -> tuple[int, bytes, dict[str, str]]:
    """(status, body, headers) of a request with that query."""
    request = urllib.request.Request(f"{simulator.url}/?{query}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def regions(simulator: Simulator, **params: str) -> tuple[int, bytes, dict[str, str]]:
    """(status, body, headers) of DescribeRegions."""
    return fetch(simulator, signed({"Action": "DescribeRegions", "Format": "JSON", **params}))


def plan_list(simulator: Simulator) -> dict[str, Any]:
    """The first five plans, as they come over HTTP."""
    query = signed({"Action": "DescribeBackupPlanList", "Format": "JSON", "PageSize": "5"})
    return dict(json.loads(fetch(simulator, query)[1]))


def steer(simulator: Simulator, path: str, method: str = "GET", content: Any = None) -> tuple[int, Any]:
    """(status, answer) of a request that steers the simulator."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{simulator.url}{path}", method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
