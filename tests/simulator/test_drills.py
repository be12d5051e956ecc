"""The tasks that a fleet has without callers: drills, audits, automatic downloads, and what incidents add."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import DAY, HOUR, NOW, fleet_at

from dbs_exporter.simulator import World, drills
from dbs_exporter.simulator.drills import DRILL_EVERY_DAYS, DRILLS_LISTED


def healthy() -> World:
    """A fleet without incidents."""
    return World.healthy(clock=lambda: NOW)


def test_nine_plans_of_ten_prove_a_restore_each_month() -> None:
    """The last three drills are listed, a month apart, oldest first; the tenth plan never restores anything."""
    world = healthy()
    for plan_id in world.plan_ids("demo"):
        history = world.history(plan_id)
        made = [task.created_at for task in drills.restores(history)]
        if history.spec.index % 10 == 9:
            assert made == []
            continue
        assert len(made) == DRILLS_LISTED
        assert [later - sooner for sooner, later in pairwise(made)] == [
            pytest.approx(DRILL_EVERY_DAYS * DAY)
        ] * (DRILLS_LISTED - 1)
        assert NOW - DRILL_EVERY_DAYS * DAY < made[-1] <= NOW


def test_a_drill_keeps_its_id_as_time_passes() -> None:
    """A task that was listed yesterday is the same one today."""
    clock = FakeClock(NOW)
    world = fleet_at(clock, incidents=())
    plan_id = world.plan_ids("demo")[0]
    before = {task.task_id: task.created_at for task in world.restores(plan_id)}
    clock.advance(20 * DAY)
    after = {task.task_id: task.created_at for task in world.restores(plan_id)}

    assert len(before.keys() & after.keys()) >= DRILLS_LISTED - 1
    assert all(after[task_id] == before[task_id] for task_id in before.keys() & after.keys())


def test_automatic_downloads_follow_full_backups() -> None:
    """The newest good sets are downloaded to a gateway half a minute after they were done."""
    world = healthy()
    plan_id = next(
        plan_id
        for plan_id in world.plan_ids("demo")
        if drills.has_automatic_download(world.history(plan_id).spec)
    )
    history = world.history(plan_id)
    downloads = drills.downloads(history, 77)
    sets = {backup.set_id: backup for backup in map(history.full, history.full_numbers())}

    assert 3 <= len(downloads) <= 4
    for download in downloads:
        assert (download.way, download.gateway_id) == ("auto", 77)
        assert download.created_at == (sets[download.set_id].finished_at or 0) + 30


@pytest.mark.parametrize(
    ("incident", "hours"), [("stuck_restore", 5), ("failed_restore", 2), ("failed_download", 3)]
)
def test_an_incident_adds_its_own_task(incident: str, hours: int) -> None:
    """It began some hours before the incident was seen, and is the newest of its plan."""
    world = fleet_at(FakeClock(NOW), incidents=(incident,))
    (plan_id,) = world.incident_plans[incident]
    tasks = world.downloads(plan_id) if "download" in incident else world.restores(plan_id)

    assert tasks[-1].created_at == NOW - hours * HOUR
    assert tasks[-1].failed is incident.startswith("failed")


def test_a_plan_that_never_had_a_backup_restores_nothing() -> None:
    """There is nothing to restore."""
    world = fleet_at(FakeClock(NOW))
    for incident in ("failed_precheck", "never_succeeded"):
        assert world.restores(world.incident_plans[incident][0]) == []
