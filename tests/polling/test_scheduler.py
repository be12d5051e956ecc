"""Which accounts and regions are watched: starts, reloads, regions that are found, shards, and ends that wait for nobody."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from support.fake_clock import FakeClock
from support.polling import (
    HANGZHOU,
    HOUR,
    IN_A_REGION,
    FakeCloud,
    Held,
    Polling,
    account_of,
    ages_of,
)

from dbs_exporter import errors
from dbs_exporter.facts.gateways import GATEWAYS
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.restores import RESTORES
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.account_poller import Account
from dbs_exporter.polling.sharding import Shard
from dbs_exporter.polling.target import Ages

OF_ACCOUNT = {"regions": HOUR}
PLAN_LIST = "DescribeBackupPlanList"
PATIENCE_SECONDS = 30.0


def polling_with(plans: int = 3, shard: Shard = Shard()) -> tuple[Polling, FakeCloud]:  # noqa: B008 - frozen
    """Polling without an account yet, and a cloud."""
    clock = FakeClock()
    return Polling(clock, shard=shard), FakeCloud(clock, plans, regions=("cn-hangzhou", "cn-shanghai"))


def test_everything_is_read_at_once() -> None:
    """Right after the start every collector has its turn, without waiting for its interval."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT))
    polling.run(60.0)

    assert {state.collector for state in polling.outcomes.states()} == {*IN_A_REGION, "regions"}
    on_demand = {"job_errors", "prechecks"}
    assert all(state.success for state in polling.outcomes.states() if state.collector not in on_demand)
    assert polling.plan_ids() == ["p000", "p001", "p002"]
    assert polling.outcomes.missing() == []


def test_a_reload_keeps_what_did_not_change_and_drops_what_is_gone() -> None:
    """An unchanged account is not asked again; a region that is gone takes its plans with it."""
    polling, cloud = polling_with()
    both = ("cn-hangzhou", "cn-shanghai")
    polling.apply(account_of(cloud, regions=both, of_account=OF_ACCOUNT))
    polling.run(60.0)
    asked = Counter(question.operation for question in cloud.asked)
    targets = list(polling.targets)
    polling.apply(account_of(cloud, regions=both, of_account=OF_ACCOUNT))
    assert [target is before for target, before in zip(polling.targets, targets, strict=True)] == [True, True]
    polling.run(5.0)
    assert Counter(question.operation for question in cloud.asked)[PLAN_LIST] == asked[PLAN_LIST]
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT, fingerprint=2))

    assert polling.watched_regions() == {"cn-hangzhou"}
    assert {state.scope.region for state in polling.outcomes.states()} == {"cn-hangzhou"}
    polling.apply()
    assert polling.store.plan_subjects() == []
    assert polling.store.region_subjects() == []
    assert polling.store.account("prod") is None
    assert polling.outcomes.states() == []
    assert polling.targets == []
    asked_before = len(cloud.asked)
    polling.run(HOUR)
    assert len(cloud.asked) == asked_before


def test_accounts_come_and_go_by_themselves() -> None:
    """A new one is read beside those that go on."""
    polling, cloud = polling_with()
    other = FakeCloud(polling.clock, 2)
    polling.apply(account_of(cloud))
    polling.run(60.0)
    asked = len(cloud.questions("DescribeBackupSetDownloadTaskList"))
    polling.apply(account_of(cloud), account_of(other, "second"))
    polling.run(20.0)

    assert polling.plan_ids(Scope(account="second", region="cn-hangzhou")) == ["p000", "p001"]
    assert len(polling.scheduler.budgets()) == 2
    polling.apply(account_of(other, "second"))
    assert {subject.scope.account for subject in polling.store.plan_subjects()} == {"second"}
    assert asked == 3


