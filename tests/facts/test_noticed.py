"""Since when what carries no time of its own is so: the first reading that showed it, and what was before."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.page_plans import GOOD, HOUR, NOW, backup, restorable, with_backups, with_group, with_plan
from support.subjects import subject_with

from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.networks import NETWORKS, NodeNetworks
from dbs_exporter.facts.noticed import (
    GONE,
    LOG_OFF,
    NETWORKS_ADDED,
    NO_OBJECTIVE,
    RETENTION_SHORT,
    backup_progress_key,
    gateway_key,
    gateway_out_since,
    has_backups,
    log_off_since,
    not_running_since,
    noticing,
    noticing_gateways,
    noticing_networks,
    objects_key,
    outages,
    precheck_key,
    progress_key,
    restore_took,
    status_key,
)
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Schedule
from dbs_exporter.facts.prechecks import PRECHECKS, Precheck
from dbs_exporter.facts.protection import LOG_DENIED
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask, running_key
from dbs_exporter.facts.subjects import Outage, PlanSubject, RegionSubject, Scope

MADE = NOW - 1000 * HOUR
NEVER_READ = PlanSubject(scope=GOOD.scope, plan=GOOD.plan)
LISTED = replace(GOOD, first_listed_at=NOW - 500.0)
REGION = RegionSubject(scope=Scope(account="prod", region="cn-hangzhou"))


def first_shown(after: PlanSubject) -> dict[str, float]:
    """What is noticed by the first reading of everything."""
    return noticing(PlanSubject(scope=after.scope, plan=after.plan), after, NOW).noticed


def test_a_status_counts_from_the_list_that_first_showed_it() -> None:
    """It stays while later lists show the same, and goes with it."""
    before = noticing(LISTED, LISTED, NOW)
    paused = noticing(before, with_plan(before, status="pause"), NOW + 60)
    again = noticing(paused, paused, NOW + 120)

    assert paused.noticed == {status_key("pause"): NOW + 60}
    assert again is paused
    assert noticing(again, with_plan(again, status="running"), NOW + 180).noticed == {
        status_key("running"): NOW + 180
    }


def test_of_what_a_first_reading_shows_the_plans_creation_stands_for_the_begin() -> None:
    """Never the latest reading."""
    assert first_shown(with_plan(GOOD, status="stop")) == {status_key("stop"): MADE}
    assert first_shown(with_plan(GOOD, status="stop", created_at=None)) == {status_key("stop"): NOW}


@pytest.mark.parametrize(
    ("signs", "since"),
    [
        ({}, MADE),
        ({"last_success": backup(age=HOUR)}, NOW - HOUR),
        ({"last_attempt": replace(backup(), created_at=NOW - 9, started_at=NOW - 7)}, NOW - 7),
        ({"restore_end_at": NOW - 5}, NOW - 5),
        ({"last_data_at": NOW - 3}, NOW - 3),
        ({"last_success": backup(age=-HOUR), "last_data_at": NOW - 3}, NOW),
    ],
)
def test_a_plan_whose_first_list_shows_it_stopped_ran_until_its_newest_backup(
    signs: dict[str, Any], since: float
) -> None:
    """Or log; it was stopped when that list was read."""
    end = signs.pop("restore_end_at", None)
    listed = with_plan(NEVER_READ, status="stop", created_at=MADE, restore_end_at=end)
    listed = noticing(NEVER_READ, replace(listed, first_listed_at=NOW), NOW)
    logs = LogHistory(last_data_at=signs.pop("last_data_at", None))
    found = subject_with(listed, (FULL_BACKUPS, FullBackupHistory(**signs)), (LOG_BACKUPS, logs))

    assert not_running_since(found) == since
    assert not_running_since(listed) == (MADE if end is None else end)


def test_a_plan_that_was_seen_to_stop_did_so_then() -> None:
    """A backup under way may end later."""
    stopped = noticing(LISTED, with_plan(LISTED, status="stop"), NOW)

    assert not_running_since(with_backups(stopped, last_success=backup(age=-HOUR))) == NOW
    assert not_running_since(LISTED) is None


def test_log_that_a_first_list_shows_to_be_off_was_on_while_there_is_log() -> None:
    """What is kept of it says until when."""
    kept = with_group(GOOD, LOG_BACKUPS, LogHistory(last_data_at=NOW - 3, last_completed_at=NOW - 3))
    off = replace(with_plan(kept, log_backup_enabled=False), first_listed_at=NOW)
    found = noticing(PlanSubject(scope=off.scope, plan=off.plan), off, NOW)

    assert found.noticed[LOG_OFF] == MADE
    assert log_off_since(found) == NOW - 3
    assert log_off_since(replace(found, noticed={LOG_OFF: NOW + 9})) == NOW + 9


def test_log_that_is_off_is_noticed_where_it_was_on_or_is_needed() -> None:
    """Kept log files, or an objective that full backups alone cannot keep."""
    off = with_plan(GOOD, log_backup_enabled=False)
    unneeded = replace(off, objectives=Objectives(rpo=25 * HOUR, full_backup_interval=25 * HOUR))
    kept = with_group(unneeded, LOG_BACKUPS, LogHistory(last_completed_at=NOW))

    assert [LOG_OFF in first_shown(each) for each in (GOOD, off, unneeded, kept)] == [
        False,
        True,
        False,
        True,
    ]


def test_a_short_retention_and_a_missing_objective_are_noticed() -> None:
    """Two intervals are enough; a plan that nobody judges is named."""
    short, enough = (with_plan(GOOD, full_retention_seconds=hours * HOUR) for hours in (49, 50))
    nobody = replace(GOOD, objectives=Objectives())

    assert [RETENTION_SHORT in first_shown(each) for each in (short, enough, GOOD)] == [True, False, False]
    assert NO_OBJECTIVE in first_shown(nobody)
    assert NO_OBJECTIVE not in first_shown(with_plan(nobody, unreadable=("EnableBackupLog",)))


def test_a_pre_check_is_noticed_when_it_failed() -> None:
    """By what it is of."""
    check = Precheck(subject="plan", subject_id="dbs1", status="failed", progress=None)
    known = subject_with(LISTED, (PRECHECKS, (), NOW - 60))
    failed = noticing(known, subject_with(known, (PRECHECKS, (check,), NOW)), NOW)

    assert failed.noticed[precheck_key("plan", "dbs1")] == NOW


def test_a_restore_counts_from_when_it_was_first_seen_to_run_and_to_have_come_so_far() -> None:
    """One that is found running counts from its creation; that it stands, from the reading on."""
    task = RestoreTask(
        task_id="r", plan_id="dbs1", status="running", created_at=NOW - HOUR, progress=(("full_data", 0.1),)
    )
    moved = replace(task, progress=(("full_data", 0.2),))
    found = first_shown(with_group(GOOD, RESTORES, RestoreHistory(tasks=(task,))))
    known = noticing(LISTED, subject_with(LISTED, (RESTORES, RestoreHistory(), NOW - 60)), NOW - 60)
    started = noticing(known, subject_with(known, (RESTORES, RestoreHistory(tasks=(task,)), NOW)), NOW)
    later = noticing(
        started, subject_with(started, (RESTORES, RestoreHistory(tasks=(moved,)), NOW + 9)), NOW + 9
    )

    assert (found[running_key(task)], found[progress_key(task)]) == (NOW - HOUR, NOW)
    assert started.noticed[running_key(task)] == later.noticed[running_key(task)] == NOW
    assert progress_key(task) not in later.noticed
    assert later.noticed[progress_key(moved)] == NOW + 9


def test_a_backup_stands_from_when_it_was_first_seen_to_have_come_so_far() -> None:
    """Where it has progress; a physical one shows none, and is not called still."""
    running = replace(backup(), backup_set_id="r", status="running", data_progress=0.1)
    moved = replace(running, data_progress=0.2)
    found = noticing(LISTED, with_backups(LISTED, running=running), NOW)
    same = noticing(found, with_backups(found, running=running), NOW + 9)
    later = noticing(same, with_backups(same, running=moved), NOW + 20)
    physical = noticing(later, with_backups(later, running=replace(running, data_progress=None)), NOW + 30)

    assert found.noticed == same.noticed
    assert backup_progress_key(running) not in later.noticed
    assert later.noticed[backup_progress_key(moved)] == NOW + 20
    assert not any(key.startswith("backup ") for key in physical.noticed)


def test_a_plan_is_weaker_from_the_change_until_it_is_undone() -> None:
    """Shorter retention, a rarer schedule, fewer databases; what was stronger is no change."""
    daily, weekly = (Schedule(weekdays=days) for days in (tuple(range(7)), (0,)))
    strong = noticing(
        LISTED, with_plan(LISTED, full_retention_seconds=99.0, schedule=daily, objects=("a", "b", "c")), NOW
    )
    weak = noticing(
        strong, with_plan(strong, full_retention_seconds=98.0, schedule=weekly, objects=("a", "b")), NOW + 9
    )
    weaker = noticing(weak, with_plan(weak, objects=("a",)), NOW + 20)
    mended = noticing(
        weaker,
        with_plan(weaker, full_retention_seconds=99.0, schedule=daily, objects=("a", "b", "c", "d")),
        NOW + 30,
    )

    assert strong.weakened == mended.weakened == {}
    assert {name: each.at for name, each in weak.weakened.items()} == dict.fromkeys(
        ("retention_full", "schedule", "databases"), NOW + 9
    )
    assert weaker.weakened == weak.weakened


def test_after_an_outage_a_plan_is_seen_to_catch_up_while_its_point_gains_on_the_clock() -> None:
    """A log that only goes on does not, and without an outage nobody asks."""
    shown = replace(
        with_plan(LISTED, restore_end_at=NOW - 600),
        listed_at=NOW - 60,
        outage=Outage(began_at=NOW - HOUR, seen_at=NOW - 90),
    )
    bare = with_group(with_backups(shown, points=()), LOG_BACKUPS, None)
    bare = with_group(bare, FULL_BACKUPS, None)
    gains, goes_on = (with_plan(bare, restore_end_at=NOW - 600 + more) for more in (61.0, 60.0))

    assert noticing(bare, gains, NOW).outage == Outage(
        began_at=NOW - HOUR, seen_at=NOW - 90, caught_up_at=NOW
    )
    assert noticing(bare, goes_on, NOW).outage == bare.outage
    assert noticing(replace(bare, outage=None), replace(gains, outage=None), NOW).outage is None


def gateways(
    *listed: Gateway, before: RegionSubject = REGION, named: tuple[str, ...] = ("7",), at: float = NOW
) -> RegionSubject:
    """A region whose list of gateways was read."""
    return noticing_gateways(before, subject_with(before, (GATEWAYS, listed, at)), at, named)


WELL = Gateway(gateway_id="7", status="ONLINE", last_heartbeat_at=NOW - 10)


def test_a_gateway_is_out_since_its_status_was_first_seen_or_its_heartbeat_stopped() -> None:
    """The outage began with the last heartbeat."""
    off = gateways(replace(WELL, status="OFFLINE"))
    silent = replace(WELL, last_heartbeat_at=NOW - 901)

    assert off.noticed == {gateway_key("7", "OFFLINE"): NOW}
    assert gateway_out_since(off, off.get(GATEWAYS)[0]) == NOW  # type: ignore[index]
    assert outages(off, NOW) == {"7": NOW - 10}
    assert outages(gateways(silent), NOW) == {"7": NOW - 901}
    assert outages(gateways(WELL), NOW) == {}


def test_a_gateway_that_plans_name_is_gone_when_a_complete_list_has_lost_it() -> None:
    """Since that list; one that nobody names, or that no list ever held, is not missed; it may come back."""
    known = gateways(WELL)
    gone = gateways(before=known, at=NOW + 60)

    assert gone.noticed == {gateway_key("7", GONE): NOW + 60}
    assert gateways(before=gone, at=NOW + 120).noticed == gone.noticed
    assert outages(gone, NOW + 60) == {"7": NOW + 60}
    assert (
        gateways(before=known, named=()).noticed
        == gateways().noticed
        == gateways(WELL, before=gone).noticed
        == {}
    )


def test_a_plan_has_backups_once_a_full_backup_worked() -> None:
    """Only such a plan is missed when it is gone."""
    assert has_backups(GOOD)
    assert not has_backups(with_backups(GOOD, last_success=None))


def test_that_log_is_denied_holds_until_the_ranges_are_read_again() -> None:
    """Log that comes meanwhile does not undo it; each reading that denies it dates it anew."""
    denied = subject_with(LISTED, (LOG_BACKUPS, LogHistory(spans=((0.0, NOW + 9000),))))
    read = noticing(denied, subject_with(denied, (RANGES, (restorable(0.0, NOW),), NOW)), NOW)
    later = noticing(read, subject_with(read, (LOG_BACKUPS, LogHistory(spans=((0.0, NOW),)))), NOW + 60)
    again = noticing(later, subject_with(later, (RANGES, (restorable(0.0, NOW),), NOW + 99)), NOW + 99)
    still = noticing(read, subject_with(read, (RANGES, (restorable(0.0, NOW),), NOW + 99)), NOW + 99)

    assert read.noticed[LOG_DENIED] == later.noticed[LOG_DENIED] == NOW
    assert LOG_DENIED not in again.noticed
    assert still.noticed[LOG_DENIED] == NOW + 99


def test_a_restore_took_as_long_as_it_was_seen_to_run() -> None:
    """One whose start nobody saw took from its creation on."""
    task = RestoreTask(task_id="r", plan_id="dbs1", status="running", created_at=NOW - 96 * HOUR)
    ended = replace(task, status="finish", finished_at=NOW + HOUR)
    history = RestoreHistory(tasks=(ended,), last_success_id="r", last_success_duration_seconds=97 * HOUR)
    known = noticing(LISTED, subject_with(LISTED, (RESTORES, RestoreHistory(), NOW - 60)), NOW - 60)
    running = noticing(known, subject_with(known, (RESTORES, RestoreHistory(tasks=(task,)), NOW)), NOW)
    done = noticing(running, subject_with(running, (RESTORES, history, NOW + HOUR)), NOW + HOUR)

    assert restore_took(done) == HOUR
    assert restore_took(replace(done, noticed={})) == 97 * HOUR
    assert restore_took(known) is restore_took(PlanSubject(scope=GOOD.scope, plan=GOOD.plan)) is None


def test_what_a_plan_names_is_dated_by_the_list_that_first_named_it() -> None:
    """Other names are another date."""
    named = noticing(LISTED, with_plan(LISTED, objects=("a",)), NOW)
    again = noticing(named, with_plan(named, objects=("a",), status="pause"), NOW + 9)
    more = noticing(again, with_plan(again, objects=("a", "b")), NOW + 20)

    assert named.noticed[objects_key(("a",))] == again.noticed[objects_key(("a",))] == NOW
    assert more.noticed[objects_key(("a", "b"))] == NOW + 20


def test_a_network_that_was_not_there_before_is_dated() -> None:
    """One that went is no news, nor is what the first reading shows; gateways take nothing of it away."""
    first, fewer, other = (
        subject_with(REGION, (NETWORKS, NodeNetworks(internet=internet)))
        for internet in (("1.0.0.0/8", "2.0.0.0/8"), ("1.0.0.0/8",), ("3.0.0.0/8",))
    )
    added = noticing_networks(first, other, NOW)

    assert noticing_networks(REGION, first, NOW).noticed == noticing_networks(first, fewer, NOW).noticed == {}
    assert added.noticed == {NETWORKS_ADDED: NOW}
    assert noticing_gateways(added, added, NOW + 9, ()).noticed == {NETWORKS_ADDED: NOW}
