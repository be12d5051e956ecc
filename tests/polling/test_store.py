"""What is kept of what was read, and who is notified."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from support.subjects import subject_with

from dbs_exporter.collectors.base import Read
from dbs_exporter.collectors.learned import Restored
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.groups import Group, Subject
from dbs_exporter.facts.limits import GONE_PLAN_SECONDS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.networks import NETWORKS, REGIONS, NodeNetworks
from dbs_exporter.facts.noticed import NETWORKS_ADDED
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan, PlanList, Schedule
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import (
    AccountSubject,
    Outage,
    PlanSubject,
    RegionSubject,
    Scope,
    SubjectKey,
)
from dbs_exporter.facts.tallies import Ended, Tally
from dbs_exporter.facts.windows import Window
from dbs_exporter.polling.store import Listed, Store

F = TypeVar("F")
HERE = Scope(account="prod", region="cn-hangzhou")
Notified = list[tuple[SubjectKey, Subject | None]]


def store_of(*plan_ids: str) -> tuple[Store, Notified]:
    """A store with plans, and everything it notifies of from then on."""
    store = Store(lambda plan: Objectives())
    list_plans(store, *map(plan_named, plan_ids))
    notified: Notified = []
    store.subscribe(lambda key, subject: notified.append((key, subject)))
    notified.clear()
    return store, notified


def plan_named(plan_id: str) -> Plan:
    return Plan(plan_id=plan_id)


def list_plans(
    store: Store,
    *plans: Plan,
    scope: Scope = HERE,
    whole: bool = True,
    at: float = 0.0,
    promised_until: float = 300.0,
    shown: Container[str] = (),
) -> Listed:
    """Have a plan list arrive."""
    return store.put_plans(scope, plans, whole=whole, at=at, promised_until=promised_until, shown=shown)


def plan_of(store: Store, plan_id: str) -> PlanSubject:
    subject = store.plan(HERE, plan_id)
    assert subject is not None
    return subject


def put(store: Store, plan_id: str, group: Group[F], facts: F, at: float = 0.0) -> None:
    """Have a reading arrive that counts nothing."""
    store.put_plan(HERE, plan_id, group, Read(facts=facts), at)


def put_ended(store: Store, plan_id: str, *identities: str) -> None:
    """Have a list of full backups arrive of which these have ended; those whose name begins with `bad` failed."""
    ended = tuple(
        Ended(identity, 0.0, not identity.startswith("bad"), size_bytes=10, duration_seconds=2.0)
        for identity in identities
    )
    store.put_plan(HERE, plan_id, FULL_BACKUPS, Read(facts=FullBackupHistory(), ended=ended), 0.0)


def test_a_plan_gone_from_the_list_is_gone_with_everything() -> None:
    """The next complete list without it removes it at once and notifies of that."""
    store, notified = store_of("a", "b")
    list_plans(store, Plan(plan_id="b"))

    assert notified[0] == (("prod", "cn-hangzhou", "a"), None)
    assert [key[2] for key, _ in notified] == ["a", "b"]
    assert store.plan(HERE, "a") is None


def test_an_empty_list_empties_only_its_own_region() -> None:
    """A successful empty list is believed, for its account and region alone."""
    store, _ = store_of("a")
    elsewhere = Scope(account="prod", region="cn-shanghai")
    list_plans(store, Plan(plan_id="c"), scope=elsewhere)
    list_plans(store)

    assert [subject.plan.plan_id for subject in store.plan_subjects()] == ["c"]


def test_a_list_that_is_not_whole_takes_nothing_away() -> None:
    """A plan that is not in it may be the one that could not be read; what is in it is taken."""
    store, notified = store_of("a", "b")
    change = list_plans(store, Plan(plan_id="b", name="renamed"), Plan(plan_id="c"), whole=False)

    assert change == Listed(new=["c"], changed=[], gone=[])
    assert [subject.plan.plan_id for subject in store.plans_of(HERE)] == ["a", "b", "c"]
    assert plan_of(store, "b").plan.name == "renamed"
    assert [key[2] for key, _ in notified] == ["b", "c"]


def test_what_a_list_changed_is_named() -> None:
    """Only plans that were not known are new, and only those that were are gone."""
    store, _ = store_of("a", "c")
    change = list_plans(store, Plan(plan_id="a"), Plan(plan_id="b"))

    assert change == Listed(new=["b"], changed=[], gone=["c"])


def test_a_group_replaces_itself_and_nothing_else() -> None:
    """Reading full backups leaves the log's facts as they were."""
    store, notified = store_of("a")
    put(store, "a", LOG_BACKUPS, LogHistory(last_data_at=5.0), 10.0)
    put(store, "a", FULL_BACKUPS, FullBackupHistory(), 20.0)
    subject = plan_of(store, "a")

    assert subject.get(LOG_BACKUPS) == LogHistory(last_data_at=5.0)
    assert (subject.known(FULL_BACKUPS).read_at, subject.known(LOG_BACKUPS).read_at) == (20.0, 10.0)
    assert set(subject.groups) == {FULL_BACKUPS.name, LOG_BACKUPS.name}
    assert len(notified) == 2


