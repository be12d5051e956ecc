"""The control requests of a running simulator, below `/-/`; unlike the API they need no signature.

GET    /-/healthy       200
GET    /-/requests      the number of calls by operation; DELETE sets it to zero
GET    /-/refused       the number of error answers by code
GET    /-/faults        the kinds of faults and the active faults; POST a list of faults to replace them
GET    /-/incidents     all incidents, the active ones and the plans they affect; POST a list of those to be active, or
                        {"begin": [...], "end": [...]}
POST   /-/limits        calls per second: a number, a map of operation to number, or null
POST   /-/restores      how restores that callers create from now on end: "success", "failed_precheck", "stuck", "failed", "stopped"
DELETE /-/plans/ID      release a plan
GET    /-/credentials   a short-lived key with token, for credentials_uri; ?account=…&seconds=…

This module owns these requests only; it opens no socket, and `service` answers the API.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import uuid4

from dbs_exporter.simulator.faults import KINDS, Faults
from dbs_exporter.simulator.incidents import INCIDENTS
from dbs_exporter.simulator.signatures import Keys
from dbs_exporter.simulator.tasks import RESTORE_ENDS
from dbs_exporter.simulator.world import World

TOKEN_SECONDS = 3600
PLANS = "/-/plans/"
Limits = float | Mapping[str, float] | None
"""Calls per second that each account may make: of every operation, or of those in the map; None for no limit."""


class ControlledSimulator(Protocol):
    """The parts of a running simulator that can be controlled (`service.Simulator`)."""

    world: World
    faults: Faults
    keys: Keys
    requests: Counter[str]
    refused: Counter[str]
    clock: Callable[[], float]

    def set_limits(self, requests_per_second: Limits) -> None:
        """Set the limits that hold from now on."""
        ...


def answer_control(
    simulator: ControlledSimulator, method: str, path: str, query: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, Any]]:
    """Carry out a control request and return (HTTP status, answer)."""
    try:
        content = json.loads(body) if body else None
        if path.startswith(PLANS) and method == "DELETE":
            simulator.world.delete_plan(path.removeprefix(PLANS))
            return 200, {"deleted": path.removeprefix(PLANS)}
        if path == "/-/healthy":
            return 200, {"healthy": True}
        if path == "/-/requests":
            if method == "DELETE":
                simulator.requests.clear()
            return 200, dict(simulator.requests)
        if path == "/-/refused":
            return 200, dict(simulator.refused)
        if path == "/-/faults":
            if method == "POST":
                simulator.faults.replace(content if content is not None else [])
            return 200, {"kinds": list(KINDS), "holding": simulator.faults.active()}
        if path == "/-/incidents":
            if method == "POST":
                _set_incidents(simulator, content)
            world = simulator.world
            return 200, {"incidents": INCIDENTS, "holding": world.incidents, "plans": world.incident_plans}
        if path == "/-/limits" and method == "POST":
            simulator.set_limits(content)
            return 200, {"limits": content}
        if path == "/-/restores" and method == "POST":
            if content not in RESTORE_ENDS:
                raise ValueError(f"restores end by one of {', '.join(RESTORE_ENDS)}")
            simulator.world.restores_end = content
            return 200, {"restores_end": content}
        if path == "/-/credentials":
            return 200, _token(simulator, query)
    except (ValueError, TypeError) as error:
        return 400, {"error": str(error)}
    except KeyError as error:
        return 404, {"error": f"no plan {error}"}
    return 404, {"error": f"nothing at {method} {path}"}


def _set_incidents(simulator: ControlledSimulator, content: Any) -> None:
    world = simulator.world
    if isinstance(content, Mapping):
        if unknown := sorted(set(content) - {"begin", "end"}):
            raise ValueError(f"unknown {', '.join(unknown)}; there are begin and end")
        world.end(*content.get("end", ()))
        world.begin(*content.get("begin", ()))
    elif content is None or isinstance(content, list):
        world.set_incidents(content or ())
    else:
        raise ValueError('incidents are a list of names, or {"begin": [...], "end": [...]}')


def _token(simulator: ControlledSimulator, query: Mapping[str, str]) -> dict[str, Any]:
    account = query.get("account") or simulator.world.accounts[0]
    if account not in simulator.world.accounts:
        raise ValueError(f"no account {account}; there are {', '.join(simulator.world.accounts)}")
    token, key = uuid4().hex, f"STS.{uuid4().hex[:12]}"
    expires_at = simulator.clock() + float(query.get("seconds") or TOKEN_SECONDS)
    simulator.keys.add(key, "sts-secret", account, token, expires_at)
    return {
        "Code": "Success",
        "AccessKeyId": key,
        "AccessKeySecret": "sts-secret",
        "SecurityToken": token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_at)),
    }
