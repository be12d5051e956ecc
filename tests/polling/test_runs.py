"""Outcomes of runs: success, refusal, failure, readiness. A policy may be taken away as well as given."""

from __future__ import annotations

from support.fake_clock import FakeClock

from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.permission import DENIED_RETRY_SECONDS
from dbs_exporter.polling.runs import Runs

HERE = Scope(account="prod", region="cn-hangzhou")
NAME = "full_backups"
PLANS = [f"dbs{number}" for number in range(50)]


def runs_of() -> tuple[Runs, FakeClock]:
    clock = FakeClock()
    runs = Runs(clock)
    runs.expect(HERE, NAME, 300.0)
    return runs, clock


def finish(runs: Runs, *subjects: str, success: bool = True) -> None:
    runs.finished(HERE, NAME, began_at=1.0, took_seconds=2.0, subjects=subjects, success=success)


def state(runs: Runs) -> CollectorState:
    (only,) = runs.states()
    return only


def test_ready_is_when_every_collector_has_ended_once() -> None:
    """A first run that failed is a first run too."""
    runs, _ = runs_of()
    before = runs.missing()
    finish(runs, success=False)

    assert before == ["prod cn-hangzhou: full_backups has not finished its first run"]
    assert runs.missing() == []
    assert state(runs).success is False


def test_a_success_is_dated_and_the_worst_plan_is_known() -> None:
    """The last success is now; the oldest read is that of the plan longest unread."""
    runs, clock = runs_of()
    runs.read(HERE, NAME, "a", clock.now())
    clock.advance(100)
    runs.read(HERE, NAME, "b", clock.now())
    finish(runs, "a", "b")

    assert state(runs).last_success_at == clock.now()
    assert state(runs).oldest_success_at == clock.now() - 100
    assert state(runs).subjects == 2


def test_a_failure_keeps_the_last_success_and_says_why() -> None:
    """Age goes on growing, the error names the plan, and a later success clears it."""
    runs, clock = runs_of()
    runs.read(HERE, NAME, "a", clock.now())
    finish(runs, "a")
    was = clock.now()
    clock.advance(300)
    runs.failed(HERE, NAME, "a", "a DescribeFullBackupList: Timeout")
    finish(runs, "a", success=False)

    assert state(runs).last_success_at == was
    assert state(runs).failed_subjects == 1
    assert state(runs).last_error == "a DescribeFullBackupList: Timeout"
    runs.read(HERE, NAME, "a", clock.now())
    finish(runs, "a")
    assert state(runs).failed_subjects == 0
    assert state(runs).last_error == ""


def test_a_refused_plan_is_asked_again_seldom_and_alone() -> None:
    """Other plans go on; the refused one waits, and its refusal is news once."""
    runs, clock = runs_of()
    runs.read(HERE, NAME, "b", clock.now())

    assert runs.denied(HERE, NAME, "a", "refused") is True
    assert runs.worth_asking(HERE, NAME, ["a", "b"]) == ["b"]
    clock.advance(DENIED_RETRY_SECONDS[0])
    assert runs.worth_asking(HERE, NAME, ["a", "b"]) == ["a", "b"]
    assert runs.denied(HERE, NAME, "a", "refused") is False


def test_an_operation_refused_for_several_plans_is_probed_with_one() -> None:
    """Refused thrice and never granted, it counts as not permitted and is not asked for every plan."""
    runs, clock = runs_of()
    plans = ["a", "b", "c", "d"]
    for plan in plans[:3]:
        runs.denied(HERE, NAME, plan, "refused")
    finish(runs, *plans)

    assert state(runs).permitted is False
    assert runs.worth_asking(HERE, NAME, plans) == []
    clock.advance(DENIED_RETRY_SECONDS[0])
    assert runs.worth_asking(HERE, NAME, plans) == ["a"]


