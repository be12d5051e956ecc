"""Each incident as an operator would see it, and what is left when it ends."""

from __future__ import annotations

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import DAY, HOUR, NOW, all_plans, ask, fleet_at, records, standing_world

from dbs_exporter.simulator import INCIDENTS, World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.incidents import FAILURES, incidents_by_index
from dbs_exporter.simulator.past import PlanHistory


def sizes(history: PlanHistory) -> list[int]:
    return [
        backup.size_bytes for backup in map(history.full, history.full_numbers()) if backup.status == "finish"
    ]


def statuses(history: PlanHistory) -> list[str]:
    return [history.full(number).status for number in history.full_numbers()]


@pytest.fixture(params=[0.0, 0.3, 0.6, 0.9])
def begun(request: pytest.FixtureRequest) -> tuple[World, FakeClock]:
    """Begin all incidents at different hours of a day."""
    clock = FakeClock(NOW + request.param * DAY)
    return World(clock=clock.now), clock


def test_every_incident_has_its_plans_and_can_be_mended() -> None:
    """Each incident hits a plan or two of the default fleet; switched off, those plans are as healthy as the rest."""
    world = standing_world()

    assert set(world.incident_plans) == set(INCIDENTS)
    assert len(world.incident_plans["offline_gateway"]) == 2
    hit = {plan_id for plans in world.incident_plans.values() for plan_id in plans}
    assert len(hit) <= len(all_plans(world)) / 2
    world.set_incidents([])
    assert world.incidents == ()
    for plan_id in hit:
        assert world.history(plan_id).window() is not None


def test_each_incident_is_what_it_says(begun: tuple[World, FakeClock]) -> None:
    """Every incident shows on the plans it names, at whatever hour it began."""
    world, clock = begun
    now = clock.now()
    hit = {
        name: [world.history(plan_id) for plan_id in plans] for name, plans in world.incident_plans.items()
    }

    def first(name: str) -> PlanHistory:
        return hit[name][0]

    def lag(name: str) -> float:
        return now - first(name).log_stretches()[-1][1]

    assert lag("log_backup_paused") == pytest.approx(3 * HOUR, abs=60)
    clock.advance(600)
    single, repeated = (
        statuses(world.history(first(name).spec.plan_id))
        for name in ("failed_full_backup", "repeatedly_failing_full_backup")
    )
    assert single.count("stop") == 1
    assert "stop" in single[-2:]
    assert repeated.count("stop") in (4, 5)
    assert repeated[-4:].count("stop") >= 3
    missed = first("missed_schedule")
    assert missed.number_at(now) - missed.full_numbers()[-1] == 2
    shrunken = sizes(first("shrunken_backup"))
    assert min(shrunken) < 0.2 * max(shrunken)
    assert not world.log_enabled(first("log_backup_paused").spec)
    assert len(first("log_hole").ranges()) == 2
    (_, hole_begins), (hole_ends, _) = first("log_hole").ranges()
    assert 2 * HOUR <= hole_ends - hole_begins < 12 * HOUR
    assert lag("offline_gateway") == pytest.approx(2 * HOUR, abs=60)
    offline = world.gateway(first("offline_gateway").spec.gateway_id)
    assert offline is not None
    assert world.gateway_offline_since(offline) == now - 2 * HOUR
    stuck = world.restores(first("stuck_restore").spec.plan_id)[-1].at(now)
    assert stuck[0] == "running"
    assert 43 in stuck[2].values()
    assert world.status_of(first("failed_precheck").spec) == "init"
    assert world.status_of(first("locked_plan").spec) == "locked"
    assert world.status_of(first("paused_plan").spec) == "pause"
    assert lag("paused_plan") == pytest.approx(3 * HOUR, abs=60)
    assert not first("failing_without_log").spec.has_log
    assert statuses(first("failing_without_log"))[-3:].count("stop") == 2
    assert statuses(first("stuck_in_schedule"))[-1] == "schedule"
    assert (
        now - first("stuck_in_schedule").full(first("stuck_in_schedule").full_numbers()[-1]).created_at
        > 2 * DAY
    )
    expiring = first("last_good_expiring").newest_finished()
    assert expiring is not None
    assert 5 * HOUR < expiring.expires_at - now < 31 * HOUR
    assert set(statuses(first("never_succeeded"))) <= {"stop", "running", "schedule"}
    assert first("never_succeeded").window() is None
    assert "stop" in [task.at(now)[0] for task in world.restores(first("failed_restore").spec.plan_id)]
    assert "stop" in [task.at(now)[0] for task in world.downloads(first("failed_download").spec.plan_id)]
    prepaid = next(
        plan
        for plan in records(world, "DescribeBackupPlanList")
        if plan["BackupPlanId"] == first("expiring_prepaid_plan").spec.plan_id
    )
    assert prepaid["InstanceExpiredTimestamp"] / 1000 - now == pytest.approx(2 * DAY)


