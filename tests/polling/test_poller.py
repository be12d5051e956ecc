"""Runs of one region: what fails alone, what is given up, what survives, and what no server can be made to do on cue."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from support.polling import (
    HANGZHOU,
    PATIENCE_SECONDS,
    FakeApi,
    SimulatedRegion,
    polled,
    simulated_region,
    until,
)

from dbs_exporter.collectors import gateways
from dbs_exporter.collectors.base import Reading
from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.errors import ServerError
from dbs_exporter.facts.billing import BILLING
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.gateways import GATEWAYS, Gateway
from dbs_exporter.facts.groups import Group
from dbs_exporter.facts.job_errors import JOB_ERRORS
from dbs_exporter.facts.log_backups import LOG_BACKUPS
from dbs_exporter.facts.restore_ranges import RANGES
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.poller import HOPELESS_AFTER
from dbs_exporter.polling.sharding import Shard

PROD = Scope(account="prod", region="cn-hangzhou")
GROUPS: tuple[Group[Any], ...] = (FULL_BACKUPS, LOG_BACKUPS, RESTORES, RANGES, BILLING)
"""Groups that every plan of the simulated cloud has."""


def test_everything_is_read_once_the_plans_are_known() -> None:
    """The plan list lets all other collectors begin, and each plan has all its groups in the end."""
    with simulated_region() as region:
        region.begin()
        subjects = region.store.plans_of(HANGZHOU)

        assert len(subjects) == len(region.simulator.world.plan_ids("demo", "cn-hangzhou"))
        for subject in subjects:
            for group in GROUPS:
                assert subject.get(group) is not None
                assert subject.known(group).read_at is not None
        assert region.region() is not None
        assert all(state.success for state in region.runs.states())
        assert not region.unknown


def test_only_reads_are_ever_called() -> None:
    """Whatever a collector does, it asks Describe operations only."""
    with simulated_region(incidents=("failed_full_backup", "failed_restore", "failed_precheck")) as region:
        region.begin()
        region.run("job_errors", "prechecks")

        assert all(operation.startswith("Describe") for operation in region.simulator.requests)


def test_an_error_code_is_asked_once_for_each_failed_job() -> None:
    """Later runs keep the answer as long as the job stands failed."""
    with simulated_region(incidents=("failed_full_backup",)) as region:
        region.begin()
        region.run("job_errors", "job_errors", "job_errors")
        (failed,) = region.simulator.world.incident_plans["failed_full_backup"]

        assert [error.error_code for error in region.plan(failed).get(JOB_ERRORS) or ()] == [
            "DBS.SourceAccessDenied"
        ]
        assert region.simulator.requests["DescribeJobErrorCode"] == 1


def test_a_plan_that_is_refused_fails_alone() -> None:
    """The others are read, the collector stays successful, and the refused plan is not asked again."""
    with simulated_region() as region:
        region.run("plans")
        until(
            lambda: (
                not [line for line in region.runs.missing() if "gateways" not in line and "nodes" not in line]
            )
        )
        victim = region.plan_ids()[0]
        region.simulator.set_faults([{"kind": "deny", "plan": victim, "operation": "DescribeFullBackupList"}])
        region.run("full_backups", "full_backups", "full_backups")

        assert region.state("full_backups").success is True
        assert region.state("full_backups").permitted is True
        assert region.calls["DescribeFullBackupList", "denied"] == 1


def test_an_operation_that_is_refused_is_not_hammered() -> None:
    """Refused for every plan, it is reported as not permitted and asked for a few plans only."""
    with simulated_region(plans=30) as region:
        region.simulator.set_faults([{"kind": "deny", "operation": "DescribeRestoreTaskList"}])
        region.begin()
        asked = region.calls["DescribeRestoreTaskList", "denied"]
        assert asked <= 3 + 4
        region.run("restores", "restores")

        assert region.state("restores").permitted is False
        assert region.calls["DescribeRestoreTaskList", "denied"] == asked
        assert region.state("full_backups").success is True


def test_a_broken_plan_keeps_its_last_good_facts() -> None:
    """A torn or wrong answer fails that plan's group; what was known stays, and others are renewed."""
    with simulated_region() as region:
        region.begin()
        victim, other = region.plan_ids()[:2]
        before = region.plan(victim).known(FULL_BACKUPS)
        region.simulator.set_faults(
            [{"kind": "wrong_total", "plan": victim, "operation": "DescribeFullBackupList"}]
        )
        region.run("full_backups")

        after, renewed = region.plan(victim).known(FULL_BACKUPS), region.plan(other).known(FULL_BACKUPS)
        assert after.facts == before.facts
        assert after.read_at == before.read_at
        assert (renewed.read_at or 0.0) > (before.read_at or 0.0)
        assert region.state("full_backups").failed_subjects == 1
        assert victim in region.state("full_backups").last_error