def test_a_list_that_did_not_change_changes_no_facts() -> None:
    """The same plan stays the same object, so that nothing of it is written again; only its promise is newer."""
    store, notified = store_of("a")
    before = plan_of(store, "a")
    list_plans(store, Plan(plan_id="a"), at=120.0, promised_until=420.0)
    after = plan_of(store, "a")

    assert after.plan is before.plan
    assert after.objectives is before.objectives
    assert (after.listed_at, after.promised) == (120.0, {"plans": 420.0})
    assert [key[2] for key, _ in notified] == ["a"]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "pause"},
        {"error_message": "disk full"},
        {"schedule": Schedule(weekdays=(1,), start_minute=60)},
        {"log_backup_enabled": False},
        {"gateway_id": "7"},
        {"restore_end_at": 50.0},
    ],
)
def test_a_change_of_a_plan_says_look_now(changed: dict[str, Any]) -> None:
    """Status, error, schedule, log switch, source, and without log the end of what can be restored."""
    store, _ = store_of("a")
    change = list_plans(store, Plan(plan_id="a", **changed), at=120.0)

    assert change.changed == ["a"]
    assert plan_of(store, "a").changed_at == 120.0
    list_plans(store, Plan(plan_id="a", **changed), at=240.0)
    assert plan_of(store, "a").changed_at == 120.0


def test_a_window_that_moves_with_the_log_is_no_change() -> None:
    """It moves with each list, and would have everything read all the time."""
    store, _ = store_of()
    list_plans(store, Plan(plan_id="a", log_backup_enabled=True, restore_end_at=10.0))
    change = list_plans(store, Plan(plan_id="a", log_backup_enabled=True, restore_end_at=130.0), at=120.0)

    assert change.changed == []
    assert plan_of(store, "a").changed_at is None
    assert plan_of(store, "a").window.end_at == 130.0


def test_a_name_is_no_change_and_neither_is_a_first_sight() -> None:
    """What says nothing of backups has nothing read."""
    store, _ = store_of("a")
    list_plans(store, Plan(plan_id="a", name="renamed"), Plan(plan_id="b", status="running"), at=120.0)

    assert plan_of(store, "a").changed_at is None
    assert plan_of(store, "b").changed_at is None


def awaiting(store: Store) -> Window:
    """A plan whose log goes further than its window, which ought to show that."""
    list_plans(store, Plan(plan_id="a", log_backup_enabled=True, restore_end_at=1_000.0))
    put(store, "a", LOG_BACKUPS, LogHistory(last_data_at=2_000.0), 2_010.0)
    return plan_of(store, "a").window


def test_a_list_of_several_pages_is_one_list() -> None:
    """What its pages showed, its end does not show again: a window has two lists in which an end may show, not one."""
    store, notified = store_of()
    assert awaiting(store).awaited_at == 2_000.0
    plan = Plan(plan_id="a", log_backup_enabled=True, restore_end_at=1_000.0)
    notified.clear()
    list_plans(store, plan, whole=False, at=2_120.0)
    list_plans(store, plan, whole=True, at=2_125.0, shown={"a"})

    assert plan_of(store, "a").window.contradictions == 0
    assert plan_of(store, "a").listed_at == 2_120.0
    assert len(notified) == 1
    list_plans(store, replace(plan, restore_end_at=2_000.0), at=2_240.0)
    assert plan_of(store, "a").window.trusted


