"""`drill gateway`: which databases gateways reach, and which of them nobody backs up."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.drilling import DrillGround, ground, write_config

from dbs_exporter.drill.gateway import gateway
from dbs_exporter.errors import DrillError
from dbs_exporter.simulator.gateway_databases import databases_of, plans_behind


def ask(drills: DrillGround, *, yes: bool = True, plan_id: str | None = None) -> dict[str, dict[str, object]]:
    """Run `drill gateway` for all plans; gives each plan's result as a map."""
    values = drills.values(drills.plan("MySQL"), destinations=[])
    values["account"]["plans"] = "all"
    config = write_config(drills.folder, values)
    drills.report = drills.new_report("gateway", yes)
    gateway(drills.cloud(config, writes=yes), config, drills.heard, drills.report, plan_id=plan_id)
    return {
        result.plan_id: {
            "state": result.state,
            "message": result.message,
            "unprotected": result.unprotected,
            "databases": result.databases,
            "seconds": result.answer_seconds,
        }
        for result in drills.report.results
    }


def test_what_gateways_find_is_held_against_the_plans(tmp_path: Path) -> None:
    """A database that no plan backs up is named, one that cannot be reached fails, the system's own count for nothing."""
    drills = ground(tmp_path, plans=40, healthy=False)
    neighbour, unreachable, *others = plans_behind(drills.world.specs("demo"))
    found = ask(drills)

    assert found[neighbour.plan_id]["unprotected"] == ("reporting",)
    assert found[unreachable.plan_id]["state"] == "failed"
    assert "cannot be reached: GetDBListFromAgent: InvalidParameter: The gateway cannot connect" in str(
        found[unreachable.plan_id]["message"]
    )
    assert {found[spec.plan_id]["state"] for spec in (neighbour, *others)} == {"proven"}
    assert {found[spec.plan_id]["unprotected"] for spec in others} == {()}
    assert set(databases_of(neighbour)) < set(found[neighbour.plan_id]["databases"])  # type: ignore[call-overload]
    assert drills.report.exit_code == 9


def test_a_healthy_fleet_is_reached_at_once(tmp_path: Path) -> None:
    """Each gateway answers within seconds, all are asked before the first is waited for, and the exit code is 0."""
    drills = ground(tmp_path)
    begun = drills.clock.monotonic()
    found = ask(drills)

    assert {result["state"] for result in found.values()} == {"proven"}
    assert all(4 <= float(str(result["seconds"])) <= 10 for result in found.values())
    assert drills.clock.monotonic() - begun < 30
    assert drills.report.exit_code == 0


def test_plans_of_one_source_are_asked_for_once(tmp_path: Path) -> None:
    """Two plans of the same database get the same answer, and what either backs up is protected."""
    drills = ground(tmp_path, plans=40, healthy=False)
    neighbour, _, third, *_ = plans_behind(drills.world.specs("demo"))
    drills.world.change_spec(third.plan_id, host=neighbour.host, gateway_id=neighbour.gateway_id, region=neighbour.region,
                             engine=neighbour.engine)  # fmt: skip
    drills.world._index()
    drills.world.change_fields(third.plan_id, {"BackupObjects": '[{"DBName":"reporting"}]'})
    found = ask(drills)

    assert found[neighbour.plan_id]["unprotected"] == found[third.plan_id]["unprotected"] == ()
    assert drills.made == ["CreateGetDBListFromAgentTask"] * (len(found) - 1)


def test_a_plan_that_does_not_say_what_it_backs_up_lets_nothing_be_missing(tmp_path: Path) -> None:
    """Where BackupObjects cannot be read, nothing is said of databases that no plan holds."""
    drills = ground(tmp_path, plans=40, healthy=False)
    neighbour = plans_behind(drills.world.specs("demo"))[0]
    drills.world.change_fields(neighbour.plan_id, {"BackupObjects": "*"})

    assert ask(drills)[neighbour.plan_id]["unprotected"] is None


def test_a_dry_run_asks_no_gateway(tmp_path: Path) -> None:
    """Each question is shown with the plan's own type, address and port, and none is asked."""
    drills = ground(tmp_path)
    ask(drills, yes=False)
    spec = plans_behind(drills.world.specs("demo"))[0]
    shown = [call.parameters for call in drills.heard.calls]

    assert drills.made == []
    assert {
        "BackupGatewayId": str(spec.gateway_id),
        "DatabaseType": spec.engine.database_type,
        "SourceEndpointRegion": spec.region,
        "SourceEndpointIP": spec.host,
        "SourceEndpointPort": str(spec.engine.port),
    } in shown


def test_a_refusal_is_told_with_its_exit_code(tmp_path: Path) -> None:
    """Credentials that may only read cannot ask, and the exit code says so."""
    drills = ground(tmp_path)
    drills.service.set_faults([{"kind": "deny", "operation": "CreateGetDBListFromAgentTask"}])
    found = ask(drills)

    assert {result["state"] for result in found.values()} == {"failed"}
    assert drills.report.exit_code == 3


def test_a_plan_without_a_gateway_is_refused(tmp_path: Path) -> None:
    """There is nothing to ask."""
    drills = ground(tmp_path)
    with pytest.raises(DrillError, match="no selected plan is behind a backup gateway"):
        ask(drills, plan_id=drills.plan("MySQL", source_type="rds").plan_id)
