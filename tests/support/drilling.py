"""Drills against the simulated cloud on a virtual clock, without a network: what their tests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support.simulation import InProcess, InProcessSessions, VirtualClock

from dbs_exporter.config.drill_file import DrillConfig, load_drill_file
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.places import Resolver
from dbs_exporter.drill.restore import restore
from dbs_exporter.drill.results import Command, DrillCall, Report, Result
from dbs_exporter.simulator import Service, World
from dbs_exporter.simulator.fleet import PlanSpec
from dbs_exporter.simulator.tasks import Restore

PASSWORD = "p@ss w0rd+never/seen"
DAY = 86_400.0


class Heard:
    """A listener that keeps what it takes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.calls: list[DrillCall] = []
        self.progress: list[tuple[str, tuple[tuple[str, float], ...]]] = []
        self.on_each_line: Callable[[str], None] = lambda line: None

    def on_line(self, line: str) -> None:
        self.lines.append(line)
        self.on_each_line(line)

    def on_call(self, call: DrillCall) -> None:
        self.calls.append(call)

    def on_progress(self, subject: str, stages: tuple[tuple[str, float], ...]) -> None:
        self.progress.append((subject, stages))

    @property
    def text(self) -> str:
        """Everything as one text."""
        return "\n".join([*self.lines, *map(str, self.calls), *map(repr, self.progress)])


class Commands:
    """Takes the place of the user's commands; `problem` is what they say."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.runs: list[tuple[Sequence[str], dict[str, str]]] = []

    def __call__(
        self, words: Sequence[str], environment: Mapping[str, str], timeout: float, say: Callable[[str], None]
    ) -> str:
        self.runs.append((words, dict(environment)))
        return self.problem


@dataclass
class DrillGround:
    """A simulated account, and drills in it."""

    folder: Path
    world: World
    clock: VirtualClock
    heard: Heard = field(default_factory=Heard)
    commands: Commands = field(default_factory=Commands)
    resolve: Resolver = lambda host: frozenset()
    report: Report = field(
        default_factory=lambda: Report(command="restore", account="prod", is_dry_run=True, at=0.0)
    )

    def __post_init__(self) -> None:
        self.service = Service(self.world, monotonic=self.clock.monotonic)

    @property
    def made(self) -> list[str]:
        """The operations that change something which were sent, in any order, each as often as it was."""
        return sorted(
            name for name in self.service.requests.elements() if not name.startswith(("Describe", "Get"))
        )

    def plan(self, database_type: str, method: str = "", **more: Any) -> PlanSpec:
        """The first healthy plan of that kind."""
        return next(
            spec
            for spec in sorted(self.world.specs("demo"), key=lambda spec: spec.index)
            if spec.engine.database_type == database_type
            and method in ("", spec.engine.method)
            and not spec.incidents
            and all(getattr(spec, name) == value for name, value in more.items())
        )

    def load(self, plan: PlanSpec, destination: Mapping[str, Any] | None = None, **keys: Any) -> DrillConfig:
        """The configuration of a drill of a plan."""
        return write_config(self.folder, self.values(plan, destination, **keys))

    def values(
        self, plan: PlanSpec, destination: Mapping[str, Any] | None = None, **keys: Any
    ) -> dict[str, Any]:
        """The content of such a configuration."""
        account = {
            "name": "prod",
            "regions": "all",
            "plans": [plan.plan_id],
            "endpoint": "http://cloud.test",
            "requests_per_second": 500.0,
            "credentials": {"type": "access_key", "access_key_id": "testak", "access_key_secret": "testsk"},
        }
        place = {
            "name": "spare",
            "database_type": plan.engine.database_type,
            "instance_type": "rds",
            "region": "cn-hangzhou",
            "instance_id": "rm-bp1spare",
            "addresses": ["10.250.0.1"],
            "user": "restorer",
            "password": PASSWORD,
            **(destination or {}),
        }
        return {
            "account": account,
            "destinations": [{key: value for key, value in place.items() if value is not None}],
            **keys,
        }

    def cloud(self, config: DrillConfig, *, writes: bool) -> Cloud:
        """The account as a drill sees it."""
        sessions = InProcessSessions(InProcess(self.service, self.clock), self.clock)
        return Cloud(config.account, self.clock, writes=writes, sessions=sessions)

    def restore(self, config: DrillConfig, *, yes: bool = True, **more: Any) -> list[Result]:
        """Run `drill restore`."""
        self.report = self.new_report("restore", yes)
        restore(
            self.cloud(config, writes=yes),
            config,
            self.heard,
            self.report,
            resolve=self.resolve,
            run=self.commands,
            **more,
        )
        return self.report.results

    def new_report(self, command: Command, yes: bool) -> Report:
        return Report(command=command, account="prod", is_dry_run=not yes, at=self.clock.now())

    def tasks(self, plan: PlanSpec) -> list[Restore]:
        """The restores of a plan that callers created."""
        return [task for task in self.world.created_restores() if task.plan_id == plan.plan_id]


def ground(folder: Path, *, plans: int = 16, healthy: bool = True) -> DrillGround:
    """A simulated account of a fleet without incidents, or with them all."""
    clock = VirtualClock()
    world = World.healthy(plans=plans, clock=clock.now) if healthy else World(plans=plans, clock=clock.now)
    return DrillGround(folder, world, clock)


def write_config(folder: Path, values: Mapping[str, Any]) -> DrillConfig:
    """Write a configuration and load it."""
    path = folder / "drill.yml"
    path.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    return load_drill_file(path, {})
