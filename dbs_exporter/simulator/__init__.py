"""A simulator of the DBS API over HTTP: a fleet of plans, both signatures, paging, and faults.

It imports nothing of the exporter, so that a mistake there is not repeated here and so hidden.
"""

from dbs_exporter.simulator.assumptions import Assumptions
from dbs_exporter.simulator.fleet import FleetShape
from dbs_exporter.simulator.incidents import INCIDENTS
from dbs_exporter.simulator.service import Reply, Service
from dbs_exporter.simulator.serving import Simulator, start_simulator
from dbs_exporter.simulator.troubled import TroubledWorld
from dbs_exporter.simulator.world import World

__all__ = [
    "INCIDENTS",
    "Assumptions",
    "FleetShape",
    "Reply",
    "Service",
    "Simulator",
    "TroubledWorld",
    "World",
    "start_simulator",
]
