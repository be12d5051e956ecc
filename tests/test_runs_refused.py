"""Refusals that come after a time of success: a policy may be taken away as well as given."""

from __future__ import annotations

from support.fake_clock import FakeClock

from dbs_exporter.facts.subjects import Scope
from dbs_exporter.polling.permission import DENIED_RETRY_SECONDS
from dbs_exporter.polling.runs import Runs

HERE = Scope(account="prod", region="cn-hangzhou")
NAME = "full_backups"
PLANS = [f"dbs{number}" for number in range(50)]


def granted() -> tuple[Runs, FakeClock]:
    """A collector that has read every plan."""
    clock = FakeClock()
    runs = Runs(clock)
    runs.expect(HERE, NAME, 300.0)
    for plan in PLANS:
        runs.read(HERE, NAME, plan, clock.now())
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS, success=True)
    return runs, clock


def test_an_operation_that_is_refused_later_is_probed_ever_more_seldom() -> None:
    """After one round of refusals one plan is asked about: after a minute, then after twice as long, at last once an hour."""
    runs, clock = granted()
    asked = []
    for minute in range(240):
        due = runs.worth_asking(HERE, NAME, PLANS)
        for plan in due:
            runs.denied(HERE, NAME, plan, "refused")
        asked += [(minute, len(due))] if due else []
        clock.advance(60.0)

    assert asked == [(0, 50), (1, 1), (3, 1), (7, 1), (15, 1), (31, 1), (61, 1), (121, 1), (181, 1)]
    assert max(DENIED_RETRY_SECONDS) == 3600.0
    assert runs.states()[0].permitted is False


def test_a_reload_asks_again_at_once() -> None:
    """Who mends a policy and reloads need not wait."""
    runs, _ = granted()
    for plan in PLANS:
        runs.denied(HERE, NAME, plan, "refused")
    assert runs.worth_asking(HERE, NAME, PLANS) == []
    runs.ask_again()

    assert len(runs.worth_asking(HERE, NAME, PLANS)) == 1


def test_what_belongs_to_a_region_is_asked_each_time() -> None:
    """It is one call; a refusal that was a mistake of a moment blinds nobody for an hour."""
    runs, _ = granted()
    runs.expect(HERE, "plans", 120.0)
    runs.denied(HERE, "plans", "", "refused")

    assert runs.worth_asking(HERE, "plans", [""]) == [""]


def test_a_run_that_was_refused_everything_has_read_nothing() -> None:
    """Its last success stays where it was, so that its data are seen to grow old."""
    runs, clock = granted()
    before = runs.states()[0].last_success_at
    clock.advance(600.0)
    for plan in PLANS:
        runs.denied(HERE, NAME, plan, "refused")
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS, success=True)

    assert runs.states()[0].last_success_at == before
    assert runs.states()[0].success is True


def test_some_plans_refused_among_others_do_not_stop_the_others() -> None:
    """A policy by plan: however many are refused, one that is granted keeps the operation permitted."""
    runs, _ = granted()
    for plan in PLANS[:49]:
        runs.denied(HERE, NAME, plan, "refused")

    assert runs.worth_asking(HERE, NAME, PLANS) == ["dbs49"]
    assert runs.states()[0].permitted is True


def test_plans_that_are_gone_no_longer_vouch_for_the_operation() -> None:
    """The last plan that was granted is deleted; the rest are refused."""
    runs, clock = granted()
    for plan in PLANS[:49]:
        runs.denied(HERE, NAME, plan, "refused")
    runs.finished(HERE, NAME, began_at=clock.now(), took_seconds=1.0, subjects=PLANS[:49], success=True)

    assert runs.worth_asking(HERE, NAME, PLANS[:49]) == []
    assert runs.states()[0].permitted is False


def test_a_refused_plan_is_not_the_oldest_success() -> None:
    """Its age is no failure; that of the plans which may be read goes on being told."""
    runs, clock = granted()
    began = clock.now()
    clock.advance(600.0)
    runs.denied(HERE, NAME, "dbs0", "refused")
    for plan in PLANS[1:]:
        runs.read(HERE, NAME, plan, clock.now())
    runs.finished(HERE, NAME, began_at=began, took_seconds=1.0, subjects=PLANS, success=True)

    assert runs.states()[0].oldest_success_at == clock.now()
