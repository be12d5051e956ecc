"""Families of conditions: from when on, until when, and what explains them."""

from __future__ import annotations

from msgspec.structs import replace
from support.family_lines import lines
from support.page_plans import GOOD, HOLES, NOW, with_group, with_plan

from dbs_exporter.facts.maintenance import Maintenance
from dbs_exporter.facts.noticed import NETWORKS_ADDED, status_key
from dbs_exporter.facts.objectives import Objectives, Owner
from dbs_exporter.facts.restores import RESTORES, RestoreHistory, RestoreTask
from dbs_exporter.facts.subjects import RegionSubject
from dbs_exporter.metrics.text import format_value

PLAN = "dbs_plan_condition_%s_timestamp_seconds"


def test_a_plan_shows_when_each_condition_comes_to_hold() -> None:
    """A healthy one those that can; with the facts that they rest on."""
    found = lines(GOOD, PLAN % "since")

    assert (
        f'{{condition="recovery_point",facts="recovery",state="breached"}} {format_value(NOW - 60 + 1800)}'
        in found
    )
    assert len(found) == 5
    assert lines(GOOD, PLAN % "until") == []


def test_what_ends_by_itself_shows_when() -> None:
    """A hole is looked at for a week."""
    [line] = lines(HOLES, PLAN % "until")

    assert line.startswith('{condition="recovery_gap",facts="ranges",state="attention"} ')


def test_what_explains_a_condition_is_shown_with_its_cause() -> None:
    """And the facts that the cause rests on."""
    paused = replace(with_plan(GOOD, status="pause"), noticed={status_key("pause"): NOW - 9})

    assert f'{{cause="pause",condition="recovery_point",facts="plans"}} {format_value(NOW + 870)}' in lines(
        paused, PLAN % "explained_until"
    )


def test_a_task_has_families_of_its_own() -> None:
    """Several tasks are several series."""
    tasks = tuple(
        RestoreTask(task_id=name, plan_id="dbs1", status="stop", created_at=NOW, finished_at=NOW)
        for name in "ab"
    )
    found = lines(
        with_group(GOOD, RESTORES, RestoreHistory(tasks=tasks)),
        "dbs_restore_task_condition_since_timestamp_seconds",
    )

    assert sum('restore_task_id="b"' in line for line in found) == 2
    assert len(found) == 4


def test_a_muted_plan_says_so() -> None:
    """From always to for ever; any other plan says nothing."""
    muted = replace(GOOD, objectives=Objectives(maintenance=(Maintenance(reason="alerts: off"),)))

    assert lines(muted, "dbs_plan_muted_from_timestamp_seconds") == ["{} 0.0"]
    assert lines(muted, "dbs_plan_muted_until_timestamp_seconds") == ["{} +Inf"]
    assert lines(muted, "dbs_plan_muted_info") == ['{reason="alerts: off"} 1.0']
    assert lines(GOOD, "dbs_plan_muted_until_timestamp_seconds") == lines(GOOD, "dbs_plan_muted_info") == []


def test_whose_a_plan_is_stands_beside_it() -> None:
    """Only where the configuration says."""
    owned = replace(GOOD, objectives=Objectives(owner=Owner(owner="li.wei", team="pay")))

    assert lines(owned, "dbs_plan_owner_info") == ['{owner="li.wei",team="pay",tier=""} 1.0']
    assert lines(GOOD, "dbs_plan_owner_info") == []


def test_a_regions_conditions_are_a_family_of_their_own() -> None:
    """With their end."""
    region = RegionSubject(scope=GOOD.scope, noticed={NETWORKS_ADDED: NOW})
    labels = '{condition="node_networks",facts="networks",state="attention"}'

    assert lines(region, "dbs_region_condition_since_timestamp_seconds") == [f"{labels} {format_value(NOW)}"]
    assert len(lines(region, "dbs_region_condition_until_timestamp_seconds")) == 1


def test_a_plan_that_is_gone_is_a_regions_fact() -> None:
    """With its id, for it has no series of its own any more."""
    region = RegionSubject(scope=GOOD.scope, gone={"dbs9": 5.0})

    assert lines(region, "dbs_region_plan_gone_timestamp_seconds") == ['{plan_id="dbs9"} 5.0']
