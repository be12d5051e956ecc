"""Outcomes of readings: success, refusal, failure, readiness. A policy may be taken away as well as given."""

from __future__ import annotations

from support.fake_clock import FakeClock

from dbs_exporter.collectors.learned import Fared
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.outcomes import READY_SECONDS, Outcomes
from dbs_exporter.polling.permission import DENIED_RETRY_SECONDS

HERE = Scope(account="prod", region="cn-hangzhou")
NAME = "full_backups"
PLANS = [f"dbs{number}" for number in range(50)]


def outcomes_of(*plans: str) -> tuple[Outcomes, FakeClock]:
    """One collector of plans that must read these before the exporter is ready."""
    clock = FakeClock()
    outcomes = Outcomes(clock)
    outcomes.expect(HERE, NAME, NAME, gates_readiness=True)
    outcomes.set_subjects(HERE, NAME, plans)
    return outcomes, clock


def of_fifty_plans() -> tuple[Outcomes, FakeClock]:
    """A collector that has read each of fifty plans."""
    outcomes, clock = outcomes_of(*PLANS)
    for plan in PLANS:
        outcomes.on_read(HERE, NAME, plan, clock.now())
    return outcomes, clock


def worth_asking(outcomes: Outcomes, plans: list[str]) -> list[str]:
    return [plan for plan in plans if outcomes.retry_after(HERE, NAME, plan) == 0]


def state(outcomes: Outcomes) -> CollectorState:
    (only,) = outcomes.states()
    return only


def test_before_the_first_reading_nothing_is_claimed() -> None:
    """Neither success nor failure nor a time, but what is to be read."""
    outcomes, _ = outcomes_of("a", "b")

    assert state(outcomes) == CollectorState(scope=HERE, collector=NAME, facts=NAME, subjects=2)


def test_ready_is_when_each_plan_was_read_or_failed_or_was_refused_once() -> None:
    """The line says how many are left; a first failure is a first try too."""
    outcomes, clock = outcomes_of("a", "b", "c")
    assert outcomes.missing() == ["prod cn-hangzhou: full_backups: 3 of 3 plans"]
    outcomes.on_failed(HERE, NAME, "a", "broken", clock.now())
    outcomes.on_denied(HERE, NAME, "b", "refused", clock.now())
    assert outcomes.missing() == ["prod cn-hangzhou: full_backups: 1 of 3 plans"]
    outcomes.on_read(HERE, NAME, "c", clock.now())

    assert outcomes.missing() == []


def test_what_belongs_to_a_region_is_read_or_not() -> None:
    """It is not counted in plans."""
    outcomes, clock = outcomes_of("")
    before = outcomes.missing()
    outcomes.on_read(HERE, NAME, "", clock.now())

    assert before == ["prod cn-hangzhou: full_backups: not read yet"]
    assert outcomes.missing() == []


def test_readiness_waits_for_what_gates_it_and_for_no_longer_than_two_minutes() -> None:
    """Dead credentials of one account keep no pod from being ready."""
    outcomes, clock = outcomes_of("a")
    outcomes.expect(HERE, "downloads", "downloads")
    outcomes.set_subjects(HERE, "downloads", ["a"])
    assert len(outcomes.missing()) == 1
    clock.advance(READY_SECONDS - 1.0)
    assert len(outcomes.missing()) == 1
    clock.set_wall(0.0)
    clock.advance(1.0)

    assert READY_SECONDS == 120.0
    assert outcomes.missing() == []


def test_a_success_is_dated_and_the_worst_plan_is_known() -> None:
    """The last success is that of the newest reading, the oldest that of the plan longest unread."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    clock.advance(100)
    outcomes.on_read(HERE, NAME, "b", clock.now())

    assert state(outcomes).success is True
    assert state(outcomes).last_success_at == clock.now()
    assert state(outcomes).oldest_success_at == clock.now() - 100
    assert state(outcomes).subjects == 2


def test_a_failure_keeps_the_last_success_and_says_why() -> None:
    """Age goes on growing, the error names the plan, and a later success clears it."""
    outcomes, clock = outcomes_of("a")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    was = clock.now()
    clock.advance(300)

    assert outcomes.on_failed(HERE, NAME, "a", "a DescribeFullBackupList: Timeout", clock.now()) is True
    assert outcomes.on_failed(HERE, NAME, "a", "a DescribeFullBackupList: Timeout", clock.now()) is False
    assert state(outcomes).success is False
    assert state(outcomes).last_success_at == was
    assert state(outcomes).failed_subjects == 1
    assert state(outcomes).last_error == "a DescribeFullBackupList: Timeout"
    assert state(outcomes).last_error_at == clock.now()
    outcomes.on_read(HERE, NAME, "a", clock.now())
    assert state(outcomes).success is True
    assert state(outcomes).failed_subjects == 0
    assert state(outcomes).last_error == ""


def test_one_plan_that_cannot_be_read_is_not_hidden_by_others_that_can() -> None:
    """Success is that of the latest reading of every plan, and the error stays while one of them has it."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_failed(HERE, NAME, "a", "a broken", clock.now())
    outcomes.on_read(HERE, NAME, "b", clock.now())

    assert (state(outcomes).success, state(outcomes).failed_subjects) == (False, 1)
    assert state(outcomes).last_error == "a broken"


