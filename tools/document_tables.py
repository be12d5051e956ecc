"""Tables in documents: every condition and cause, in the words of the page and the alerts, and what mends an error of the API."""

from __future__ import annotations

from dbs_exporter.api.cures import CURES
from dbs_exporter.conditions.table import CONDITIONS
from dbs_exporter.conditions.texts import summary, texts


def conditions() -> str:
    """Return the table of conditions, one row for each state of one."""
    rows = [
        f"| `{condition.name}` | `{state}` | {summary(condition.name, state)} |"
        for condition in CONDITIONS
        for state in texts()["conditions"][condition.name]
    ]
    return "\n".join(["| condition | state | what holds |", "| --- | --- | --- |", *rows])


def causes() -> str:
    """Return the table of causes."""
    rows = [f"| `{name}` | {words} |" for name, words in texts()["causes"].items()]
    return "\n".join(["| cause | in words |", "| --- | --- |", *rows])


def cures() -> str:
    """Return the table of error codes and what mends them."""
    rows = [f"| `{code}` | {cure.format(operation='OPERATION')} |" for code, cure in CURES.items()]
    return "\n".join(["| code | what mends it |", "| --- | --- |", *rows])
