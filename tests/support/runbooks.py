"""What stands in runbooks: queries of Prometheus and commands, with the labels of an alert in their places."""

from __future__ import annotations

import re
from collections.abc import Mapping

from support.rule_fixtures import RULES

RUNBOOKS = RULES / "runbooks"
LABELS = {"account": "prod", "region": "cn-hangzhou", "plan": "dbs1h6s7x", "gateway": "12345"}
"""The examples that stand in runbooks, by the name of their shell variable."""
_OF_QUERIES = {"account": "account", "region": "region", "plan": "plan_id", "gateway": "gateway_id"}


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """Return the text below each heading."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def queries(text: str, labels: Mapping[str, str]) -> list[str]:
    """Return the queries of a runbook about the subject with these labels."""
    return [filled(block.strip(), labels) for block in blocks(text, "promql")]


def filled(query: str, labels: Mapping[str, str]) -> str:
    """Return a query with the labels of a subject in the place of the examples."""
    for name, example in LABELS.items():
        label = _OF_QUERIES[name]
        if label in labels:
            query = query.replace(f'{label}="{example}"', f'{label}="{labels[label]}"')
    return query


def commands(text: str, labels: Mapping[str, str]) -> list[str]:
    """Return the command lines of a text, in order; what sets labels sets those of the subject."""
    lines = "".join(blocks(text, "console")).replace("\\\n", " ").splitlines()
    return [_set(line, labels) for line in lines]


def _set(line: str, labels: Mapping[str, str]) -> str:
    if not re.fullmatch(r"(\w+=\S+ ?)+", line):
        return line
    values = dict(word.split("=", 1) for word in line.split())
    assert values == {name: LABELS[name] for name in values}, f"no examples: {line}"
    return " ".join(f"{name}={labels[_OF_QUERIES[name]]}" for name in values)