def test_a_list_that_is_read_a_second_time_counts_once_also_where_it_changed() -> None:
    """A torn list is read again at once, and shows a window that moved on a little."""
    store, _ = store_of()
    awaiting(store)
    first = Plan(plan_id="a", log_backup_enabled=True, restore_end_at=1_000.0)
    list_plans(store, first, whole=False, at=2_120.0)
    list_plans(store, replace(first, restore_end_at=1_100.0), whole=False, at=2_125.0, shown={"a"})

    assert plan_of(store, "a").window.contradictions == 0
    assert plan_of(store, "a").window.end_at == 1_100.0
    list_plans(store, first, at=2_240.0)
    assert plan_of(store, "a").window.contradictions == 1


def test_an_end_of_log_is_compared_with_the_window_only_where_log_is_on() -> None:
    """Of a plan without log the full backups say how far it can be restored, of one with log they say nothing of the window."""
    store, _ = store_of()
    windows = {}
    for enabled in (True, False):
        plan = Plan(plan_id=f"{enabled}", log_backup_enabled=enabled, restore_end_at=1_000.0)
        list_plans(store, plan, whole=False)
        put(store, plan.plan_id, FULL_BACKUPS, FullBackupHistory(points=((1_500.0, 9e9),)))
        windows[enabled, "full"] = plan_of(store, plan.plan_id).window.awaited_at
        list_plans(store, replace(plan, restore_end_at=1_500.0), whole=False)
        put(store, plan.plan_id, LOG_BACKUPS, LogHistory(last_data_at=2_000.0))
        windows[enabled, "log"] = plan_of(store, plan.plan_id).window.awaited_at

    assert windows == {
        (True, "full"): None,
        (True, "log"): 2_000.0,
        (False, "full"): 1_500.0,
        (False, "log"): None,
    }


def test_promises_are_kept_with_the_plan_and_a_new_one_is_notified_once() -> None:
    """They go out with the facts; of a plan that is gone nothing is promised."""
    store, notified = store_of("a")
    store.promise_plan(HERE, "a", {"full_backups": 500.0})
    store.promise_plan(HERE, "a", {"full_backups": 500.0})
    store.promise_plan(HERE, "a", {})
    store.promise_plan(HERE, "gone", {"full_backups": 500.0})

    assert plan_of(store, "a").promised == {"plans": 300.0, "full_backups": 500.0}
    assert len(notified) == 1
    assert store.plan(HERE, "gone") is None


def test_promises_of_a_region_are_kept_too() -> None:
    """Also before anything else is known of it."""
    store, notified = store_of()
    store.promise_region(HERE, "gateways", 500.0)
    store.promise_region(HERE, "gateways", 500.0)
    store.promise_region(HERE, "plans", 600.0)
    (region,) = store.region_subjects()

    assert region.promised == {"gateways": 500.0, "plans": 600.0}
    assert [key for key, _ in notified] == [("prod", "cn-hangzhou", "")] * 2


def test_what_was_followed_changes_the_facts_and_not_when_the_list_was_read() -> None:
    """A part of a list that was read says nothing of the rest; of what was never read or is gone nothing is known."""
    store, notified = store_of("a")
    put(store, "a", RESTORES, RestoreHistory(), 10.0)
    notified.clear()

    def overtaken(history: RestoreHistory) -> RestoreHistory:
        return replace(history, overtaken=True)

    store.merge_plan(HERE, "a", RESTORES, overtaken, 50.0)
    store.merge_plan(HERE, "gone", RESTORES, overtaken, 50.0)
    subject = plan_of(store, "a")

    assert subject.get(RESTORES) == RestoreHistory(overtaken=True)
    assert subject.known(RESTORES).read_at == 10.0
    assert [key[2] for key, _ in notified] == ["a"]
    list_plans(store, Plan(plan_id="a"), Plan(plan_id="b"))
    store.merge_plan(HERE, "b", RESTORES, overtaken, 50.0)
    assert plan_of(store, "b").get(RESTORES) is None


def test_readings_that_bring_nothing_new_are_counted() -> None:
    """By that it is known how long nothing happened; a change begins it anew."""
    store, _ = store_of("a")
    unchanged = []
    for last in (1.0, 1.0, 1.0, 2.0, 2.0):
        put(store, "a", DOWNLOADS, DownloadHistory(last_success_at=last))
        unchanged.append(plan_of(store, "a").known(DOWNLOADS).unchanged)

    assert unchanged == [0, 1, 2, 0, 1]


