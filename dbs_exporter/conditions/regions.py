"""Conditions of regions: what somebody has to follow outside of DBS."""

from __future__ import annotations

from collections.abc import Iterable

from dbs_exporter.conditions.algebra import Stage, after, condition, stage
from dbs_exporter.facts.limits import DAY_SECONDS
from dbs_exporter.facts.networks import NETWORKS
from dbs_exporter.facts.noticed import NETWORKS_ADDED
from dbs_exporter.facts.subjects import RegionSubject


@condition("node_networks", of="region", basis=NETWORKS.name, attention=("DBSNodeNetworksChanged", "warning"))
def node_networks(subject: RegionSubject) -> Iterable[Stage]:
    """DBS connects from networks from which it did not before: databases must let these in, too."""
    added = subject.noticed.get(NETWORKS_ADDED)
    yield from stage("attention", added, after(added, 7 * DAY_SECONDS))