def test_what_was_followed_again_is_no_failure_any_more() -> None:
    """That a running task could not be read by its id is over with the next time that it could."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    outcomes.on_failed(HERE, NAME, "a", "broken", clock.now())
    read_at = state(outcomes).last_success_at
    clock.advance(60.0)
    outcomes.on_followed(HERE, NAME, ["a", "gone"])

    assert (state(outcomes).success, state(outcomes).failed_subjects) == (True, 0)
    assert state(outcomes).last_success_at == read_at


def test_a_plan_that_is_gone_by_the_time_that_its_reading_ends_is_not_read_any_more() -> None:
    """Neither its success nor its failure would ever change again, and its age would grow for ever."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    outcomes.set_subjects(HERE, NAME, ["a"])
    clock.advance(600.0)
    outcomes.on_read(HERE, NAME, "b", clock.now() - 500.0)
    outcomes.on_failed(HERE, NAME, "b", "b gone", clock.now())
    outcomes.on_denied(HERE, NAME, "b", "b refused", clock.now())

    assert state(outcomes).subjects == 1
    assert state(outcomes).oldest_success_at == clock.now() - 600.0
    assert (state(outcomes).success, state(outcomes).failed_subjects) == (True, 0)


def test_plans_that_are_gone_take_their_failures_with_them() -> None:
    """And what was known of those that stay is kept."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    outcomes.on_failed(HERE, NAME, "b", "broken", clock.now())
    outcomes.set_subjects(HERE, NAME, ["a", "c"])

    assert (state(outcomes).success, state(outcomes).failed_subjects) == (True, 0)
    assert state(outcomes).oldest_success_at == clock.now()
    assert outcomes.missing() == ["prod cn-hangzhou: full_backups: 1 of 2 plans"]


def test_a_refused_plan_is_asked_again_seldom_and_alone() -> None:
    """Other plans go on; the refused one waits, and its refusal is news once."""
    outcomes, clock = outcomes_of("a", "b")
    outcomes.on_read(HERE, NAME, "b", clock.now())

    assert outcomes.on_denied(HERE, NAME, "a", "refused", clock.now()) is True
    assert outcomes.retry_after(HERE, NAME, "a") == DENIED_RETRY_SECONDS[0]
    assert outcomes.retry_after(HERE, NAME, "b") == 0
    clock.advance(DENIED_RETRY_SECONDS[0])
    assert outcomes.retry_after(HERE, NAME, "a") == 0
    assert outcomes.on_denied(HERE, NAME, "a", "refused", clock.now()) is False
    assert state(outcomes).permitted is True
    assert state(outcomes).success is True


def test_an_operation_refused_for_several_plans_counts_as_not_permitted() -> None:
    """Refused thrice and never granted, it is not asked about plan by plan, and said to be refused once."""
    outcomes, clock = outcomes_of("a", "b", "c", "d")
    news = [outcomes.on_denied(HERE, NAME, plan, "refused", clock.now()) for plan in ("a", "b", "c", "d")]

    assert news == [True, True, True, False]
    assert state(outcomes).permitted is False
    assert worth_asking(outcomes, ["a", "b", "c", "d"]) == []


def test_a_mended_policy_lets_all_plans_in_again() -> None:
    """One success is enough, and whoever asked is told that it was refused before."""
    outcomes, clock = outcomes_of("a", "b", "c")
    for plan in ("a", "b", "c"):
        outcomes.on_denied(HERE, NAME, plan, "refused", clock.now())

    assert outcomes.on_read(HERE, NAME, "a", clock.now()) is True
    assert outcomes.on_read(HERE, NAME, "b", clock.now()) is False
    assert worth_asking(outcomes, ["a", "b", "c"]) == ["a", "b", "c"]
    assert state(outcomes).permitted is True
    assert state(outcomes).last_error == ""


def test_a_fleet_that_is_refused_everything_has_read_nothing() -> None:
    """Its last success stays where it was, so that its data are seen to grow old; refusals are no failures."""
    outcomes, clock = of_fifty_plans()
    before = state(outcomes).last_success_at
    clock.advance(600.0)
    for plan in PLANS:
        outcomes.on_denied(HERE, NAME, plan, "refused", clock.now())

    assert state(outcomes).last_success_at == before
    assert state(outcomes).success is True
    assert state(outcomes).permitted is False
    assert state(outcomes).oldest_success_at is None


def test_a_reload_asks_again_at_once() -> None:
    """Who mends a policy and reloads need not wait."""
    outcomes, clock = of_fifty_plans()
    for plan in PLANS:
        outcomes.on_denied(HERE, NAME, plan, "refused", clock.now())
    assert worth_asking(outcomes, PLANS) == []
    outcomes.ask_again()

    assert worth_asking(outcomes, PLANS) == PLANS
    assert state(outcomes).permitted is False


def test_some_plans_refused_among_others_do_not_stop_the_others() -> None:
    """A policy by plan: however many are refused, one that is granted keeps the operation permitted."""
    outcomes, clock = of_fifty_plans()
    for plan in PLANS[:49]:
        outcomes.on_denied(HERE, NAME, plan, "refused", clock.now())

    assert worth_asking(outcomes, PLANS) == ["dbs49"]
    assert state(outcomes).permitted is True


def test_plans_that_are_gone_no_longer_vouch_for_the_operation() -> None:
    """The last plan that was granted is deleted; the rest are refused."""
    outcomes, clock = of_fifty_plans()
    for plan in PLANS[:49]:
        outcomes.on_denied(HERE, NAME, plan, "refused", clock.now())
    outcomes.set_subjects(HERE, NAME, PLANS[:49])

    assert worth_asking(outcomes, PLANS[:49]) == []
    assert state(outcomes).permitted is False


def test_a_refused_plan_is_not_the_oldest_success() -> None:
    """Its age is no failure; that of the plans which may be read goes on being told."""
    outcomes, clock = of_fifty_plans()
    clock.advance(600.0)
    outcomes.on_denied(HERE, NAME, "dbs0", "refused", clock.now())
    for plan in PLANS[1:]:
        outcomes.on_read(HERE, NAME, plan, clock.now())

    assert state(outcomes).oldest_success_at == clock.now()


def test_what_is_not_expected_is_not_kept() -> None:
    """Words about a collector that is read no more, or never was, change nothing."""
    outcomes, clock = outcomes_of("a")
    outcomes.keep([])
    outcomes.set_subjects(HERE, NAME, ["a"])
    outcomes.on_followed(HERE, NAME, ["a"])

    assert outcomes.on_read(HERE, NAME, "a", clock.now()) is False
    assert outcomes.on_failed(HERE, NAME, "a", "x", clock.now()) is False
    assert outcomes.on_denied(HERE, NAME, "a", "x", clock.now()) is False
    assert outcomes.retry_after(HERE, NAME, "a") == 0
    assert (outcomes.states(), outcomes.missing()) == ([], [])


def test_a_reload_keeps_what_is_known_of_what_goes_on() -> None:
    """Expecting a collector again changes nothing; one that is left out is forgotten."""
    outcomes, clock = outcomes_of("a")
    outcomes.on_read(HERE, NAME, "a", clock.now())
    outcomes.expect(HERE, "restores", "restores")
    outcomes.expect(HERE, NAME, NAME, gates_readiness=True)
    outcomes.keep({(HERE, NAME)})

    assert state(outcomes).last_success_at == clock.now()
    assert outcomes.missing() == []


def test_what_another_process_read_counts_as_read() -> None:
    """Nothing is waited for, and success, ages and errors are as they were; plans that are gone are left out."""
    before, clock = outcomes_of("a", "b", "c")
    before.on_read(HERE, NAME, "a", 100.0)
    before.on_failed(HERE, NAME, "b", "b broken", 110.0)
    fared = before.fared(HERE, [NAME, "other"])
    after = Outcomes(clock)
    after.expect(HERE, NAME, NAME, gates_readiness=True)
    after.set_subjects(HERE, NAME, ("a", "b", "c"))
    after.restore(HERE, NAME, {"a": 100.0, "gone": 5.0}, fared[NAME])

    assert list(fared) == [NAME]
    assert state(after) == state(before)
    assert before.missing() != []
    assert after.missing() == []
    after.on_read(HERE, NAME, "b", 120.0)
    assert state(after).success


def test_a_collector_of_which_nothing_was_read_is_still_waited_for() -> None:
    """It is new, or was killed before it read anything."""
    outcomes, _ = outcomes_of("a")
    outcomes.restore(HERE, NAME, {}, Fared())
    outcomes.restore(HERE, "unknown", {"a": 1.0}, Fared())

    assert len(outcomes.missing()) == 1
    assert not state(outcomes).tried