def test_facts_that_did_not_change_are_the_same_object_with_a_new_time() -> None:
    """Who is notified sees by that what it need not write again; only when it was read has changed."""
    store, notified = store_of("a")
    first, again = DownloadHistory(last_success_at=5.0), DownloadHistory(last_success_at=5.0)
    put(store, "a", DOWNLOADS, first, 10.0)
    put(store, "a", DOWNLOADS, again, 20.0)
    known = plan_of(store, "a").known(DOWNLOADS)

    assert known.facts is first
    assert known.read_at == 20.0
    assert len(notified) == 2


def test_what_plans_have_in_common_is_kept_once() -> None:
    """In what lists of plans, readings and merged parts bring, equal texts and counts are the same object."""

    def text() -> str:
        return str(b"MySQL", "ascii")

    store, _ = store_of()
    list_plans(store, *(Plan(plan_id=plan_id, database_type=text()) for plan_id in ("a", "b")))
    for plan_id in ("a", "b"):
        put(store, plan_id, RESTORES, RestoreHistory(counts=((text(), 1),)))
        store.merge_plan(HERE, plan_id, RESTORES, lambda facts: replace(facts, counts=((text(), 2),)), 1.0)
        put(store, plan_id, DOWNLOADS, DownloadHistory(counts=((text(), 3),)))
    first, second = (plan_of(store, plan_id) for plan_id in ("a", "b"))
    ours, theirs = first.get(RESTORES), second.get(RESTORES)
    downloads = [plan.get(DOWNLOADS) for plan in (first, second)]

    assert first.plan.database_type is second.plan.database_type
    assert ours is not None
    assert theirs is not None
    assert ours.counts == (("MySQL", 2),)
    assert ours.counts is theirs.counts
    assert len({id(facts.counts) for facts in downloads if facts is not None}) == 1


def test_facts_of_a_plan_that_is_gone_meanwhile_are_dropped() -> None:
    """A read that ends after its plan was deleted does not bring it back."""
    store, notified = store_of("a")
    list_plans(store)
    notified.clear()
    put(store, "a", FULL_BACKUPS, FullBackupHistory(), 10.0)

    assert notified == []
    assert store.plan_subjects() == []


def test_counters_start_at_zero_and_count_each_set_once() -> None:
    """What the first list holds was not seen to end; later sets count once however often they are listed."""
    store, _ = store_of("a")
    for sets in (("1", "2"), ("1", "2", "3"), ("3", "2"), ("1", "2", "3", "bad4"), ("bad4",)):
        put_ended(store, "a", *sets)
    tally = plan_of(store, "a").tally(FULL_BACKUPS)

    assert (tally.success, tally.failure, tally.size_bytes, tally.duration_seconds) == (1, 1, 20, 4.0)


def test_a_reading_that_counts_nothing_leaves_the_counters() -> None:
    """A group without counters has none, and one with counters keeps them."""
    store, _ = store_of("a")
    put_ended(store, "a", "1")
    put_ended(store, "a", "1", "2")
    put(store, "a", FULL_BACKUPS, FullBackupHistory(consecutive_failures=1))

    assert plan_of(store, "a").tally(FULL_BACKUPS).success == 1
    assert plan_of(store, "a").tally(LOG_BACKUPS).success == 0


def test_counters_never_go_down_when_a_plan_returns() -> None:
    """A plan that disappears and comes back goes on counting where it was, though nothing else is known of it."""
    store, _ = store_of("a")
    put_ended(store, "a", "1")
    put_ended(store, "a", "1", "2")
    list_plans(store)
    list_plans(store, Plan(plan_id="a"))
    subject = plan_of(store, "a")

    assert subject.tally(FULL_BACKUPS).success == 1
    assert subject.get(FULL_BACKUPS) is None
    assert subject.known(FULL_BACKUPS).read_at is None


def test_new_objectives_hold_at_once() -> None:
    """A reload changes what plans are held to without reading anything."""
    store, notified = store_of("a")
    store.set_objectives(lambda plan: Objectives(rpo=60.0))

    assert [subject.objectives.rpo for _, subject in notified if isinstance(subject, PlanSubject)] == [60.0]