def test_a_failed_plan_list_deletes_nothing() -> None:
    """Neither an error nor a torn list nor one that does not add up removes a plan."""
    with simulated_region() as region:
        region.begin()
        before = region.plan_ids()
        for fault in ("unavailable", "torn", "wrong_total", "html", "reset", "no_items"):
            region.simulator.set_faults([{"kind": fault, "operation": "DescribeBackupPlanList"}])
            region.run("plans")
            assert region.state("plans").success is False, fault
            assert region.plan_ids() == before, fault


def test_a_deleted_plan_is_gone_after_the_next_list() -> None:
    """A complete list without the plan removes it."""
    with simulated_region() as region:
        region.begin()
        victim = region.plan_ids()[0]
        region.simulator.world.delete_plan(victim)
        region.run("plans")

        assert victim not in region.plan_ids()


def test_dead_credentials_end_a_run_early() -> None:
    """A key that stopped working is not tried once per plan."""
    with simulated_region(plans=40) as region:
        region.begin()
        region.keys.secret = "wrong"
        before = region.calls["DescribeFullBackupList", "denied"]
        region.run("full_backups")

        assert region.calls["DescribeFullBackupList", "denied"] - before <= 4
        assert region.state("full_backups").success is False
        assert region.state("full_backups").failed_subjects == len(region.plan_ids())
        assert "SignatureDoesNotMatch" in region.state("full_backups").last_error


def test_an_unknown_status_is_kept_and_counted() -> None:
    """A status the documents lack is a fact like others, and its field is told."""
    with simulated_region() as region:
        region.simulator.set_faults([{"kind": "unknown_values", "operation": "DescribeBackupGatewayList"}])
        region.begin()
        known = region.region()

        assert region.unknown["BackupGatewayStatus"]
        assert known is not None
        assert {gateway.status for gateway in known.get(GATEWAYS) or ()} == {"brand_new"}


def test_a_run_that_is_due_while_the_last_goes_on_is_skipped() -> None:
    """It is counted, and nothing runs twice at once."""
    with simulated_region(plans=3) as region:
        region.begin()
        region.simulator.set_faults(
            [{"kind": "latency", "seconds": 0.5, "operation": "DescribeFullBackupList"}]
        )
        before = region.state("full_backups")
        region.poller.run("full_backups")
        region.poller.run("full_backups")
        until(lambda: region.state("full_backups").last_run_at != before.last_run_at)

        assert region.state("full_backups").skipped_runs == before.skipped_runs + 1


def test_without_a_plan_list_the_others_end_and_say_why() -> None:
    """Readiness does not wait for an API that is down; the plan-level collectors have failed."""
    with simulated_region() as region:
        region.simulator.set_faults([{"kind": "refuse", "operation": "DescribeBackupPlanList"}])
        region.begin()

        assert region.state("full_backups").success is False
        assert region.state("full_backups").last_error.strip() == "the plan list could not be read yet"
        region.simulator.set_faults([])
        region.run("plans", "full_backups")
        assert region.state("full_backups").success is True


def test_a_collector_that_breaks_is_a_failed_run() -> None:
    """An unexpected exception is told like any other failure and takes nothing with it."""

    def broken(reading: Reading) -> tuple[Gateway, ...]:
        raise ZeroDivisionError("boom")

    table = Table(
        replace(gateways.COLLECTOR, read=broken) if collector is gateways.COLLECTOR else collector
        for collector in TABLE
    )
    with simulated_region(plans=6, table=table) as region:
        region.begin()

        assert region.state("gateways").success is False
        assert "boom" in region.state("gateways").last_error
        assert region.state("plans").success is True


def test_an_api_that_does_not_answer_is_given_up_for_the_run() -> None:
    """After a row of failures with no success the rest of the plans are not tried."""
    with simulated_region(plans=60, collectors=("plans", "full_backups")) as region:
        region.begin()
        calls = 0

        def pages(*_: Any, **__: Any) -> list[dict[str, Any]]:
            nonlocal calls
            calls += 1
            raise ServerError("down", operation="DescribeFullBackupList")

        object.__setattr__(region.poller.target.api, "pages", pages)
        region.run("full_backups")

        assert calls <= 8 + 4
        assert region.state("full_backups").failed_subjects == len(region.plan_ids()) > 12