def test_regions_can_be_found() -> None:
    """With `all`, the API's regions are watched; one that disappears goes with its data, and one that appears is read."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, regions=None, of_account={"regions": 600.0}))
    polling.run(60.0)
    assert polling.watched_regions() == {"cn-hangzhou", "cn-shanghai"}
    cloud.regions = ("cn-hangzhou", "cn-beijing")
    polling.run(700.0)

    assert polling.watched_regions() == {"cn-hangzhou", "cn-beijing"}
    assert {target.scope.region for target in polling.targets} == {"cn-hangzhou", "cn-beijing"}
    assert {state.scope.region for state in polling.outcomes.states()} == {"cn-hangzhou", "cn-beijing"}


def test_regions_that_cannot_be_found_take_nothing_away() -> None:
    """Neither a failure nor an empty list, which is not believed."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, regions=None, of_account={"regions": 600.0}))
    polling.run(60.0)
    cloud.regions = ()
    polling.run(HOUR)

    assert polling.watched_regions() == {"cn-hangzhou", "cn-shanghai"}
    assert polling.state("regions").success is False


def test_what_is_known_of_an_account_does_not_say_what_is_watched_where_regions_are_listed() -> None:
    """Of an account with regions of its own the supported ones are a fact like any other."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT))
    polling.run(60.0)
    known = polling.store.account("prod")

    assert known is not None
    assert known.get(REGIONS) == ("cn-hangzhou", "cn-shanghai")
    assert polling.watched_regions() == {"cn-hangzhou"}


def test_what_is_switched_off_is_forgotten() -> None:
    """Read no more, it would never change again: of an account, of a region, and of its plans."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT))
    polling.run(60.0)
    fewer = tuple(name for name in IN_A_REGION if name not in ("gateways", "restores"))
    polling.apply(account_of(cloud, collectors=fewer, fingerprint=2))
    account, region = polling.store.account("prod"), polling.region()

    assert account is not None
    assert account.get(REGIONS) is None
    assert region is not None
    assert region.get(GATEWAYS) is None
    assert "gateways" not in region.promised
    assert polling.plan("p000").get(RESTORES) is None
    assert "restores" not in polling.plan("p000").promised
    assert {"regions", "gateways", "restores"} & {
        state.collector for state in polling.outcomes.states()
    } == set()
    asked = Counter(question.operation for question in cloud.asked)
    polling.run(HOUR)
    after = Counter(question.operation for question in cloud.asked) - asked
    assert {"DescribeRegions", "DescribeBackupGatewayList", "DescribeRestoreTaskList"} & after.keys() == set()


def test_an_interval_of_zero_is_refused_and_the_next_configuration_is_taken() -> None:
    """A collector that would never rest is an error that names it."""
    polling, cloud = polling_with()
    restless = [
        account_of(cloud, collectors={name: Ages(interval=0.0, at_rest=0.0)})
        for name in ("plans", "full_backups")
    ]
    for account in (*restless, account_of(cloud, of_account={"regions": 0.0})):
        with pytest.raises(ValueError, match="never rest"):
            polling.apply(account)
        polling.apply()
    polling.apply(account_of(cloud, fingerprint=3))
    polling.run(30.0)

    assert polling.plan_ids() == ["p000", "p001", "p002"]


def test_who_is_watched_is_handed_on_whenever_it_changes() -> None:
    """The exporter's own metrics follow it."""
    polling, cloud = polling_with()
    polling.apply(account_of(cloud, regions=None, of_account=OF_ACCOUNT))
    assert polling.targets == []
    polling.run(5.0)

    assert {target.scope for target in polling.targets} == {
        HANGZHOU,
        Scope(account="prod", region="cn-shanghai"),
    }


# ── shards ──


def test_shards_together_read_what_one_does_and_no_region_twice() -> None:
    """Each region is read wholly by one of them: its plans, its gateways, and its call quota."""
    regions = tuple(f"cn-region{number}" for number in range(9))
    found: list[tuple[set[tuple[str, str]], set[str]]] = []
    for index, total in ((0, 1), (0, 3), (1, 3), (2, 3)):
        polling, cloud = polling_with(plans=4, shard=Shard(index=index, total=total))
        polling.apply(account_of(cloud, regions=regions))
        polling.run(60.0)
        plans = {(subject.scope.region, subject.plan.plan_id) for subject in polling.store.plan_subjects()}
        gateways = {
            region.scope.region
            for region in polling.store.region_subjects()
            if region.get(GATEWAYS) is not None
        }
        assert {region for region, _ in plans} == gateways
        assert {budget.scope.region for budget in polling.scheduler.budgets()} == gateways
        found.append((plans, gateways))
    whole, *shares = found

    assert set.union(*(plans for plans, _ in shares)) == whole[0]
    assert sum(len(plans) for plans, _ in shares) == len(whole[0]) == 36
    assert sum(len(gateways) for _, gateways in shares) == len(whole[1]) == 9