def test_a_failed_backup_is_followed_by_a_good_one() -> None:
    """A single failure mends itself with the next run; its error code is told while it stands."""
    clock = FakeClock(NOW)
    world = fleet_at(clock, incidents=("failed_full_backup",))
    (plan_id,) = world.incident_plans["failed_full_backup"]
    clock.advance(1000)
    history = world.history(plan_id)
    failed = history.set_id(history.full_numbers()[-1])
    answer = READS["DescribeJobErrorCode"](world, "demo", {"TaskId": failed})["Item"]
    clock.advance(DAY)

    assert (answer["JobState"], answer["ErrorCode"]) == ("stop", "DBS.SourceAccessDenied")
    assert statuses(world.history(plan_id))[-2:] == ["stop", "finish"]
    good = world.history(plan_id).set_id(history.full_numbers()[-1] + 1)
    assert "ErrorCode" not in READS["DescribeJobErrorCode"](world, "demo", {"TaskId": good})["Item"]


def test_incidents_name_what_an_operator_sees() -> None:
    """Each has a sentence, and hits other plans than the others."""
    world = World(clock=lambda: NOW)
    plan_ids = [plan_id for name in INCIDENTS for plan_id in world.incident_plans[name]]

    assert len(plan_ids) == len(set(plan_ids))
    assert all(len(text) > 20 for text in INCIDENTS.values())


@pytest.mark.parametrize("plans", [0, 1, 15, 40, 1000])
def test_a_fleet_of_any_size_has_as_many_incidents_as_fit(plans: int) -> None:
    """Each incident has a plan of its own, the offline gateway two; a small fleet has the first of them."""
    found = incidents_by_index(plans)

    assert all(index < plans for index in found)
    names = [*INCIDENTS]
    # Those that came later are behind the second, so that a fleet keeps its plans.
    names.insert(names.index("orphaned_job") + 1, "offline_gateway")
    assert list(found.values()) == names[: len(found)]
    assert len(found) == min(max(0, plans - 1), len(INCIDENTS) + 1)
    assert set(FAILURES) <= set(INCIDENTS)


def test_an_orphaned_job_runs_for_ever(begun: tuple[World, FakeClock]) -> None:
    """A job that was killed in flight stays listed as running, behind newer ones that have ended."""
    world, _ = begun
    (plan_id,) = world.incident_plans["orphaned_job"]
    *_, orphan, third, second, _newest = statuses(world.history(plan_id))

    assert orphan == "running"
    assert {third, second} == {"finish"}


def test_plans_behind_a_gateway_that_is_back_catch_up() -> None:
    """Their log goes on where it stopped and reaches the present when the time for it is over."""
    clock = FakeClock(NOW)
    world = fleet_at(clock, incidents=("offline_gateway",))
    world.catch_up_seconds = 600.0
    plan_id = world.incident_plans["offline_gateway"][0]
    stopped = world.history(plan_id).log_stretches()[-1][1]
    world.set_incidents(())
    ends = []
    for _ in range(3):
        ends.append(world.history(plan_id).log_stretches()[-1][1])
        clock.advance(300)

    assert ends[0] == pytest.approx(stopped, abs=60)
    assert ends[1] == pytest.approx(NOW - 2 * HOUR + (2 * HOUR + 300) / 2, abs=60)
    assert ends[2] == pytest.approx(NOW + 600, abs=60)


def test_a_paused_log_is_mended_by_switching_it_on() -> None:
    """Log comes again from then on, what was missed stays a hole, other incidents hold; begun anew, it is paused again."""
    clock = FakeClock(NOW)
    world = World(clock=clock.now, anchor=NOW)
    (plan_id,) = world.incident_plans["log_backup_paused"]
    clock.advance(HOUR)
    ask(world, "EnableBackupLog", BackupPlanId=plan_id)
    clock.advance(HOUR)
    gaps, stretches = world.history(plan_id).log_gaps(), world.history(plan_id).log_stretches()

    assert world.log_enabled(world.history(plan_id).spec)
    assert gaps == [(NOW - 3 * HOUR, NOW + HOUR)]
    assert stretches[-1][0] == NOW + HOUR
    assert world.history(world.incident_plans["failed_full_backup"][0]).spec.incidents
    assert "log_backup_paused" not in world.incidents
    world.begin("log_backup_paused")
    assert not world.log_enabled(world.history(plan_id).spec)
