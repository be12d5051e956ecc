"""Short ways to make subjects with facts."""

from __future__ import annotations

from typing import Any, TypeVar

from dbs_exporter.facts.groups import Subject, with_facts

S = TypeVar("S", bound=Subject)


def subject_with(subject: S, *groups: tuple[Any, ...]) -> S:
    """The subject with these groups: (group, facts), and if given when it was read and its tally."""
    for group, facts, *more in groups:
        subject = with_facts(subject, group, facts, *more)
    return subject
