"""What is kept of what was read, and who is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from dbs_exporter.collectors.table import TABLE, Ended, PlanRead
from dbs_exporter.facts.full_backups import FullBackupHistory
from dbs_exporter.facts.gateways import plans_per_gateway
from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.log_backups import LogHistory
from dbs_exporter.facts.networks import NodeNetworks
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restores import RestoreHistory
from dbs_exporter.facts.subjects import PlanSubject, RegionSubject, Scope, SubjectKey
from dbs_exporter.polling.store import Store

HERE = Scope(account="prod", region="cn-hangzhou")


def store_of(*plan_ids: str) -> tuple[Store, list[tuple[SubjectKey, Subject | None]]]:
    """A store with plans, and everything it tells from then on."""
    store = Store(lambda plan: Objectives())
    store.put_plans(HERE, [Plan(plan_id=one) for one in plan_ids])
    told: list[tuple[SubjectKey, Subject | None]] = []
    store.subscribe(lambda key, subject: told.append((key, subject)))
    told.clear()
    return store, told


def read(**facts: Any) -> PlanRead:
    return PlanRead(facts=facts)


def ended(*identities: str, tally: str = "full_backup_tally") -> PlanRead:
    sets = tuple(
        Ended(identity=one, success=not one.startswith("bad"), size_bytes=10, duration_seconds=2.0)
        for one in identities
    )
    return PlanRead(facts={}, ended=sets, tally=tally)


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

    assert [one.plan.plan_id for one in store.plan_subjects()] == ["c"]


def test_new_plans_are_named() -> None:
    """Only plans that were not known are new."""
    store, _ = store_of("a")

    assert store.put_plans(HERE, [Plan(plan_id="a"), Plan(plan_id="b")]) == ["b"]


def test_a_group_replaces_itself_and_nothing_else() -> None:
    """Reading full backups leaves the log's facts as they were."""
    store, told = store_of("a")
    store.put_plan(HERE, "a", "incremental_backups", read(logs=LogHistory(last_data_at=5.0)), 10.0)
    store.put_plan(HERE, "a", "full_backups", read(full_backups=FullBackupHistory()), 20.0)
    subject = store.plan(HERE, "a")

    assert subject is not None
    assert subject.logs == LogHistory(last_data_at=5.0)
    assert subject.read_at == (("full_backups", 20.0), ("incremental_backups", 10.0))
    assert len(told) == 2


def test_what_did_not_change_is_not_told() -> None:
    """The same list and the same facts again are no news."""
    store, told = store_of("a")
    store.put_plan(HERE, "a", "downloads", read(downloads=None), 10.0)
    store.put_plans(HERE, [Plan(plan_id="a")])

    assert told == []


def test_facts_of_a_plan_that_is_gone_meanwhile_are_dropped() -> None:
    """A read that ends after its plan was deleted does not bring it back."""
    store, told = store_of("a")
    store.put_plans(HERE, [])
    told.clear()
    store.put_plan(HERE, "a", "full_backups", read(full_backups=FullBackupHistory()), 10.0)

    assert told == []
    assert store.plan_subjects() == []


def test_counters_start_at_zero_and_count_each_set_once() -> None:
    """What the first list holds was not seen to end; later sets count once however often they are listed."""
    store, _ = store_of("a")
    for sets in (("1", "2"), ("1", "2", "3"), ("3", "2"), ("1", "2", "3", "bad4"), ("bad4",)):
        store.put_plan(HERE, "a", "full_backups", ended(*sets), 0.0)
    tally = store.plan(HERE, "a").full_backup_tally  # type: ignore[union-attr]

    assert (tally.success, tally.failure, tally.size_bytes, tally.duration_seconds) == (1, 1, 20, 4.0)


def test_counters_never_go_down_when_a_plan_returns() -> None:
    """A plan that disappears and comes back goes on counting where it was."""
    store, _ = store_of("a")
    store.put_plan(HERE, "a", "full_backups", ended("1"), 0.0)
    store.put_plan(HERE, "a", "full_backups", ended("1", "2"), 0.0)
    store.put_plans(HERE, [])
    store.put_plans(HERE, [Plan(plan_id="a")])

    assert store.plan(HERE, "a").full_backup_tally.success == 1  # type: ignore[union-attr]


