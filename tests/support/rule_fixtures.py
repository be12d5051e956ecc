"""What `rule_cases` says, as input of `promtool test rules`: series, what is expected of them, and how promtool is run."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import yaml
from support.programs import tool
from support.rule_cases import Case
from support.rule_labels import LabelChecker
from support.rule_world import (
    ACCOUNT,
    GATEWAY,
    PEER,
    PLAN,
    PROCESS,
    READS,
    SCOPE,
    Line,
    Series,
    Value,
    of_other,
)

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.metrics.family import IDENTITY
from dbs_exporter.metrics.own_families import OWN_FAMILIES

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "rules"
RULE_FILES = tuple(sorted(RULES.glob("*.rules.yml")))
MINUTES = 200
FIRED, RESTARTED, GONE = 90, 100, 200
"""Minutes: everything that fires does; the exporter is away from 95 to 103; what is gone at 95 is gone for good."""

KNOWN: dict[str, frozenset[str]] = {
    **{family.name: frozenset(IDENTITY[family.of] + family.labels) for family in TABLE.families},
    **{family.name: frozenset(family.labels) for family in OWN_FAMILIES},
    "up": frozenset({"job", "instance"}),
}
SUBJECTS: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "plan_id": ({"plan_id": "dbs1"}, {"plan_id": "dbs2"}),
    "gateway_id": ({"gateway_id": "gw1"}, {"gateway_id": "gw2"}),
}
INFO_LABELS = (
    {"plan_name": "orders", "database_type": "MySQL", "gateway_id": "gw1"},
    {"plan_name": "stock", "database_type": "PostgreSQL", "gateway_id": "gw2"},
)
HOME = {"account": "prod", "region": "cn-hangzhou"}
OTHER = {"account": "test", "region": "cn-beijing"}
PROCESS_LABELS = {"job": "dbs-exporter", "instance": "exporter:10033"}


def rules() -> list[dict[str, Any]]:
    """Every rule of every file, in order."""
    return [
        rule
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


GROUPS = (
    "dbs-plans", "dbs-freshness", "dbs-conditions", "dbs-restores", "dbs-compliance", "dbs-plan-alerts", "dbs-gateway-alerts",
    "dbs-exporter-alerts",
)  # fmt: skip
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def checked_rules() -> tuple[LabelChecker, dict[str, frozenset[str]]]:
    """All rules gone through in order, so that what they record is known; and the labels that each alert's result can have."""
    checker = LabelChecker(KNOWN)
    labels: dict[str, frozenset[str]] = {}
    for rule in sorted(rules(), key=lambda rule: "alert" in rule):
        found = checker.labels(rule["expr"])
        if "record" in rule:
            checker.record(rule["record"], found | frozenset(rule.get("labels", ())))
        else:
            labels[rule["alert"]] = found
    return checker, labels


def metric(key: str) -> str:
    """The metric's name of a key of `rule_cases`."""
    return re.split(r"[{|]", key, maxsplit=1)[0]


def written(name: str, labels: Mapping[str, str]) -> str:
    """A series in PromQL."""
    return (
        name + "{" + ",".join(f"{label}={json.dumps(value)}" for label, value in sorted(labels.items())) + "}"
    )


def identity(name: str, which: int) -> dict[str, str]:
    """Labels that say whose series it is: of the first plan, gateway and scope (0), or the second of them (1)."""
    known = KNOWN[name]
    if "plan_id" in known:
        whose = {**HOME, **SUBJECTS["plan_id"][which], **PROCESS_LABELS}
        return {**whose, **INFO_LABELS[which]} if name == "dbs_plan_info" else whose
    if "gateway_id" in known:
        return {**HOME, **SUBJECTS["gateway_id"][which], **PROCESS_LABELS}
    scope = (HOME, OTHER)[which]
    return {**{label: scope[label] for label in scope if label in known}, **PROCESS_LABELS}


def numbers(value: Value, start: int, count: int) -> str:
    """The samples of some minutes in promtool's notation."""
    if value == inf:
        return " ".join(["+Inf"] * count)
    line = value if isinstance(value, Line) else Line(value, 0.0)
    return f"{line.start + start * line.step:.10g}+{line.step:.10g}x{count - 1}"