def test_what_log_shows_lengthens_a_default_rpo_and_stays_after_a_list_or_a_reload() -> None:
    """Log of every 45 minutes allows an hour and a half."""
    store, _ = store_of("a")
    given = Objectives(rpo=1800.0, sources={"rpo": "default"})
    store.set_objectives(lambda plan: given)
    put(store, "a", LOG_BACKUPS, LogHistory(spacing_seconds=2700.0), 10.0)
    read = plan_of(store, "a").objectives
    list_plans(store, plan_named("a"))
    listed = plan_of(store, "a").objectives
    store.set_objectives(lambda plan: given)

    assert (read.rpo, read.sources) == (5400.0, {"rpo": "learned"})
    assert plan_of(store, "a").objectives == listed == read


def test_networks_that_come_are_noticed() -> None:
    """By the list that first held them."""
    store, _ = store_of("a")
    store.put_region(HERE, NETWORKS, NodeNetworks(internet=("1.0.0.0/8",)), 10.0)
    store.put_region(HERE, NETWORKS, NodeNetworks(internet=("1.0.0.0/8", "2.0.0.0/8")), 20.0)
    region = store.region(HERE)

    assert region is not None
    assert region.noticed == {NETWORKS_ADDED: 20.0}


def test_a_new_subscriber_hears_what_is_known() -> None:
    """Whoever subscribes late starts with everything: accounts, then regions, then plans."""
    store, _ = store_of("a")
    store.put_region(HERE, GATEWAYS, (), 10.0)
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    heard: dict[SubjectKey, Subject | None] = {}
    store.subscribe(heard.__setitem__)

    assert list(heard) == [("prod", "", ""), ("prod", "cn-hangzhou", ""), ("prod", "cn-hangzhou", "a")]
    assert heard["prod", "", ""] is store.account("prod")
    assert [heard["prod", "cn-hangzhou", ""]] == store.region_subjects()
    assert [heard["prod", "cn-hangzhou", "a"]] == store.plan_subjects()


def test_a_dropped_account_leaves_nothing() -> None:
    """An account that is no longer watched goes with its regions and plans; another stays."""
    store, notified = store_of("a")
    elsewhere = Scope(account="test", region="cn-hangzhou")
    for scope in (HERE, elsewhere):
        store.put_region(scope, GATEWAYS, (), 10.0)
        store.put_account(scope.account, REGIONS, (), 10.0)
    store.drop_account("prod")

    assert (("prod", "cn-hangzhou", "a"), None) in notified
    assert (("prod", "cn-hangzhou", ""), None) in notified
    assert (("prod", "", ""), None) in notified
    assert [region.scope for region in store.region_subjects()] == [elsewhere]
    assert store.account("prod") is None
    assert store.account("test") is not None


def test_a_dropped_region_leaves_its_account() -> None:
    """What is known of the account belongs to no region."""
    store, notified = store_of("a")
    store.put_region(HERE, GATEWAYS, (), 10.0)
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    notified.clear()
    store.drop(HERE)

    assert notified == [(("prod", "cn-hangzhou", "a"), None), (("prod", "cn-hangzhou", ""), None)]
    assert store.region_subjects() == []
    assert store.account("prod") is not None


def test_regions_no_longer_supported_are_gone() -> None:
    """The list of regions is replaced whole, per account."""
    store, _ = store_of()
    store.put_account("prod", REGIONS, ("cn-hangzhou", "cn-beijing"), 10.0)
    store.put_account("test", REGIONS, ("cn-shanghai",), 10.0)
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 20.0)
    prod, test = store.account("prod"), store.account("test")

    assert prod == subject_with(AccountSubject(account="prod"), (REGIONS, ("cn-hangzhou",), 20.0))
    assert test == subject_with(AccountSubject(account="test"), (REGIONS, ("cn-shanghai",), 10.0))


