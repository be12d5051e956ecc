"""What steers a running simulator over HTTP; unlike the API it asks for no signature.

GET    /-/healthy       200
GET    /-/requests      how often each operation was asked; DELETE begins anew
GET    /-/refused       how many error answers there were by code
GET    /-/faults        the kinds there are and the faults that hold; POST a list of faults in place of them
GET    /-/incidents     those there are, those that hold and the plans they hit; POST a list of those that shall hold, or
                        {"begin": [...], "end": [...]}
POST   /-/limits        calls per second: a number, a map of operation to number, or null
DELETE /-/plans/ID      release a plan
GET    /-/credentials   a short-lived key with token, for credentials_uri; ?account=…&seconds=…
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
from dbs_exporter.simulator.world import World

TOKEN_SECONDS = 3600
PLANS = "/-/plans/"
Limits = float | Mapping[str, float] | None
"""Calls per second that each account may make of each operation, or of those that are named; None for no limit."""


class Steered(Protocol):
    """What can be steered of a running simulator (`service.Simulator`)."""

    world: World
    faults: Faults
    keys: Keys
    requests: Counter[str]
    refused: Counter[str]
    clock: Callable[[], float]

    def set_limits(self, requests_per_second: Limits) -> None:
        """Throttle from now on."""
        ...


def steer(
    simulator: Steered, method: str, path: str, query: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, Any]]:
    """(HTTP status, answer) of a request to steer."""
    try:
        given = json.loads(body) if body else None
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
                simulator.faults.set(given if given is not None else [])
            return 200, {"kinds": list(KINDS), "holding": simulator.faults.holding()}
        if path == "/-/incidents":
            if method == "POST":
                _switch(simulator, given)
            world = simulator.world
            return 200, {"incidents": INCIDENTS, "holding": world.incidents, "plans": world.incident_plans}
        if path == "/-/limits" and method == "POST":
            simulator.set_limits(given)
            return 200, {"limits": given}
        if path == "/-/credentials":
            return 200, _token(simulator, query)
    except (ValueError, TypeError) as error:
        return 400, {"error": str(error)}
    except KeyError as error:
        return 404, {"error": f"no plan {error}"}
    return 404, {"error": f"nothing at {method} {path}"}


def _switch(simulator: Steered, given: Any) -> None:
    world = simulator.world
    if isinstance(given, Mapping):
        if wrong := sorted(set(given) - {"begin", "end"}):
            raise ValueError(f"unknown {', '.join(wrong)}; there are begin and end")
        world.end(*given.get("end", ()))
        world.begin(*given.get("begin", ()))
    elif given is None or isinstance(given, list):
        world.set_incidents(given or ())
    else:
        raise ValueError('incidents are a list of names, or {"begin": [...], "end": [...]}')


def _token(simulator: Steered, query: Mapping[str, str]) -> dict[str, Any]:
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
