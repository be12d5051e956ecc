"""What follows from due times, for tests of them."""

from __future__ import annotations

from dbs_exporter.collectors.dues import Due, Dues, periodic
from dbs_exporter.facts.groups import Known


def promised_within(age: float) -> float:
    """Seconds from a reading to the end of what is promised for the next one, of what may be so old."""
    return periodic(Known(facts=(), read_at=0.0), age, "").latest


def promised_first(dues: Dues) -> Due:
    """The reason whose promise ends first, while the calls suffice."""
    return min(dues, key=lambda due: due.latest)