def samples(key: str, value: Value, away: tuple[int, int] | None) -> str:
    """All samples of a series; `away` is the span of minutes in which it is not there."""
    before = key.partition("|")[2]
    parts = [numbers(float(before), 0, 5)] if before else []
    start = 5 if before else 0
    if value != value:
        return " ".join([*parts, "stale"])
    if away is None:
        return " ".join([*parts, numbers(value, start, MINUTES + 1 - start)])
    parts += [numbers(value, start, away[0] - start), "stale"]
    if away[1] < MINUTES:
        parts += [f"_x{away[1] - away[0] - 2}", numbers(value, away[1], MINUTES + 1 - away[1])]
    return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What Prometheus stores: the healthy fleet with changes to the first of each subject."""

    change: Mapping[str, Value | None]
    without: frozenset[str] = frozenset()
    old: bool = False
    away: tuple[int, int] | None = None
    whole_away: bool = False
    """Everything is away, not only the first subject."""

    def series(self) -> list[dict[str, str]]:
        """As promtool's input_series."""
        healthy = {**PLAN, **GATEWAY, **SCOPE, **ACCOUNT, **PROCESS, **PEER}
        changed = {key.partition("|")[0] for key in self.change}
        first = {**{key: value for key, value in healthy.items() if key not in changed}, **self.change}
        whole = {**PLAN, **GATEWAY, **SCOPE, **ACCOUNT}
        # What is said of the other plan of the region stands among the changes.
        second = {key: value for key, value in whole.items() if of_other(key) not in self.change}
        return [*self._of(first, 0), *self._of(second, 1)]

    def _of(self, series: Series, which: int) -> Iterable[dict[str, str]]:
        for key, value in series.items():
            bare = key.partition("|")[0]
            if value is None or (which == 0 and bare in self.without):
                continue
            if self.old and metric(key) in READS and isinstance(value, Line):
                value = -3600.0
            name, _, own = bare.partition("{")
            labels = {**identity(name, which), **dict(re.findall(r'(\w+)="([^"]*)"', own))}
            away = self.away if self.whole_away or which == 0 else None
            yield {"series": written(name, labels), "values": samples(key, value, away)}


def firing_labels(alert: str, case: Case) -> dict[str, str]:
    """The labels that a firing alert has, beside its name."""
    whose: dict[str, str] = {
        "plan": {**HOME, **SUBJECTS["plan_id"][0], "team": "databases"},
        "gone plan": {**HOME, **SUBJECTS["plan_id"][0]},
        "gateway": {**HOME, **SUBJECTS["gateway_id"][0]},
        "scope": HOME,
        "scope of a job": {**HOME, "job": PROCESS_LABELS["job"]},
        "scope of a process": {**HOME, **PROCESS_LABELS},
        "account": {"account": HOME["account"], **PROCESS_LABELS},
        "process": PROCESS_LABELS,
        "job": {"job": PROCESS_LABELS["job"]},
        "nobody": {},
    }[case.subject]
    return {**whose, **case.labels, **ALERTS[alert]["labels"]}


def fires(alert: str, case: Case, minute: int) -> dict[str, Any]:
    """The alert fires for the first subject and for no other."""
    labels = {"alertname": alert, "alertstate": "firing", **firing_labels(alert, case)}
    return {**quiet(alert, minute), "exp_samples": [{"labels": written("ALERTS", labels), "value": 1}]}


def quiet(alert: str, minute: int) -> dict[str, Any]:
    """The alert fires for nobody."""
    return {
        "expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}',
        "eval_time": f"{minute}m",
        "exp_samples": [],
    }


def unit(name: str, world: World, *expected: dict[str, Any]) -> dict[str, Any]:
    """One test of promtool."""
    return {
        "name": name,
        "interval": "1m",
        "input_series": world.series(),
        "promql_expr_test": list(expected),
    }


def without(group: str, directory: Path) -> Path:
    """The recording rules but for one group of them, as a file."""
    content = yaml.safe_load((RULES / "dbs-recording.rules.yml").read_text(encoding="utf-8"))
    content["groups"] = [each for each in content["groups"] if each["name"] != group]
    path = directory / "dbs-recording.rules.yml"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def failures(path: Path) -> str:
    """What promtool says against the rules by a file of its tests; nothing if they hold."""
    done = subprocess.run(
        [tool("promtool"), "test", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def promtool(
    directory: Path, tests: list[dict[str, Any]], *, interval: str = "5m", files: Sequence[Path] = RULE_FILES
) -> str:
    """Run tests by promtool; what it complains of, or nothing."""
    path = directory / "rules.test.yml"
    content = {
        "rule_files": [str(path) for path in files],
        "evaluation_interval": interval,
        # Evaluated this seldom, an alert would find what it takes from recording rules already too old.
        "group_eval_order": list(GROUPS),
        "tests": tests,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return failures(path)
