"""How long after a reading the next one is promised, for tests of due times."""

from __future__ import annotations

from dbs_exporter.collectors.dues import periodic
from dbs_exporter.facts.groups import Known


def promised_within(age: float) -> float:
    """Seconds from a reading to the end of what is promised for the next one, of what may be so old."""
    return periodic(Known(facts=(), read_at=0.0), age, "").latest