def test_counters_of_different_lists_do_not_mix() -> None:
    """Full backups, log files and restores have tallies of their own."""
    store, _ = store_of("a")
    for tally in ("full_backup_tally", "log_tally", "restore_tally"):
        store.put_plan(HERE, "a", "full_backups", ended("1", tally=tally), 0.0)
    store.put_plan(HERE, "a", "incremental_backups", ended("1", "2", tally="log_tally"), 0.0)
    subject = store.plan(HERE, "a")

    assert subject is not None
    assert (subject.full_backup_tally.success, subject.log_tally.success, subject.restore_tally.success) == (
        0,
        1,
        0,
    )


def test_new_objectives_hold_at_once() -> None:
    """A reload changes what plans are held to without reading anything."""
    store, told = store_of("a")
    store.set_objectives(lambda plan: Objectives(rpo=60.0))

    assert [subject.objectives.rpo for _, subject in told if isinstance(subject, PlanSubject)] == [60.0]


def test_a_new_subscriber_hears_what_is_known() -> None:
    """Whoever subscribes late starts with everything."""
    store, _ = store_of("a")
    store.put_region(HERE, gateways=())
    heard: list[SubjectKey] = []
    store.subscribe(lambda key, subject: heard.append(key))

    assert heard == [("prod", "cn-hangzhou", ""), ("prod", "cn-hangzhou", "a")]
    assert store.subject(heard[0]) is not None
    assert store.subject(heard[1]) is not None


def test_a_dropped_region_leaves_nothing() -> None:
    """An account's region that is no longer watched goes with its plans."""
    store, told = store_of("a")
    store.put_region(HERE, gateways=())
    store.drop_account("prod")

    assert (("prod", "cn-hangzhou", "a"), None) in told
    assert (("prod", "cn-hangzhou", ""), None) in told
    assert store.region_subjects() == []


def test_regions_no_longer_supported_lose_their_mark() -> None:
    """The list of regions is replaced whole, per account."""
    store, _ = store_of()
    store.put_supported_regions("prod", ["cn-hangzhou", "cn-beijing"])
    store.put_supported_regions("prod", ["cn-hangzhou"])

    assert {one.scope.region: one.supported for one in store.region_subjects()} == {
        "cn-hangzhou": True,
        "cn-beijing": None,
    }


def test_plans_are_counted_by_their_gateway() -> None:
    """Plans without a gateway count for none."""
    plans = [
        Plan(plan_id=str(number), gateway_id=gateway) for number, gateway in enumerate(["7", "", "7", "8"])
    ]

    assert plans_per_gateway(plans) == (("7", 2), ("8", 1))


def test_what_a_collector_brought_goes_when_it_is_switched_off() -> None:
    """Its facts and times are forgotten and that is told; what the others brought stays."""
    store, told = store_of("a")
    store.put_plan(HERE, "a", "restores", read(restores=RestoreHistory(last_success_at=1.0)), 10.0)
    store.put_plan(HERE, "a", "incremental_backups", read(logs=LogHistory(last_data_at=5.0)), 10.0)
    store.put_region(HERE, gateways=(), networks=NodeNetworks(), gateway_plans=())
    told.clear()
    store.keep(HERE, [one for one in TABLE if one not in ("restores", "nodes")])
    subject = store.plan(HERE, "a")

    assert subject is not None
    assert subject.restores is None
    assert subject.logs == LogHistory(last_data_at=5.0)
    assert subject.read_at == (("incremental_backups", 10.0),)
    assert store.region_subjects() == [RegionSubject(scope=HERE, gateways=(), gateway_plans=())]
    assert {key for key, _ in told} == {("prod", "cn-hangzhou", "a"), ("prod", "cn-hangzhou", "")}


def test_without_the_plan_list_no_plan_is_known() -> None:
    """Plans of a list that is read no more would never go."""
    store, told = store_of("a")
    store.keep(HERE, [one for one in TABLE if one != "plans"])

    assert store.plan_subjects() == []
    assert told == [(("prod", "cn-hangzhou", "a"), None)]


def test_every_fact_has_one_collector() -> None:
    """Each field of a plan or region that is read is named by the one collector that fills it."""
    filled = [name for one in TABLE.values() for name in one.facts]
    kept = {one.name for kind in (PlanSubject, RegionSubject) for one in fields(kind)}

    assert len(filled) == len(set(filled))
    assert kept - set(filled) == {"scope", "plan", "objectives", "read_at"}