def test_a_mended_policy_lets_all_plans_in_again() -> None:
    """One success of the probe is enough."""
    runs, clock = runs_of()
    for plan in ("a", "b", "c"):
        runs.denied(HERE, NAME, plan, "refused")
    runs.read(HERE, NAME, "a", clock.now())
    finish(runs, "a", "b", "c")

    assert runs.worth_asking(HERE, NAME, ["a", "b", "c"]) == ["a", "b", "c"]
    assert state(runs).permitted is True


def test_skipped_runs_are_counted() -> None:
    """Each run that was due in vain counts."""
    runs, _ = runs_of()
    runs.skipped(HERE, NAME)
    runs.skipped(HERE, NAME)

    assert state(runs).skipped_runs == 2


def test_what_is_not_expected_is_not_kept() -> None:
    """Words about a collector that runs no more, or never did, change nothing."""
    runs, _ = runs_of()
    runs.forget(HERE, NAME)
    runs.read(HERE, NAME, "a", 1.0)
    runs.failed(HERE, NAME, "a", "x")
    runs.skipped(HERE, NAME)
    finish(runs, "a")

    assert runs.states() == []
    assert runs.worth_asking(HERE, NAME, ["a"]) == []
    assert runs.denied(HERE, NAME, "a", "x") is False


def test_a_reload_keeps_what_is_known() -> None:
    """Expecting a collector again only changes its interval."""
    runs, _ = runs_of()
    finish(runs, "a")
    runs.expect(HERE, NAME, 60.0)

    assert state(runs).interval_seconds == 60.0
    assert state(runs).finished_first_run is True


def of_fifty_plans() -> tuple[Runs, FakeClock]:
    """A collector that has read each of fifty plans."""
    clock = FakeClock()
    runs = Runs(clock)
    runs.expect(HERE, NAME, 300.0)
    for plan in PLANS:
        runs.read(HERE, NAME, plan, clock.now())
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS, success=True)
    return runs, clock


def test_a_run_that_was_refused_everything_has_read_nothing() -> None:
    """Its last success stays where it was, so that its data are seen to grow old."""
    runs, clock = of_fifty_plans()
    before = runs.states()[0].last_success_at
    clock.advance(600.0)
    for plan in PLANS:
        runs.denied(HERE, NAME, plan, "refused")
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS, success=True)

    assert runs.states()[0].last_success_at == before
    assert runs.states()[0].success is True


def test_a_reload_asks_again_at_once() -> None:
    """Who mends a policy and reloads need not wait."""
    runs, _ = of_fifty_plans()
    for plan in PLANS:
        runs.denied(HERE, NAME, plan, "refused")
    assert runs.worth_asking(HERE, NAME, PLANS) == []
    assert runs.states()[0].permitted is False
    runs.ask_again()

    assert len(runs.worth_asking(HERE, NAME, PLANS)) == 1


def test_some_plans_refused_among_others_do_not_stop_the_others() -> None:
    """A policy by plan: however many are refused, one that is granted keeps the operation permitted."""
    runs, _ = of_fifty_plans()
    for plan in PLANS[:49]:
        runs.denied(HERE, NAME, plan, "refused")

    assert runs.worth_asking(HERE, NAME, PLANS) == ["dbs49"]
    assert runs.states()[0].permitted is True


def test_plans_that_are_gone_no_longer_vouch_for_the_operation() -> None:
    """The last plan that was granted is deleted; the rest are refused."""
    runs, clock = of_fifty_plans()
    for plan in PLANS[:49]:
        runs.denied(HERE, NAME, plan, "refused")
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS[:49], success=True)

    assert runs.worth_asking(HERE, NAME, PLANS[:49]) == []
    assert runs.states()[0].permitted is False


def test_a_refused_plan_is_not_the_oldest_success() -> None:
    """Its age is no failure; that of the plans which may be read goes on being told."""
    runs, clock = of_fifty_plans()
    began = clock.now()
    clock.advance(600.0)
    runs.denied(HERE, NAME, "dbs0", "refused")
    for plan in PLANS[1:]:
        runs.read(HERE, NAME, plan, clock.now())
    runs.finished(HERE, NAME, began_at=began, took_seconds=1.0, subjects=PLANS, success=True)

    assert runs.states()[0].oldest_success_at == clock.now()
