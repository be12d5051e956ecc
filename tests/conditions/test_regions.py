"""Conditions of regions, each with its deadlines to the second."""

from __future__ import annotations

from support.condition_plans import deadlines
from support.page_plans import NOW, SCOPE

from dbs_exporter.conditions.regions import node_networks
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.noticed import NETWORKS_ADDED
from dbs_exporter.facts.subjects import RegionSubject


def test_a_new_network_is_to_be_followed_for_a_week() -> None:
    """Since the list that first held it."""
    region = RegionSubject(scope=SCOPE, noticed={NETWORKS_ADDED: NOW})

    assert deadlines(node_networks, region) == {"attention": (NOW, NOW + 7 * DAY_SECONDS)}
    assert deadlines(node_networks, RegionSubject(scope=SCOPE)) == {}
