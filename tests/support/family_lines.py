"""The lines that a family makes of a subject, short enough to be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.groups import Subject
from dbs_exporter.facts.subjects import key_of
from dbs_exporter.metrics.family import IDENTITY, render


def lines(subject: Subject, name: str) -> list[str]:
    """Return what one family makes of a subject, without its identity labels; nothing may be refused."""
    family = next(family for family in TABLE.families if family.name == name)
    refused: list[str] = []
    [text] = render([family], key_of(subject), subject, lambda *told: refused.append(told[3]))
    assert refused == []
    identity = "|".join(IDENTITY[family.of])
    return [
        re.sub(rf'(?<![a-z_])({identity})="[^"]*"(,|(?=}}))', "", line).replace(",}", "}").removeprefix(name)
        for line in text.decode().splitlines()
    ]


def states(documented: Sequence[str], holds: str, label: str = "status", before: str = "") -> list[str]:
    """The lines of a family with a series per status, 1 for the one that holds."""
    return [f'{{{before}{label}="{status}"}} {float(status == holds)}' for status in documented]


def numbers(documented: Sequence[str], counted: Mapping[str, float], label: str = "status") -> list[str]:
    """The lines of a family with a number per status or class, 0 where none was counted."""
    return [f'{{{label}="{status}"}} {float(counted.get(status, 0))}' for status in documented]