def test_what_a_collector_brought_goes_when_it_is_switched_off() -> None:
    """Its facts and times are forgotten and that is notified; what the others brought stays."""
    store, notified = store_of("a")
    listed = PlanList(plans=(Plan(plan_id="a"),))
    put(store, "a", RESTORES, RestoreHistory(last_success_at=1.0), 10.0)
    put(store, "a", LOG_BACKUPS, LogHistory(last_data_at=5.0), 10.0)
    store.put_region(HERE, GATEWAYS, (), 10.0)
    store.put_region(HERE, NETWORKS, NodeNetworks(), 10.0)
    store.put_region(HERE, PLANS, listed, 10.0)
    store.promise_plan(HERE, "a", {"restores": 900.0, "log_backups": 800.0})
    store.promise_region(HERE, "networks", 900.0)
    notified.clear()
    store.keep(HERE, [collector for collector in TABLE if collector.name not in ("restores", "nodes")])
    subject = plan_of(store, "a")
    (region,) = store.region_subjects()

    assert (subject.get(RESTORES), subject.known(RESTORES).read_at) == (None, None)
    assert subject.get(LOG_BACKUPS) == LogHistory(last_data_at=5.0)
    assert subject.known(LOG_BACKUPS).read_at == 10.0
    assert (region.get(NETWORKS), region.known(NETWORKS).read_at) == (None, None)
    assert (subject.promised, region.promised) == ({"plans": 300.0, "log_backups": 800.0}, {})
    assert region.get(GATEWAYS) == ()
    assert region.get(PLANS) == listed
    assert {key for key, _ in notified} == {("prod", "cn-hangzhou", "a"), ("prod", "cn-hangzhou", "")}


def test_what_is_kept_is_not_notified() -> None:
    """With every collector on nothing changes; and counters outlive the facts they were counted from."""
    store, notified = store_of("a")
    put_ended(store, "a", "1")
    put_ended(store, "a", "1", "2")
    store.put_account("prod", REGIONS, (), 10.0)
    notified.clear()
    store.keep(HERE, TABLE)
    store.keep_account("prod", TABLE)
    assert notified == []
    store.keep(HERE, [TABLE["plans"]])

    assert plan_of(store, "a").get(FULL_BACKUPS) is None
    assert plan_of(store, "a").tally(FULL_BACKUPS).success == 1


def test_what_was_known_of_an_account_goes_when_it_is_switched_off() -> None:
    """It is notified once; an account of which nothing is known is no news."""
    store, notified = store_of()
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    notified.clear()
    store.keep_account("prod", [])
    store.keep_account("prod", [])
    store.keep_account("nobody", [])

    assert [key for key, _ in notified] == [("prod", "", "")]
    known = store.account("prod")
    assert known is not None
    assert known.get(REGIONS) is None


def test_without_the_plan_list_no_plan_is_known() -> None:
    """Plans of a list that is read no more would never go."""
    store, notified = store_of("a")
    store.keep(HERE, [collector for collector in TABLE if collector.name != "plans"])

    assert store.plan_subjects() == []
    assert notified == [(("prod", "cn-hangzhou", "a"), None)]


def test_every_group_has_one_collector() -> None:
    """A group that two collectors brought would be kept when one of them is switched off."""
    groups = [collector.group.name for collector in TABLE]

    assert len(groups) == len(set(groups))


def test_a_plan_with_backups_that_is_gone_is_remembered_by_its_region_for_a_week() -> None:
    """One without is not missed; one that is listed again is back."""
    store, _ = store_of("a", "b")
    last = FullBackup(backup_set_id="s", status="finish", ended_at=1.0)
    put(store, "a", FULL_BACKUPS, FullBackupHistory(last_success=last))
    list_plans(store, at=50.0)
    [region] = [region for region in store.region_subjects() if region.gone]

    assert region.gone == {"a": 50.0}
    list_plans(store, Plan(plan_id="c"), at=50.0 + 7 * 86_400.0)
    assert [region.gone for region in store.region_subjects()] == [{}]
    put(store, "c", FULL_BACKUPS, FullBackupHistory(last_success=last))
    list_plans(store, at=60.0)
    list_plans(store, Plan(plan_id="c"), at=70.0)
    assert [region.gone for region in store.region_subjects()] == [{}]


