"""What is kept of what was read, and who is told."""

from __future__ import annotations

from typing import TypeVar

from support.subjects import subject_with

from dbs_exporter.collectors.base import Read
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.downloads import DOWNLOADS, DownloadHistory
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackupHistory
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.groups import Group, Subject
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.networks import NETWORKS, REGIONS, NodeNetworks
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan, PlanList
from dbs_exporter.facts.restores import RESTORES, RestoreHistory
from dbs_exporter.facts.subjects import AccountSubject, PlanSubject, Scope, SubjectKey
from dbs_exporter.facts.tallies import Ended
from dbs_exporter.polling.store import Store

F = TypeVar("F")
HERE = Scope(account="prod", region="cn-hangzhou")


def store_of(*plan_ids: str) -> tuple[Store, list[tuple[SubjectKey, Subject | None]]]:
    """A store with plans, and everything it tells from then on."""
    store = Store(lambda plan: Objectives())
    store.put_plans(HERE, [Plan(plan_id=plan_id) for plan_id in plan_ids])
    told: list[tuple[SubjectKey, Subject | None]] = []
    store.subscribe(lambda key, subject: told.append((key, subject)))
    told.clear()
    return store, told


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
        Ended(identity, not identity.startswith("bad"), size_bytes=10, duration_seconds=2.0)
        for identity in identities
    )
    store.put_plan(HERE, plan_id, FULL_BACKUPS, Read(facts=FullBackupHistory(), ended=ended), 0.0)


def test_a_plan_gone_from_the_list_is_gone_with_everything() -> None:
    """The next complete list without it removes it at once and tells so."""
    store, told = store_of("a", "b")
    store.put_plans(HERE, [Plan(plan_id="b")])

    assert told == [(("prod", "cn-hangzhou", "a"), None)]
    assert store.plan(HERE, "a") is None


def test_an_empty_list_empties_only_its_own_region() -> None:
    """A successful empty list is believed, for its account and region alone."""
    store, _ = store_of("a")
    elsewhere = Scope(account="prod", region="cn-shanghai")
    store.put_plans(elsewhere, [Plan(plan_id="c")])
    store.put_plans(HERE, [])

    assert [subject.plan.plan_id for subject in store.plan_subjects()] == ["c"]


def test_a_list_that_is_not_whole_takes_nothing_away() -> None:
    """A plan that is not in it may be the one that could not be read; what is in it is taken."""
    store, told = store_of("a", "b")
    new = store.put_plans(HERE, [Plan(plan_id="b", name="renamed"), Plan(plan_id="c")], whole=False)

    assert new == ["c"]
    assert [subject.plan.plan_id for subject in store.plans_of(HERE)] == ["a", "b", "c"]
    assert plan_of(store, "b").plan.name == "renamed"
    assert [key[2] for key, _ in told] == ["b", "c"]


def test_new_plans_are_named() -> None:
    """Only plans that were not known are new."""
    store, _ = store_of("a")

    assert store.put_plans(HERE, [Plan(plan_id="a"), Plan(plan_id="b")]) == ["b"]


def test_a_group_replaces_itself_and_nothing_else() -> None:
    """Reading full backups leaves the log's facts as they were."""
    store, told = store_of("a")
    put(store, "a", LOG_BACKUPS, LogHistory(last_data_at=5.0), 10.0)
    put(store, "a", FULL_BACKUPS, FullBackupHistory(), 20.0)
    subject = plan_of(store, "a")

    assert subject.get(LOG_BACKUPS) == LogHistory(last_data_at=5.0)
    assert (subject.known(FULL_BACKUPS).read_at, subject.known(LOG_BACKUPS).read_at) == (20.0, 10.0)
    assert set(subject.groups) == {FULL_BACKUPS.name, LOG_BACKUPS.name}
    assert len(told) == 2


def test_a_list_that_did_not_change_is_not_told() -> None:
    """The same plans with the same objectives again are no news."""
    store, told = store_of("a")
    store.put_plans(HERE, [Plan(plan_id="a")])

    assert told == []


def test_facts_that_did_not_change_are_the_same_object_with_a_new_time() -> None:
    """Who is told sees by that what it need not write again; only when it was read has changed."""
    store, told = store_of("a")
    first, again = DownloadHistory(last_success_at=5.0), DownloadHistory(last_success_at=5.0)
    put(store, "a", DOWNLOADS, first, 10.0)
    put(store, "a", DOWNLOADS, again, 20.0)
    known = plan_of(store, "a").known(DOWNLOADS)

    assert known.facts is first
    assert known.read_at == 20.0
    assert len(told) == 2


