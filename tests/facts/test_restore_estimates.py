"""How long a restore would take: by known proofs, and by simulated restores whose pace is known."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.page_plans import GOOD, HOUR, NOW, with_backups, with_group, with_plan
from support.simulated_cloud import ask
from support.simulation import ACCOUNT, Fleet, simulated

from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, full_backup_history
from dbs_exporter.facts.groups import with_facts
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.noticed import RESTORE_SLOW, noticing
from dbs_exporter.facts.restore_estimates import proofs_of, restore_estimate
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import (
    RESTORES,
    RestoreHistory,
    RestoreTask,
    restore_history,
    running_key,
    waiting_key,
)
from dbs_exporter.facts.subjects import PlanSubject, Proof
from dbs_exporter.simulator.tasks import Restore

NEWEST = NOW - HOUR
"""When the newest set of GOOD ended; it has 1000 bytes."""


def proof(task_id: str, seconds: float, size: int = 1000, log: float = 0.0, **changes: Any) -> Proof:
    """A restore that worked."""
    known = Proof(
        task_id=task_id,
        finished_at=NOW - HOUR,
        destination_type="rds",
        seconds=seconds,
        size_bytes=size,
        log_seconds=log,
    )
    return replace(known, **changes)


def proven(*proofs: Proof, log: float = 0.0) -> PlanSubject:
    """A plan with proofs, whose log goes so far beyond its newest set."""
    plan = with_group(with_plan(GOOD, source_type="rds"), RANGES, ())
    spans = ((NEWEST - HOUR, NEWEST + log),) if log else ()
    plan = with_group(
        with_backups(plan, points=((NEWEST, NOW + HOUR),)), LOG_BACKUPS, LogHistory(spans=spans)
    )
    return replace(plan, proofs=proofs)


def seconds(subject: PlanSubject) -> float | None:
    """The estimate alone."""
    estimate = restore_estimate(subject)
    return None if estimate is None else round(estimate.seconds, 6)


@pytest.mark.parametrize(
    ("proofs", "log", "expected"),
    [
        ([proof("a", 50.0, size=500)], 0.0, 100.0),
        ([proof("a", 50.0, size=500), proof("b", 300.0, size=2000)], 0.0, 150.0),
        # 40 s for 1000 bytes leave 20 s for ten minutes of log.
        ([proof("a", 40.0), proof("b", 60.0, log=600.0)], 1800.0, 100.0),
        # Log that costs less than nothing costs nothing.
        ([proof("a", 40.0), proof("b", 30.0, log=600.0)], 1800.0, 40.0),
        # What cannot be separated grows as the faster growing of the two.
        ([proof("a", 60.0, log=600.0)], 1800.0, 180.0),
        ([proof("a", 60.0, size=100, log=600.0)], 1800.0, 600.0),
    ],
)
def test_a_restore_takes_as_long_as_the_slowest_scaled_to_what_there_is_now(
    proofs: list[Proof], log: float, expected: float
) -> None:
    """By the bytes of the set and the seconds of log after it."""
    assert seconds(proven(*proofs, log=log)) == expected


def test_log_that_no_proof_replayed_is_left_out_and_reported() -> None:
    """The estimate is of the set alone then."""
    estimate = restore_estimate(proven(proof("a", 50.0), log=1800.0))

    assert estimate is not None
    assert (estimate.seconds, estimate.is_log_known, estimate.proofs, estimate.proven_at) == (
        50.0,
        False,
        1,
        NOW - HOUR,
    )
    known = restore_estimate(proven(proof("a", 50.0)))
    assert known is not None
    assert known.is_log_known


def test_there_is_no_estimate_without_what_it_rests_on() -> None:
    """No proof, one to another kind of instance, none of all that the plan names now, a set of unknown size."""
    good = proven(proof("a", 50.0))

    assert seconds(good) == 50.0
    assert seconds(replace(good, proofs=())) is None
    assert seconds(with_plan(good, source_type="ecs")) is None
    part = restore_history([task(objects=("a",))])
    assert seconds(with_group(with_plan(good, objects=("a", "b")), RESTORES, part)) is None
    assert seconds(with_backups(good, last_success=None)) is None
    unsized = FullBackup(backup_set_id="s", status="finish", finished_at=NEWEST)
    assert seconds(with_backups(good, last_success=unsized)) is None


def backup_set(number: int, size: int) -> FullBackup:
    """A full backup set that ended so many hours ago."""
    end = NOW - number * HOUR
    return FullBackup(
        backup_set_id=f"set{number}",
        status="finish",
        created_at=end - 60,
        started_at=end - 60,
        ended_at=end,
        finished_at=end,
        expires_at=NOW + HOUR,
        size_bytes=size,
    )


SETS = full_backup_history([backup_set(1, 1000), backup_set(25, 800), backup_set(49, 600)], NOW)


def task(task_id: str = "r", **changes: Any) -> RestoreTask:
    """A restore of the second set that worked, in ten minutes."""
    known = RestoreTask(
        task_id=task_id,
        plan_id="dbs1",
        status="finish",
        created_at=NOW - 20 * HOUR,
        finished_at=NOW - 20 * HOUR + 600,
        destination_type="rds",
        backup_set_id="set25",
    )
    return replace(known, **changes)


def restored(*tasks: RestoreTask, **changes: Any) -> PlanSubject:
    """A plan with these restores in its list."""
    plan = with_group(with_plan(GOOD, source_type="rds"), FULL_BACKUPS, SETS)
    return replace(with_group(plan, RESTORES, restore_history(tasks)), **changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (600.0, 800, 0.0)),
        ({"target_at": NOW - 24 * HOUR}, (600.0, 800, HOUR)),
        ({"backup_set_id": "", "target_at": NOW - 40 * HOUR}, (600.0, 600, 9 * HOUR)),
        ({"backup_set_id": "", "target_at": NOW - 25 * HOUR + 30}, (600.0, 800, 0.0)),
    ],
)
def test_a_restore_is_remembered_with_the_set_and_the_log_that_it_brought_back(
    changes: dict[str, Any], expected: tuple[float, int, float]
) -> None:
    """The set that it names, else the newest that ended before its instant."""
    [found] = proofs_of(restored(task(**changes)))

    assert (found.seconds, found.size_bytes, found.log_seconds) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "stop"},
        {"destination_type": "ecs"},
        {"backup_set_id": "gone"},
        {"backup_set_id": "", "target_at": None},
        {"backup_set_id": "", "target_at": NOW - 99 * HOUR},
        {"created_at": None},
        {"finished_at": None},
    ],
)
def test_what_proves_no_pace_is_not_remembered(changes: dict[str, Any]) -> None:
    """A failure, another kind of instance, a set of unknown size, an unknown time."""
    assert proofs_of(restored(task(**changes))) == ()


def test_a_wait_counts_only_where_nobody_saw_it() -> None:
    """A restore that was first seen running may have begun at any time since its creation."""
    began = {running_key(task()): NOW - 20 * HOUR + 200}
    waited = {waiting_key(task()): NOW - 20 * HOUR}

    [seen] = proofs_of(restored(task(), noticed=began | waited))
    [unseen] = proofs_of(restored(task(), noticed=began))

    assert (seen.seconds, unseen.seconds) == (400.0, 600.0)


def test_the_newest_three_are_remembered_after_their_sets_have_gone() -> None:
    """And a reading that shows nothing new keeps what is there."""
    four = [task(f"r{number}", finished_at=NOW - 20 * HOUR + 600 + number) for number in range(4)]
    first = noticing(GOOD, restored(*four), NOW)
    later = noticing(first, with_group(first, FULL_BACKUPS, replace(SETS, recent=b"", recent_ids=b"")), NOW)

    assert [each.task_id for each in first.proofs] == ["r3", "r2", "r1"]
    assert later.proofs is first.proofs


def test_a_restore_is_too_slow_from_when_that_is_first_seen() -> None:
    """By the first list since the newest proof; no more once a faster proof or a longer objective comes."""
    plan = restored(task())
    strict = replace(plan, objectives=replace(plan.objectives, restore_time=700.0))
    first = noticing(replace(GOOD, groups={}), strict, NOW)
    listed = with_facts(strict, RESTORES, RestoreHistory(), NOW - 60)
    second = noticing(listed, strict, NOW)

    assert first.noticed[RESTORE_SLOW] == NOW - 20 * HOUR + 600
    assert second.noticed[RESTORE_SLOW] == NOW
    longer = replace(first, objectives=replace(plan.objectives, restore_time=900.0))
    assert RESTORE_SLOW not in noticing(first, longer, NOW).noticed


def test_the_estimate_is_what_a_simulated_restore_then_takes() -> None:
    """By one drill that waited half an hour for its start: within a tenth of the true time of the next, of another set."""
    simulation = simulated(Fleet(plans=1, usual_seconds=600.0))
    world = simulation.world
    [spec] = world.specs(ACCOUNT)

    def drill() -> Restore:
        """Create a restore of the newest set, start it half an hour later, and let it end."""
        newest = world.history(spec.plan_id).newest_finished()
        assert newest is not None
        given = {
            "BackupPlanId": spec.plan_id,
            "RestoreTaskName": "drill",
            "DestinationEndpointInstanceType": spec.source_type,
            "BackupSetId": newest.set_id,
        }
        created = ask(world, "CreateRestoreTask", **given)["RestoreTaskId"]
        simulation.run(HOUR / 2 + 60)
        ask(world, "StartRestoreTask", RestoreTaskId=created)
        simulation.run(HOUR / 2)
        task = world.restore(created, ACCOUNT)
        assert task is not None
        return task

    def true_seconds(task: Restore) -> float:
        finished = task.at(simulation.clock.now())[1]
        assert finished is not None
        assert task.started_at is not None
        return finished - task.started_at

    def known() -> PlanSubject:
        subject = simulation.watch.subject(spec.plan_id)
        assert subject is not None
        return subject

    simulation.run(HOUR / 4)
    first = drill()
    [proof_of_first] = [each for each in known().proofs if each.task_id == first.task_id]
    # Nobody looks for a day.
    simulation.clock.sleep(24 * HOUR)
    simulation.run(HOUR / 4)
    estimate = restore_estimate(replace(known(), proofs=(proof_of_first,)))
    second = drill()

    assert first.size_bytes != second.size_bytes
    assert proof_of_first.seconds == pytest.approx(true_seconds(first), abs=150)
    assert estimate is not None
    assert estimate.seconds == pytest.approx(true_seconds(second), rel=0.1)
