"""Steering a running simulator over HTTP: incidents, faults, limits, counts, plans and tokens."""

from __future__ import annotations

from support.simulated_cloud import regions, steer

from dbs_exporter.simulator import INCIDENTS, Simulator, World, start_simulator
from dbs_exporter.simulator.faults import KINDS


def test_the_simulator_is_steered_over_http() -> None:
    """Faults, incidents, plans, counts and tokens have addresses of their own."""
    with start_simulator(World()) as running:
        deleted = running.world.plan_ids("demo")[0]

        assert steer(running, "/-/healthy") == (200, {"healthy": True})
        assert steer(running, "/-/faults")[1]["kinds"] == list(KINDS)
        assert set(steer(running, "/-/incidents")[1]["holding"]) == set(INCIDENTS)
        assert steer(running, "/-/incidents", "POST", ["locked_plan"])[1]["holding"] == ["locked_plan"]
        assert steer(running, "/-/incidents", "POST", ["meteor"])[0] == 400
        assert steer(running, f"/-/plans/{deleted}", "DELETE")[0] == 200
        assert steer(running, f"/-/plans/{deleted}", "DELETE")[0] == 404
        assert steer(running, "/-/nothing")[0] == 404
        assert deleted not in running.world.plan_ids("demo")
        token = steer(running, "/-/credentials")[1]
        assert token["SecurityToken"]
        regions(running)
        assert steer(running, "/-/requests")[1] == {"DescribeRegions": 1}


def test_incidents_begin_and_end_over_http(two_accounts: Simulator) -> None:
    """One at a time, beside replacing them all; what is wrong is told."""
    path = "/-/incidents"
    begun = steer(two_accounts, path, "POST", {"begin": ["locked_plan", "log_hole"]})[1]

    assert set(begun["holding"]) == {"locked_plan", "log_hole"}
    assert len(begun["plans"]["locked_plan"]) == 2
    assert begun["incidents"]["log_hole"]
    assert steer(two_accounts, path, "POST", {"end": ["log_hole"]})[1]["holding"] == ["locked_plan"]
    assert steer(two_accounts, path, "POST", {"stop": []})[0] == 400
    assert steer(two_accounts, path, "POST", "locked_plan")[0] == 400
    assert steer(two_accounts, path, "POST", {"begin": ["fire"]})[0] == 400


def test_what_holds_is_told(two_accounts: Simulator) -> None:
    """Faults in force, counts and their reset, limits, tokens of an account."""
    steer(two_accounts, "/-/faults", "POST", [{"kind": "deny", "times": 2}])
    holding = steer(two_accounts, "/-/faults")[1]["holding"]

    assert [(fault["kind"], fault["times"]) for fault in holding] == [("deny", 2)]
    assert steer(two_accounts, "/-/limits", "POST", {"DescribeRegions": 1})[0] == 200
    assert steer(two_accounts, "/-/limits", "POST", "fast")[0] == 400
    assert steer(two_accounts, "/-/restores", "POST", "stuck") == (200, {"restores_end": "stuck"})
    assert steer(two_accounts, "/-/restores", "POST", "well")[0] == 400
    two_accounts.count("DescribeRegions")
    assert steer(two_accounts, "/-/requests")[1] == {"DescribeRegions": 1}
    assert steer(two_accounts, "/-/requests", "DELETE")[1] == {}
    assert steer(two_accounts, "/-/refused")[1] == {}
    token = steer(two_accounts, "/-/credentials?account=two&seconds=60")[1]
    now = two_accounts.clock()
    assert two_accounts.keys.secret(token["AccessKeyId"], token["SecurityToken"], now)[1] == "two"
    assert steer(two_accounts, "/-/credentials?account=three")[0] == 400
