"""Bodies of rows: what is written comes back, and what was changed on its way does not pass for anything."""

from __future__ import annotations

import random

import pytest
from support import known_subjects
from support.saved_state import GROUPS

from dbs_exporter.facts.counters import counted
from dbs_exporter.facts.full_backups import FULL_BACKUPS
from dbs_exporter.facts.groups import Group, Known
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.networks import REGIONS
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import GonePlan
from dbs_exporter.facts.tallies import Ended, Tally
from dbs_exporter.facts.windows import Window
from dbs_exporter.state.bodies import (
    Bodies,
    GroupPart,
    OwnPart,
    Unreadable,
    gone_from,
    gone_part,
    group_part,
    known_from,
)

BODIES = Bodies(GROUPS)
KEY = ("prod", "cn-hangzhou", "dbs1", "full_backups")
COUNTED = counted(counted(None, (), 0.0), [Ended("1/finish", 5_000.0, True, 10, 2.0)], 6_000.0)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_facts_of_every_group_come_back_equal(group: Group[object]) -> None:
    """With the time, the counters and the number of readings that brought nothing new."""
    facts = next(
        (
            found
            for subject in (known_subjects.PLAN, known_subjects.REGION, known_subjects.ACCOUNT)
            if (found := subject.get(group)) is not None
        ),
        None,
    )
    assert facts is not None, "tests/support/known_subjects.py knows no such facts"
    body = BODIES.groups[group.name]
    known = Known(facts=facts, read_at=1.5, counted=COUNTED, tally=COUNTED.tally, unchanged=3)
    back, part = body.opened(body.sealed(group_part(known, 7), *KEY), *KEY)

    assert type(back) is type(facts)
    assert known_from(back, part, 7) == known
    nothing, part = body.opened(body.sealed(group_part(Known(facts=None), 7), *KEY), *KEY)
    assert known_from(nothing, part, 7) == Known(facts=None)


def test_counters_of_another_lineage_begin_at_zero_and_count_nothing_again() -> None:
    """What was counted is known; only how much is not."""
    known = known_from(None, GroupPart(counted=COUNTED, lineage=7), 8)

    assert (known.tally, known.read_at) == (Tally(), None)
    assert known.counted is not None
    assert known.counted.ends == COUNTED.ends
    assert counted(known.counted, [Ended("1/finish", 5_000.0, True, 10, 2.0)], 6_000.0) is known.counted


def test_a_plan_that_is_gone_leaves_only_its_counters() -> None:
    """Those of this lineage as they were, others at 0; a group that counts nothing is left out."""
    gone = GonePlan(
        gone_at=9.0,
        counters={
            "full_backups": Known(facts=None, counted=COUNTED, tally=COUNTED.tally),
            "ranges": Known(facts=None),
        },
    )
    body = BODIES.gone.sealed(gone_part(gone, 7), *KEY)
    back = gone_from(BODIES.gone.opened(body, *KEY), 7)

    assert back.counters == {"full_backups": gone.counters["full_backups"]}
    assert back.gone_at == 9.0
    assert gone_from(BODIES.gone.opened(body, *KEY), 8).counters["full_backups"].tally == Tally()


def test_a_body_belongs_to_its_row_alone() -> None:
    """It never passes for another plan's, region's or part's, nor for that of another kind."""
    body = BODIES.own.sealed(OwnPart(plan=Plan(plan_id="dbs1"), window=Window()), *KEY)
    for number in range(len(KEY)):
        other = (*KEY[:number], "other", *KEY[number + 1 :])
        with pytest.raises(Unreadable, match="its bytes are damaged"):
            BODIES.own.opened(body, *other)
    with pytest.raises(Unreadable):
        BODIES.reads.opened(body, *KEY)


def test_no_changed_byte_passes() -> None:
    """Wherever it is, and also if the body is cut off or empty."""
    chance = random.Random(1)
    body = BODIES.groups[LOG_BACKUPS.name].sealed((LogHistory(last_data_at=5.0), GroupPart()), *KEY)
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 1 << chance.randrange(8)
        with pytest.raises(Unreadable):
            BODIES.groups[LOG_BACKUPS.name].opened(bytes(changed), *KEY)
        with pytest.raises(Unreadable):
            BODIES.groups[LOG_BACKUPS.name].opened(body[:place], *KEY)


def test_facts_of_another_type_are_not_guessed() -> None:
    """A version that keeps something else under the same name reads it anew."""
    body = BODIES.groups[REGIONS.name].sealed((("cn-hangzhou",), GroupPart()), *KEY)

    with pytest.raises(Unreadable, match="Expected"):
        BODIES.groups[FULL_BACKUPS.name].opened(body, *KEY)


def test_what_no_body_can_hold_is_said() -> None:
    """Half a character, or a number beyond all sizes."""
    for facts in (("\ud800",), (2**80,)):
        with pytest.raises(Unreadable):
            BODIES.groups[REGIONS.name].sealed((facts, GroupPart()), *KEY)
