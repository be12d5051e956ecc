"""A restart in virtual time: it costs no calls beyond what is due, and no plan becomes unknown by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.simulation import ACCOUNT, HOUR, REGION, Fleet, Simulation, simulated

from dbs_exporter.facts.freshness import fresh_until
from dbs_exporter.facts.subjects import Scope

PLANS = 25
FLEET = Fleet(plans=PLANS, usual_seconds=600.0, spread_minutes=10, start_minute=18 * 60 + 10)


@pytest.fixture
def running(tmp_path: Path) -> Simulation:
    """An exporter that has read everything for half an hour, while backups began and ended."""
    simulation = simulated(FLEET, str(tmp_path / "state"))
    simulation.run(HOUR / 2)
    return simulation


def calls(simulation: Simulation) -> int:
    return sum(simulation.watch.calls.values())


def promises(simulation: Simulation) -> dict[str, dict[str, float]]:
    return {subject.plan.plan_id: fresh_until(subject) for subject in simulation.store.plan_subjects()}


def is_catching_up(simulation: Simulation) -> bool:
    (budget,) = simulation.scheduler.budgets()
    return budget.catching_up


def test_a_restart_asks_for_nothing_that_is_not_due(running: Simulation, tmp_path: Path) -> None:
    """Before the first call all plans are there and it is ready; then as many calls follow as without the restart."""
    undisturbed = simulated(FLEET, str(tmp_path / "other"))
    undisturbed.run(HOUR / 2)
    before = calls(undisturbed)
    undisturbed.run(HOUR / 6)
    wanted = calls(undisturbed) - before
    after = running.restarted()

    assert calls(after) == 0
    assert len(after.store.plan_subjects()) == PLANS
    assert after.outcomes.missing() == []
    after.run(HOUR / 6)
    assert calls(after) == pytest.approx(wanted, rel=0.05)
    assert (after.watch.broken, sum(after.watch.unknown.values())) == ([], 0)
    assert not is_catching_up(after)


def test_what_is_promised_follows_from_when_it_was_read(running: Simulation) -> None:
    """A restart puts nothing off, also if it comes again and again, and takes no promise back."""
    before = promises(running)
    after = running
    for _ in range(5):
        after = after.restarted(away_seconds=20.0)
    now = promises(after)

    assert now.keys() == before.keys()
    for plan_id, until_of in before.items():
        assert now[plan_id].keys() == until_of.keys()
        for facts, until in until_of.items():
            assert now[plan_id][facts] <= until + 60.0, facts
            assert now[plan_id][facts] > after.clock.now(), facts


def test_after_an_hour_all_is_unknown_at_once_and_soon_read_again(running: Simulation) -> None:
    """Nothing restored passes for fresh; that it is being read again is said until it is, and no longer than that takes."""
    after = running.restarted(away_seconds=2 * HOUR)
    now = after.clock.now()
    assert all(until["recovery"] < now for until in promises(after).values())
    assert is_catching_up(after)
    after.run(1.2 * PLANS / 5.0 + 60.0)
    assert not is_catching_up(after)
    after.run(120.0)

    assert all(until["recovery"] > after.clock.now() for until in promises(after).values())


def test_how_collectors_fared_does_not_leap(running: Simulation) -> None:
    """What the exporter says of itself is the same before and after: successes, subjects, and what failed or was refused."""
    scope = Scope(account=ACCOUNT, region=REGION)
    now = running.clock.now()
    plan_ids = [subject.plan.plan_id for subject in running.store.plan_subjects()]
    running.outcomes.on_failed(scope, "restores", plan_ids[0], "broken", now)
    for plan_id in plan_ids:
        running.outcomes.on_denied(scope, "downloads", plan_id, "no", now)
    before = running.outcomes.states()
    waits = running.outcomes.retry_after(scope, "downloads", plan_ids[0])
    after = running.restarted(away_seconds=10.0)

    assert after.outcomes.states() == before
    assert after.outcomes.retry_after(scope, "downloads", plan_ids[0]) == pytest.approx(waits - 10.0)
    denied = [state for state in before if not state.permitted]
    assert [state.collector for state in denied] == ["downloads"]


def test_what_was_proved_and_the_stretch_are_taken_over(running: Simulation) -> None:
    """Neither the order of lists nor too few calls is learned twice."""
    (poller,) = running.scheduler._pollers.values()
    poller._planner._stretch.restore(1.5)
    method = poller.tails.method
    after = running.restarted()
    (poller,) = after.scheduler._pollers.values()

    assert method is not None
    assert poller.tails.method == method
    assert poller._planner.stretch == 1.5


def test_a_region_of_all_is_watched_before_its_list_is_read(running: Simulation) -> None:
    """Saved regions of an account are known by its rows alone."""
    assert running.state is not None
    running.save()

    assert running.state.regions(ACCOUNT) == (REGION,)
    assert running.state.regions("other") == ()
