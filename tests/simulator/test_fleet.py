"""Who the plans of a fleet are: a pure function of the seed."""

from __future__ import annotations

import pytest
from support.simulated_cloud import DAY, NOW

from dbs_exporter.simulator import fleet
from dbs_exporter.simulator.fleet import ENGINES, EPOCH_MONDAY, REGIONS, YEAR, PlanSpec, draw, identifier

GATEWAYS = fleet.gateways(1, ("demo", "other"))
OWN = tuple(gateway for gateway in GATEWAYS if gateway.account == "demo")


def plan(index: int, home: str = "") -> PlanSpec:
    """A plan of the first account."""
    return fleet.plan(1, index, "demo", OWN, home)


def test_numbers_are_drawn_evenly_and_depend_on_their_key_alone() -> None:
    """The same key gives the same number; a thousand keys fill the range."""
    drawn = [draw(1, "size", number) for number in range(1000)]

    assert drawn == [draw(1, "size", number) for number in range(1000)]
    assert drawn != [draw(2, "size", number) for number in range(1000)]
    assert 0 <= min(drawn) < 0.01
    assert 0.99 < max(drawn) < 1
    assert sum(drawn) / 1000 == pytest.approx(0.5, abs=0.05)


def test_every_plan_and_gateway_has_an_id_of_its_own() -> None:
    """Ten letters are enough for ten thousand plans, and each account and region has its gateways."""
    ids = {plan(index).plan_id for index in range(10_000)}

    assert len(ids) == 10_000
    assert {len(plan_id) for plan_id in ids} == {13}
    assert len({gateway.gateway_id for gateway in GATEWAYS}) == len(GATEWAYS) == 2 * 2 * len(REGIONS)
    assert identifier(1, "a") != identifier(1, "b")


def test_a_fleet_has_every_engine_region_and_way_to_a_database() -> None:
    """Forty plans show what there is."""
    plans = [plan(index) for index in range(40)]

    assert {each.engine for each in plans} == set(ENGINES)
    assert {each.region for each in plans} == set(REGIONS)
    assert {each.source_type for each in plans} == {"rds", "ecs", "express", "agent"}
    assert all(bool(each.gateway_id) is (each.source_type == "agent") for each in plans)
    assert {each.engine.restore_kind for each in plans} == {"logical", "physical", "combined"}


def test_only_plans_that_are_meant_to_be_are_behind_the_gateway_that_goes_offline() -> None:
    """An offline gateway must not hit plans that are meant to be healthy."""
    first = next(gateway for gateway in OWN if gateway.region == REGIONS[0])

    assert plan(5, "offline_gateway").gateway_id == first.gateway_id
    assert first.gateway_id not in {plan(index).gateway_id for index in range(1000)}


@pytest.mark.parametrize("days", [0, 100, 304, 306, 365, 700])
def test_a_prepaid_plan_is_renewed_before_it_ends(days: int) -> None:
    """It is paid by the year, and at least sixty days are always left."""
    spec = plan(0)
    now = spec.created_at + days * DAY
    left = spec.prepaid_until(now) - now

    assert 60 * DAY <= left <= YEAR + 60 * DAY
    assert (spec.prepaid_until(now) - spec.created_at) % YEAR == 0


def test_backups_move_to_cheaper_storage_as_they_age() -> None:
    """Standard, then infrequent access, then the archive."""
    spec = plan(3)
    ages = (0, spec.rare_access_after_days, spec.archive_after_days)

    assert [spec.storage_class(days * DAY) for days in ages] == ["Standard", "IA", "Archive"]
    assert EPOCH_MONDAY <= spec.created_at < NOW
