"""What has happened to a plan by now: it never changes, and the log only grows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import DAY, HOUR, NOW, fleet_at, records

from dbs_exporter.simulator import World
from dbs_exporter.simulator.past import NEVER, PlanHistory


def test_the_past_does_not_change() -> None:
    """What has ended stays as it was, second after second; the log only grows and jobs only advance."""
    clock = FakeClock(NOW)
    world = fleet_at(clock)
    rank = {"schedule": 0, "running": 1, "finish": 2, "stop": 2}
    ended: dict[tuple[str, str], dict[str, Any]] = {}
    reached: dict[tuple[str, str], int] = {}
    received: dict[str, int] = {}
    for _ in range(40):
        for plan_id in world.plan_ids("demo")[:12]:
            for record in records(world, "DescribeFullBackupList", BackupPlanId=plan_id):
                key = (plan_id, record["BackupSetId"])
                assert rank[record["BackupStatus"]] >= reached.get(key, 0)
                reached[key] = rank[record["BackupStatus"]]
                if "FinishTime" in record:
                    kept = {name: value for name, value in record.items() if name != "StorageMethod"}
                    assert ended.setdefault(key, kept) == kept
            until = max(
                (
                    record["EndTime"]
                    for record in records(world, "DescribeIncrementBackupList", BackupPlanId=plan_id)
                ),
                default=0,
            )
            assert until >= received.get(plan_id, 0)
            received[plan_id] = until
        clock.advance(1237)


def test_the_log_never_goes_back() -> None:
    """Second after second the received log stands or grows, and is always less than a minute old."""
    clock = FakeClock(NOW)
    world = World.healthy(clock=clock.now)
    plan_id = next(plan_id for plan_id in world.plan_ids("demo") if world.history(plan_id).spec.has_log)
    until = 0.0
    for _ in range(300):
        received = world.history(plan_id).received_until
        assert until <= received <= clock.now()
        assert clock.now() - received < 45
        until = received
        clock.advance(1)


@pytest.fixture
def history() -> PlanHistory:
    """The past of a healthy plan with log."""
    world = World.healthy(clock=lambda: NOW)
    return next(
        history
        for plan_id in world.plan_ids("demo")
        if (history := world.history(plan_id)).spec.has_log and len(history.spec.weekdays) == 7
    )


def test_the_number_of_a_backup_follows_from_its_time_and_back(history: PlanHistory) -> None:
    """A backup's number and the time it was due are two words for the same."""
    for number in history.full_numbers():
        assert history.number_at(history.due(number)) == number
        assert history.number_at(history.due(number) - 1) == number - 1


def test_files_of_the_log_are_one_an_hour_and_without_holes(history: PlanHistory) -> None:
    """Each begins where the one before it ended; only the newest is still being filled."""
    files = [history.log(position) for position in range(history.log_count())]

    assert all(older.ended_at == newer.started_at for older, newer in pairwise(files))
    assert [file.status for file in files[:-1]] == ["COMPLETED"] * (len(files) - 1)
    assert files[-1].status == "FILLING"
    assert files[-1].ended_at == history.received_until
    with pytest.raises(IndexError):
        history.log(len(files))


def test_a_pause_of_the_log_is_a_gap_and_leaves_two_ranges(history: PlanHistory) -> None:
    """What was received before and after a pause can be restored, each from a full backup of its own."""
    begin, end = NOW - 3 * DAY, NOW - 3 * DAY + 5 * HOUR
    paused = PlanHistory(history.seed, history.spec, history.now, history.anchor, (), ((begin, end),))
    (_, first_end), (second_begin, _) = paused.log_stretches()

    assert (first_end, second_begin) == (begin, end)
    assert len(paused.ranges()) == 2
    forever = PlanHistory(history.seed, history.spec, history.now, history.anchor, (), ((begin, NEVER),))
    assert forever.log_stretches()[-1][1] == begin
    assert forever.log(forever.log_count() - 1).status == "UNCOMPLETED"
