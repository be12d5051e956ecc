"""When a plan is muted."""

from __future__ import annotations

from msgspec.structs import replace
from support.page_plans import GOOD, NOW

from dbs_exporter.conditions.mutes import mute_of
from dbs_exporter.facts.maintenance import Maintenance, Mute


def test_a_plan_is_muted_as_of_the_list_that_last_showed_it() -> None:
    """A window that had ended by then is no more."""
    windows = tuple(
        Maintenance(begin=NOW + begin, end=NOW + begin + 50, reason="r") for begin in (-90, -40, 900)
    )
    muted = replace(GOOD, objectives=replace(GOOD.objectives, maintenance=windows))

    assert mute_of(muted) == Mute(NOW - 40, NOW + 10, "r")
    assert mute_of(replace(muted, listed_at=NOW + 10)) == Mute(NOW + 900, NOW + 950, "r")
    assert mute_of(GOOD) is None
