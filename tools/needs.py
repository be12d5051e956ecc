"""`dbs_exporter/metrics/needs.py`: which alerts and boards rest on each metric, found in their queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dashboards.source.queries import boards
from dbs_exporter.collectors.table import TABLE

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "dbs_exporter" / "metrics" / "needs.py"
LONGEST_LINE = 110
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_NAMES = re.compile(r"(?<![\w:])[a-zA-Z_:][\w:]*")

_HEAD = '''"""What rests on each metric: the alerts and boards whose queries name it, also by way of recording rules.

Made by `make docs` from `rules/` and `dashboards/`; not to be changed by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

'''


def metrics_in(expression: str) -> set[str]:
    """Return the names in a query that may be of metrics."""
    return set(_NAMES.findall(_STRINGS.sub('""', expression)))


def _rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in sorted((ROOT / "rules").glob("*.rules.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def needs() -> dict[str, Mapping[str, tuple[str, ...]]]:
    """Return "alerts" and "boards", each by family; what nothing rests on is left out."""
    families = {family.name for family in TABLE.families}
    rules = _rules()
    recorded: dict[str, set[str]] = {}
    for rule in rules:
        if "record" in rule:
            recorded.setdefault(rule["record"], set()).update(metrics_in(rule["expr"]))

    def leaves(names: Iterable[str], seen: frozenset[str] = frozenset()) -> set[str]:
        found: set[str] = set()
        for name in names:
            if name in recorded and name not in seen:
                found |= leaves(recorded[name], seen | {name})
            elif name in families:
                found.add(name)
        return found

    alerts: dict[str, set[str]] = {}
    for rule in rules:
        for name in leaves(metrics_in(rule["expr"])) if "alert" in rule else ():
            alerts.setdefault(name, set()).add(rule["alert"])
    shown: dict[str, set[str]] = {}
    for board, content in boards().items():
        # Panels, variables and annotations alike; what is no metric is no family either.
        for name in leaves(_NAMES.findall(json.dumps(content))):
            shown.setdefault(name, set()).add(board)
    return {
        what: {name: tuple(sorted(found[name])) for name in sorted(found)}
        for what, found in (("alerts", alerts), ("boards", shown))
    }


def as_module() -> str:
    """Return the text of the module."""
    lines = [_HEAD]
    for what, found in needs().items():
        lines.append(f"{what.upper()}: Mapping[str, tuple[str, ...]] = {{\n")
        for name, users in found.items():
            quoted = ", ".join(f'"{user}"' for user in users) + ("," if len(users) == 1 else "")
            line = f'    "{name}": ({quoted}),\n'
            if len(line) <= LONGEST_LINE + 1:
                lines.append(line)
            else:
                lines += [f'    "{name}": (\n', *(f'        "{user}",\n' for user in users), "    ),\n"]
        lines.append("}\n")
        lines.append(f'"""Family -> the {what} that rest on it."""\n\n')
    return "".join(lines).rstrip("\n") + "\n"
