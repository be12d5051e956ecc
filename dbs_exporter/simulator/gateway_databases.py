"""The databases behind gateways, as a gateway that looks for them finds them.

A gateway sees what its plans back up, and the system's own databases. In a fleet with incidents the first healthy plan behind a
gateway has a neighbour that no plan backs up, and the second one's database cannot be reached. What is found is a function of the
request and the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from dbs_exporter.simulator.fleet import PlanSpec

FIRST_TASK = 123_456
ANSWER_SECONDS = 4
"""So long a gateway looks before it answers."""
NEIGHBOUR = "reporting"
"""A database that no plan backs up."""
SYSTEM = {
    "MySQL": ("information_schema", "mysql", "performance_schema", "sys"),
    "PostgreSQL": ("postgres", "template0", "template1"),
    "MSSQL": ("master", "model", "msdb", "tempdb"),
    "MongoDB": ("admin", "config", "local"),
    "Oracle": ("SYS", "SYSTEM"),
    "Redis": (),
}


class Looks:
    """The requests to gateways to look for databases, by the ids of their tasks; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: list[tuple[float, dict[str, str]]] = []

    def add(self, params: Mapping[str, str], at: float | None = None) -> int:
        """Keep a request that came at a time, by default now, and return its task's id."""
        with self._lock:
            self._requests.append((self._clock() if at is None else at, dict(params)))
            return FIRST_TASK + len(self._requests) - 1

    def get(self, task_id: int) -> tuple[float, dict[str, str]] | None:
        """Return when a request came, and what it asked; None if there is no such task."""
        with self._lock:
            number = task_id - FIRST_TASK
            return self._requests[number] if 0 <= number < len(self._requests) else None


def plans_behind(specs: Iterable[PlanSpec]) -> list[PlanSpec]:
    """Return the healthy plans whose databases are behind gateways, by their number."""
    return sorted(
        (spec for spec in specs if spec.source_type == "agent" and not spec.incidents),
        key=lambda spec: spec.index,
    )


def databases_of(spec: PlanSpec) -> list[str]:
    """Return the databases that a plan backs up."""
    return [f"app_{number}" for number in range(1 + spec.index % 4)]


def found(specs: Iterable[PlanSpec], params: Mapping[str, str], *, is_odd: bool) -> list[str] | None:
    """Return the databases at a request's address as its gateway sees them, None if nothing answers there.

    `is_odd` is whether the fleet has a database that no plan backs up and one that cannot be reached.
    """
    behind = plans_behind(specs)
    address = (
        params.get("BackupGatewayId"),
        params.get("SourceEndpointIP"),
        params.get("SourceEndpointPort"),
    )
    there = [spec for spec in behind if (str(spec.gateway_id), spec.host, str(spec.engine.port)) == address]
    if not there or (is_odd and len(behind) > 1 and behind[1] in there):
        return None
    names = {name for spec in there for name in databases_of(spec)}
    if is_odd and behind[0] in there:
        names.add(NEIGHBOUR)
    return sorted(names | set(SYSTEM.get(there[0].engine.database_type, ())))