@pytest.mark.parametrize("index", [0, 1])
def test_a_shard_without_a_region_is_ready_and_asks_nothing(index: int) -> None:
    """One region is one shard's; the other waits, and is not blind."""
    shard = Shard(index=index, total=2)
    polling, cloud = polling_with(shard=shard)
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT))
    polling.run(60.0)
    mine = shard.owns_region(HANGZHOU)

    assert polling.outcomes.missing() == []
    assert bool(polling.store.plan_subjects()) == bool(cloud.asked) == mine
    assert bool(polling.outcomes.states()) == mine


@pytest.mark.parametrize("index", [0, 1])
def test_a_region_taken_out_of_an_account_leaves_no_plan_on_any_shard(index: int) -> None:
    """Whichever of them had read it."""
    polling, cloud = polling_with(plans=5, shard=Shard(index=index, total=2))
    polling.apply(account_of(cloud, regions=("cn-hangzhou", "cn-beijing")))
    polling.run(60.0)
    before = polling.watched_regions()
    polling.apply(account_of(cloud, regions=("cn-beijing",), fingerprint=2))

    assert polling.watched_regions() == before - {"cn-hangzhou"}


# ── readiness ──


def test_ready_is_when_plan_lists_and_full_backups_were_read_or_have_failed_once() -> None:
    """Not when logs, restores and downloads were: the lines say what is waited for."""
    polling, cloud = polling_with(plans=40)
    polling.apply(account_of(cloud, of_account=OF_ACCOUNT))
    assert polling.outcomes.missing() == ["prod cn-hangzhou: plans: not read yet"]
    polling.run(3.0)
    assert any("full_backups" in line and "of 40 plans" in line for line in polling.outcomes.missing())
    cloud.before = _refuse
    took = polling.run_until(lambda: not polling.outcomes.missing(), within=60.0)

    assert took <= 10.0
    assert polling.plan("p039").get(RESTORES) is None


def _refuse(operation: str, plan: str) -> None:
    if operation == "DescribeFullBackupList" and plan == "p007":
        raise errors.BadAnswer("odd")


def test_dead_credentials_of_one_account_keep_nobody_from_being_ready() -> None:
    """After two minutes nothing is waited for."""
    polling, cloud = polling_with()
    dead = FakeCloud(polling.clock, 3)

    def before(_operation: str, _plan: str) -> None:
        raise errors.Timeout("no answer")

    dead.before = before
    polling.apply(account_of(cloud), account_of(dead, "dead"))
    polling.run(100.0)
    found = polling.plan_ids()
    polling.run(21.0)

    assert found == ["p000", "p001", "p002"]
    assert polling.outcomes.missing() == []


# ── many ──


def stuck_accounts(clock: FakeClock, count: int) -> list[Account]:
    """Accounts that watch all regions and are to be asked for them first."""
    return [
        account_of(FakeCloud(clock, 3), f"stuck{number}", regions=None, of_account=OF_ACCOUNT)
        for number in range(count)
    ]