def test_plans_of_an_account_know_of_the_outage_of_their_gateway_wherever_it_is_listed() -> None:
    """By account and id: the gateway may be of another region than its plan."""
    elsewhere = Scope(account="prod", region="cn-shanghai")
    another = Scope(account="test", region="cn-hangzhou")
    store, _ = store_of()
    for scope in (HERE, another):
        list_plans(store, Plan(plan_id="a", gateway_id="7"), Plan(plan_id="b", gateway_id="8"), scope=scope)
    gateways = tuple(
        Gateway(gateway_id=name, status=status, last_heartbeat_at=90.0)
        for name, status in (("7", "OFFLINE"), ("8", "ONLINE"))
    )
    store.put_region(elsewhere, GATEWAYS, gateways, 100.0)
    store.promise_region(elsewhere, GATEWAYS.name, 400.0)
    found = {
        (subject.scope.account, subject.plan.plan_id): subject.outage for subject in store.plan_subjects()
    }

    assert {key for key, outage in found.items() if outage is not None} == {("prod", "a")}
    assert found["prod", "a"] == Outage(began_at=90.0, seen_at=100.0, known_until=400.0)


def test_what_carries_no_time_is_dated_by_the_list_that_first_showed_it() -> None:
    """By plan lists, lists of a plan, and what is followed alike."""
    store, _ = store_of("a")
    list_plans(store, Plan(plan_id="a", status="pause"), at=70.0)
    list_plans(store, Plan(plan_id="a", status="pause"), at=90.0)

    assert plan_of(store, "a").noticed == {"status pause": 70.0, "no objective": 0.0}


def test_held_counters_are_published_as_far_as_they_are_saved() -> None:
    """Facts go out at once; a counter follows, never ahead, and all of them when they are released."""
    store, notified = store_of("a", "b")
    store.hold()
    for plan_id in ("a", "b"):
        put_ended(store, plan_id, "1")
        put_ended(store, plan_id, "1", "2")
    counted = plan_of(store, "a").known(FULL_BACKUPS).counted
    assert counted is not None
    assert plan_of(store, "a").tally(FULL_BACKUPS) == Tally()
    put_ended(store, "a", "1", "2", "3")
    notified.clear()
    saved = [(("prod", "cn-hangzhou", plan_id), {"full_backups": counted.tally}) for plan_id in ("a", "gone")]
    store.publish(saved)
    store.publish(saved)

    assert plan_of(store, "a").tally(FULL_BACKUPS).success == 1
    assert plan_of(store, "b").tally(FULL_BACKUPS).success == 0
    assert [key[2] for key, _ in notified] == ["a"]
    store.release()
    assert [plan_of(store, plan_id).tally(FULL_BACKUPS).success for plan_id in ("a", "b")] == [2, 1]
    put_ended(store, "b", "1", "2", "3")
    assert plan_of(store, "b").tally(FULL_BACKUPS).success == 2


def test_what_another_process_knew_is_taken_unless_something_newer_is_known() -> None:
    """Plans are held to today's objectives, and everybody is notified."""
    store = Store(lambda plan: Objectives(rpo=7.0))
    notified: Notified = []
    store.subscribe(lambda key, subject: notified.append((key, subject)))
    plan = PlanSubject(scope=HERE, plan=Plan(plan_id="a"))
    restored = Restored(region=RegionSubject(scope=HERE), plans=(plan,))
    store.restore(HERE, restored)
    store.restore_account(AccountSubject(account="prod"))

    assert [key for key, _ in notified] == [
        ("prod", "cn-hangzhou", ""),
        ("prod", "cn-hangzhou", "a"),
        ("prod", "", ""),
    ]
    assert plan_of(store, "a").objectives == Objectives(rpo=7.0)
    notified.clear()
    store.restore(HERE, Restored(plans=(replace(plan, plan=Plan(plan_id="b")),)))
    store.restore_account(AccountSubject(account="prod"))
    assert notified == []


def test_counters_of_a_plan_that_is_gone_are_forgotten_after_a_week() -> None:
    """Whoever saves them is notified; until then they can be asked for."""
    store, notified = store_of("a")
    key = ("prod", "cn-hangzhou", "a")
    put_ended(store, "a", "1")
    list_plans(store, at=100.0)
    gone = store.gone_plan(key)
    notified.clear()
    list_plans(store, at=100.0 + GONE_PLAN_SECONDS)

    assert gone is not None
    assert gone.gone_at == 100.0
    assert gone.counters["full_backups"].facts is None
    assert store.gone_plan(key) == gone
    list_plans(store, at=101.0 + GONE_PLAN_SECONDS)
    assert store.gone_plan(key) is None
    assert notified == [(key, None)]
