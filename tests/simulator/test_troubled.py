"""The fleet of a demo: what it has beside incidents, and that together they show whatever can be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.fake_clock import FakeClock
from support.simulated_cloud import HOUR, NOW

from dashboards.preview import history
from dashboards.preview.history import Past
from dbs_exporter.cli.demo import demo_config
from dbs_exporter.conditions.table import CONDITIONS
from dbs_exporter.config.load import parse_config
from dbs_exporter.simulator import TroubledWorld, World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.incidents import LATER, TROUBLES

SINCE = re.compile(r'dbs_\w+_condition_since_timestamp_seconds\{.*condition="(\w+)".*\} (\S+) \S+\n')
NOT_SHOWN: dict[str, str] = {}
"""Condition -> why no plan of the demo shows it."""


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Past]:
    """The demo's exporter and fleet, to be asked for one moment after the other."""
    monkeypatch.setattr(history, "World", TroubledWorld)
    config = parse_config(demo_config("http://127.0.0.1:1"), environ={})
    found = Past(config, seed=1, plans=60, anchor=NOW, labels='job="dbs"')
    yield found
    found.close()


def test_a_demo_shows_each_condition_there_is(demo: Past) -> None:
    """Within a bit more than an hour every condition holds of some plan, task, gateway or region."""
    held: set[str] = set()
    # Log and restores must be seen to stand; what comes later is read at the moments after it came.
    for moment in (NOW, NOW + 60, NOW + 240, NOW + 420, NOW + 600, NOW + 1.2 * HOUR):
        for line in demo.samples_at(moment):
            found = SINCE.fullmatch(line)
            if found is not None and float(found[2]) < moment:
                held.add(found[1])

    assert {each.name for each in CONDITIONS} - held == set(NOT_SHOWN)


def test_a_trouble_has_a_plan_of_its_own_that_no_incident_has() -> None:
    """A demo of the usual size has all of them; a small one has those that fit."""
    world = TroubledWorld(plans=60, clock=lambda: NOW)
    hit = {plan for plans in world.incident_plans.values() for plan in plans}
    small = TroubledWorld(plans=10, clock=lambda: NOW)

    assert set(world.trouble_plans) == set(TROUBLES) - {"new_network"}
    assert len(set(world.trouble_plans.values())) == len(world.trouble_plans)
    assert not hit & set(world.trouble_plans.values())
    assert len(hit) + len(world.trouble_plans) <= 30
    assert list(small.trouble_plans) == list(TROUBLES)[: len(small.trouble_plans)]


def test_what_happens_next_happens_then() -> None:
    """At the minute that a demo names, and not before: a shorter retention, a gateway less, a network more."""
    clock = FakeClock(NOW)
    world = TroubledWorld(plans=60, clock=clock.now)

    def seen() -> tuple[int, int, int]:
        weakened, behind = world.trouble_plans["weakened_plan"], world.trouble_plans["gone_gateway"]
        region = world.history(behind).spec.region
        networks = READS["DescribeNodeCidrList"](world, "demo", {"Region": region})
        return (
            world.history(weakened).retention_days,
            len(world.gateways("demo", region)),
            len(networks["InternetIPs"]["InternetIP"]),
        )

    before = seen()
    steps = []
    for name in ("weakened_plan", "gone_gateway", "new_network"):
        clock.advance(NOW + LATER[name] - 1 - clock.now())
        almost = seen()
        clock.advance(1)
        steps.append(tuple(late - early for early, late in zip(almost, seen(), strict=True)))

    assert before == (90, 3, 2)
    assert steps == [(-60, 0, 0), (0, -1, 0), (0, 0, 1)]
    assert [seconds for seconds, _ in world.story()] == [180.0, 360.0, 540.0, HOUR]


def test_other_fleets_have_no_troubles() -> None:
    """What is tested and measured on a world stays what it was."""
    world = World(plans=60, clock=lambda: NOW)

    assert not any(
        world.history(plan_id).spec.incidents & set(TROUBLES) for plan_id in world.plan_ids("demo")
    )


def test_a_locked_plan_has_no_backup_since_it_was_locked() -> None:
    """Five hours before the anchor it was locked, whatever its schedule: neither log nor full backup came since."""
    for seed in range(30):
        world = World(seed=seed, clock=lambda: NOW)
        (plan_id,) = world.incident_plans["locked_plan"]
        history = world.history(plan_id)
        newest = history.full(history.full_numbers()[-1])

        assert newest.created_at <= NOW - 5 * HOUR
        assert history.log_stretches()[-1][1] <= NOW - 5 * HOUR