def test_accounts_that_hang_hold_up_nobody() -> None:
    """However many wait for an answer, another account is read on: they hold half of all threads at most."""
    clock = FakeClock()
    polling = Polling(clock, runner=(runner := Held(8)))
    cloud = FakeCloud(clock, 3)
    healthy = account_of(cloud, collectors=ages_of(eased=False))
    polling.apply(healthy)
    for _ in range(20):
        polling.step()
        runner.finish()
        clock.advance(1.0)
    polling.apply(healthy, *stuck_accounts(clock, 12))
    polling.step()
    assert len(runner.held) == 4
    asked = len(cloud.questions(PLAN_LIST))
    for _ in range(int(HOUR) // 10):
        polling.step()
        # Those that were handed out first are the ones that hang.
        ready = runner.held[4:]
        del runner.held[4:]
        for task in ready:
            task()
        clock.advance(10.0)

    assert len(cloud.questions(PLAN_LIST)) - asked >= 25
    assert polling.fresh_for("p000", "full_backups") > 0
    assert len(runner.held) == 4


def test_an_account_that_comes_while_others_hang_has_its_turn_when_one_of_them_has_timed_out() -> None:
    """Nobody knows yet whether it answers, so it waits with those of which nobody knows either."""
    clock = FakeClock()
    polling = Polling(clock, runner=(runner := Held(8)))
    stuck = stuck_accounts(clock, 12)
    polling.apply(*stuck)
    polling.step()
    cloud = FakeCloud(clock, 3)
    clock.advance(1.0)
    polling.apply(*stuck, account_of(cloud))
    polling.step()
    assert cloud.asked == []
    for _ in range(13):
        runner.finish(1)
        polling.step()

    assert len(cloud.questions(PLAN_LIST)) + len(cloud.questions("DescribeBackupGatewayList")) >= 1


def test_a_region_that_hangs_takes_no_more_than_its_places() -> None:
    """Two hundred readings that are due hold as many threads as the account may call at once."""
    clock = FakeClock()
    polling = Polling(clock, runner=(runner := Held(64)))
    cloud = FakeCloud(clock, 200, rate=1000.0)
    polling.apply(account_of(cloud, concurrency=4))
    for _ in range(10):
        polling.step()
        runner.finish()
        clock.advance(0.1)
    for _ in range(100):
        polling.step()
        clock.advance(0.1)

    assert len(runner.held) == 4


def test_every_account_and_region_has_its_turn() -> None:
    """Forty regions of four accounts: all plans are known within as long as the calls take."""
    clock = FakeClock()
    polling = Polling(clock)
    clouds = [FakeCloud(clock, 2) for _ in range(4)]
    regions = tuple(f"cn-region{number}" for number in range(10))
    polling.apply(
        *(
            account_of(cloud, f"account{number}", regions=regions, collectors=ages_of(eased=False))
            for number, cloud in enumerate(clouds)
        )
    )
    polling.run(30.0)

    assert len(polling.store.plan_subjects()) == 80
    assert all(
        state.success for state in polling.outcomes.states() if state.collector in ("plans", "full_backups")
    )


# ── ends ──


def test_after_closing_nothing_is_asked_and_nothing_is_taken() -> None:
    """Readings under way may end; what they bring stays out."""
    clock = FakeClock()
    polling = Polling(clock, runner=(runner := Held()))
    cloud = FakeCloud(clock, 3)
    polling.apply(account_of(cloud))
    polling.step()
    assert runner.held
    polling.scheduler.close()
    runner.finish()
    polling.run(HOUR)

    assert polling.store.plan_subjects() == []
    assert len(cloud.asked) == 1
    assert polling.scheduler.budgets() == []


HANGING = """
import threading
from dbs_exporter.api.server_time import ServerTime
from dbs_exporter.clock import SystemClock
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.polling.account_poller import Account
from dbs_exporter.polling.outcomes import Outcomes
from dbs_exporter.polling.scheduler import Scheduler
from dbs_exporter.polling.store import Store

asked = threading.Event()

class Hanging:
    def call(self, operation, params, *, within=None):
        asked.set()
        threading.Event().wait()

clock = SystemClock()
account = Account(
    name="a", target=lambda region: None, regions=None, home="cn-hangzhou", api=Hanging(), time=ServerTime(clock),
    intervals={"regions": 60.0},
)
scheduler = Scheduler(store=Store(lambda plan: Objectives()), outcomes=Outcomes(clock), clock=clock)
scheduler.apply([account])
scheduler.start()
asked.wait()

scheduler.close()
print("closed", len([thread for thread in threading.enumerate() if thread.name.startswith("reader-")]))
"""


def test_a_process_ends_while_a_question_hangs() -> None:
    """The question hangs for ever, so that only a process which does not wait for it ends at all."""
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "closed 1\n", "")