def test_shards_together_hold_exactly_what_one_does() -> None:
    """Three shards share the plans of a region without gap or overlap, and one of them has the region's facts."""
    with simulated_region(plans=30) as whole:
        whole.begin()
        shares, owners = [], 0
        for index in range(3):
            part = SimulatedRegion(whole.simulator, shard=Shard(index=index, total=3))
            part.begin()
            shares.append(set(part.plan_ids()))
            known = part.region()
            owners += known is not None and known.get(GATEWAYS) is not None
            part.poller.close()

        assert set.union(*shares) == set(whole.plan_ids())
        assert sum(map(len, shares)) == len(whole.plan_ids())
        assert owners == 1


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()])
def test_an_exit_in_a_collector_is_a_failed_run_that_ends(raised: BaseException) -> None:
    """It is told by the plan's id, the other plans are read, and the next run may begin."""
    api = FakeApi()

    def exits(operation: str, plan: str) -> None:
        if (operation, plan) == ("DescribeFullBackupList", "p001"):
            raise raised

    api.before = exits
    with polled(api, PROD) as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())
        state = next(state for state in runs.states() if state.collector == "full_backups")
        unread = [
            subject.plan.plan_id for subject in store.plans_of(PROD) if subject.get(FULL_BACKUPS) is None
        ]

        assert (state.success, state.failed_subjects) == (False, 1)
        assert "p001" in state.last_error
        assert unread == ["p001"]


def test_a_plan_list_with_a_record_that_cannot_be_read_takes_no_plan_away() -> None:
    """The record may be that of the plan that is missing; once the list can be read again, the plan is gone."""
    api = FakeApi(plans=3)
    with polled(api, PROD) as (poller, store, runs):

        def list_again() -> list[str]:
            asked = api.asked.count(("DescribeBackupPlanList", ""))
            poller.run("plans")
            until(lambda: api.asked.count(("DescribeBackupPlanList", "")) > asked and not poller._active)
            return sorted(subject.plan.plan_id for subject in store.plans_of(PROD))

        first = list_again()
        api.plans, api.unreadable = 2, [{"BackupPlanStatus": "running"}]
        second = list_again()
        api.unreadable = []
        third = list_again()

        assert (first, second) == (["p000", "p001", "p002"], ["p000", "p001", "p002"])
        assert third == ["p000", "p001"]
        until(lambda: not runs.missing())


def test_plans_broken_in_a_row_do_not_starve_those_behind_them() -> None:
    """A run that is given up is taken up where it was left, so every healthy plan is read in the end."""
    api = FakeApi(plans=40)

    def broken(operation: str, plan: str) -> None:
        if operation == "DescribeFullBackupList" and plan < f"p{HOPELESS_AFTER:03}":
            raise ServerError("broken", operation=operation)

    api.before = broken
    with polled(api, PROD) as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())
        until(lambda: not poller._active)
        poller.run("full_backups")
        until(lambda: not poller._active)

        read = [subject for subject in store.plans_of(PROD) if subject.get(FULL_BACKUPS) is not None]
        assert len(read) == 40 - HOPELESS_AFTER


def test_error_codes_are_there_when_it_is_ready() -> None:
    """What others must find first is asked about after them, not an interval later."""
    api = FakeApi()
    slow = threading.Event()

    def late(operation: str, _plan: str) -> None:
        if operation == "DescribeFullBackupList":
            slow.wait(PATIENCE_SECONDS)

    api.before = late
    with polled(api, PROD, "plans", "full_backups", "restores", "job_errors") as (poller, store, runs):
        poller.run("plans")
        until(lambda: ("DescribeRestoreTaskList", "p000") in api.asked)
        slow.set()
        until(lambda: not runs.missing())

        found = [subject.get(JOB_ERRORS) for subject in store.plans_of(PROD)]
        assert len(found) == 3
        assert all(found)


def test_error_codes_do_not_wait_for_what_is_switched_off() -> None:
    """Without the collectors that would find failed jobs there is none to ask about."""
    with polled(FakeApi(), PROD, "plans", "job_errors") as (poller, store, runs):
        poller.run("plans")
        until(lambda: not runs.missing())

        assert [subject.get(JOB_ERRORS) for subject in store.plans_of(PROD)] == [(), (), ()]
