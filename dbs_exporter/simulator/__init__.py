"""A stand-in for the DBS API over HTTP: a believable fleet, both signatures, real paging, and every fault that a cloud has.

It imports nothing of the exporter, so that a mistake there cannot agree with itself here.
"""

from dbs_exporter.simulator.incidents import INCIDENTS
from dbs_exporter.simulator.service import Simulator, start_simulator
from dbs_exporter.simulator.world import World

__all__ = ["INCIDENTS", "Simulator", "World", "start_simulator"]