def test_facts_of_a_plan_that_is_gone_meanwhile_are_dropped() -> None:
    """A read that ends after its plan was deleted does not bring it back."""
    store, told = store_of("a")
    store.put_plans(HERE, [])
    told.clear()
    put(store, "a", FULL_BACKUPS, FullBackupHistory(), 10.0)

    assert told == []
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
    store.put_plans(HERE, [])
    store.put_plans(HERE, [Plan(plan_id="a")])
    subject = plan_of(store, "a")

    assert subject.tally(FULL_BACKUPS).success == 1
    assert subject.get(FULL_BACKUPS) is None
    assert subject.known(FULL_BACKUPS).read_at is None


def test_new_objectives_hold_at_once() -> None:
    """A reload changes what plans are held to without reading anything."""
    store, told = store_of("a")
    store.set_objectives(lambda plan: Objectives(rpo=60.0))

    assert [subject.objectives.rpo for _, subject in told if isinstance(subject, PlanSubject)] == [60.0]


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
    store, told = store_of("a")
    elsewhere = Scope(account="test", region="cn-hangzhou")
    for scope in (HERE, elsewhere):
        store.put_region(scope, GATEWAYS, (), 10.0)
        store.put_account(scope.account, REGIONS, (), 10.0)
    store.drop_account("prod")

    assert (("prod", "cn-hangzhou", "a"), None) in told
    assert (("prod", "cn-hangzhou", ""), None) in told
    assert (("prod", "", ""), None) in told
    assert [region.scope for region in store.region_subjects()] == [elsewhere]
    assert store.account("prod") is None
    assert store.account("test") is not None


def test_a_dropped_region_leaves_its_account() -> None:
    """What is known of the account belongs to no region."""
    store, told = store_of("a")
    store.put_region(HERE, GATEWAYS, (), 10.0)
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    told.clear()
    store.drop(HERE)

    assert told == [(("prod", "cn-hangzhou", "a"), None), (("prod", "cn-hangzhou", ""), None)]
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
    """Its facts and times are forgotten and that is told; what the others brought stays."""
    store, told = store_of("a")
    listed = PlanList(plans=(Plan(plan_id="a"),))
    put(store, "a", RESTORES, RestoreHistory(last_success_at=1.0), 10.0)
    put(store, "a", LOG_BACKUPS, LogHistory(last_data_at=5.0), 10.0)
    store.put_region(HERE, GATEWAYS, (), 10.0)
    store.put_region(HERE, NETWORKS, NodeNetworks(), 10.0)
    store.put_region(HERE, PLANS, listed, 10.0)
    told.clear()
    store.keep(HERE, [collector for collector in TABLE if collector.name not in ("restores", "nodes")])
    subject = plan_of(store, "a")
    (region,) = store.region_subjects()

    assert (subject.get(RESTORES), subject.known(RESTORES).read_at) == (None, None)
    assert subject.get(LOG_BACKUPS) == LogHistory(last_data_at=5.0)
    assert subject.known(LOG_BACKUPS).read_at == 10.0
    assert (region.get(NETWORKS), region.known(NETWORKS).read_at) == (None, None)
    assert region.get(GATEWAYS) == ()
    assert region.get(PLANS) == listed
    assert {key for key, _ in told} == {("prod", "cn-hangzhou", "a"), ("prod", "cn-hangzhou", "")}


def test_what_is_kept_is_not_told() -> None:
    """With every collector on nothing changes; and counters outlive the facts they were counted from."""
    store, told = store_of("a")
    put_ended(store, "a", "1")
    put_ended(store, "a", "1", "2")
    store.put_account("prod", REGIONS, (), 10.0)
    told.clear()
    store.keep(HERE, TABLE)
    store.keep_account("prod", TABLE)
    assert told == []
    store.keep(HERE, [TABLE["plans"]])

    assert plan_of(store, "a").get(FULL_BACKUPS) is None
    assert plan_of(store, "a").tally(FULL_BACKUPS).success == 1


def test_what_was_known_of_an_account_goes_when_it_is_switched_off() -> None:
    """It is told once; an account of which nothing is known is no news."""
    store, told = store_of()
    store.put_account("prod", REGIONS, ("cn-hangzhou",), 10.0)
    told.clear()
    store.keep_account("prod", [])
    store.keep_account("prod", [])
    store.keep_account("nobody", [])

    assert [key for key, _ in told] == [("prod", "", "")]
    known = store.account("prod")
    assert known is not None
    assert known.get(REGIONS) is None


def test_without_the_plan_list_no_plan_is_known() -> None:
    """Plans of a list that is read no more would never go."""
    store, told = store_of("a")
    store.keep(HERE, [collector for collector in TABLE if collector.name != "plans"])

    assert store.plan_subjects() == []
    assert told == [(("prod", "cn-hangzhou", "a"), None)]


def test_every_group_has_one_collector() -> None:
    """A group that two collectors brought would be kept when one of them is switched off."""
    groups = [collector.group.name for collector in TABLE]

    assert len(groups) == len(set(groups))
