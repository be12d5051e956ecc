"""The status page and the recording rules judge every plan alike: one table, written twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from support.rule_fixtures import RULES, promtool
from support.subjects import subject_with

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.facts.collection import CollectorState
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.subjects import PlanSubject, Scope, key_of
from dbs_exporter.metrics.exposition import Exposition
from dbs_exporter.metrics.own import OwnMetrics
from dbs_exporter.web.page.verdict import STATES, judge

NOW = 600.0
"""promtool's time begins at 0."""
PLANS = 400
HOUR = 3600.0
READ = ("full_backups", "incremental_backups", "restore_ranges")
STATUSES = ("running", "wait", "init", "check_pass", "stop", "pause", "locked", "")
RPO, INTERVAL = 1800.0, 25 * HOUR


def age(random: Random, objective: float, *, never: float = 0.1) -> float | None:
    """An age on either side of what matters, or None."""
    if random.random() < never:
        return None
    return objective * random.choice((-0.4, -0.6, 0.1, 0.5, 0.79, 0.81, 0.89, 0.91, 0.99, 1.01, 3.0))


def before(seconds: float | None) -> float | None:
    return None if seconds is None else NOW - seconds


def read_at(random: Random) -> float | None:
    """When a group was last read: just now, long ago, or never."""
    if random.random() >= 0.97:
        return None
    return NOW - random.choice((5.0, 30.0, 170.0, 190.0)) if random.random() < 0.3 else NOW - 5.0


def random_plan(random: Random, number: int) -> tuple[PlanSubject, dict[str, CollectorState]]:
    """A plan of which anything may be wrong, alone in its region, and the region's collectors."""
    scope = Scope(account="prod", region=f"region-{number}")
    rpo = random.choice((None, INTERVAL)) if random.random() < 0.3 else RPO
    point, full = before(age(random, rpo or RPO)), before(age(random, INTERVAL))
    backup = (
        None
        if full is None
        else FullBackup(backup_set_id="s", status="finish", ended_at=full, finished_at=full)
    )
    holes = random.random() < 0.15
    ranges: tuple[RestoreRange, ...] = (
        () if point is None else (RestoreRange(range_type="range", begin_at=NOW - 90 * HOUR, end_at=point),)
    )
    if holes and point is not None:
        ranges = (
            RestoreRange(range_type="range", begin_at=NOW - 90 * HOUR, end_at=NOW - 60 * HOUR),
            RestoreRange(range_type="range", begin_at=NOW - 50 * HOUR, end_at=point),
        )
    history = FullBackupHistory(
        last_success=backup, last_attempt=backup, newest_recovery_point_at=full,
        consecutive_failures=random.choice((0, 0, 0, 0, 1, 4)), oldest_kept_at=NOW - 80 * HOUR,
    )  # fmt: skip
    logs = None if point is None else LogHistory(last_data_at=point, spans=((NOW - 90 * HOUR, point),))
    subject = subject_with(
        PlanSubject(
            scope=scope,
            plan=Plan(
                plan_id=f"dbs{number}", name=f"plan-{number}", log_backup_enabled=random.random() < 0.8,
                status="running" if random.random() < 0.7 else random.choice(STATUSES),
            ),
            objectives=Objectives(
                rpo=rpo,
                full_backup_interval=None if random.random() < 0.1 else INTERVAL,
            ),
        ),
        (FULL_BACKUPS, history, read_at(random)),
        (LOG_BACKUPS, logs, read_at(random)),
        (RANGES, ranges, read_at(random)),
    )  # fmt: skip
    well = CollectorState(
        scope=scope, collector="", interval_seconds=60.0, finished_first_run=True, success=True,
        last_run_at=NOW - 5, last_success_at=NOW - 5, oldest_success_at=NOW - 5,
    )  # fmt: skip
    states = {
        name: replace(well, collector=name, permitted=name == "plans" or random.random() < 0.95)
        for name in ("plans", *READ)
        if name in ("plans", "full_backups") or random.random() < 0.95
    }
    if random.random() < 0.05:
        states["plans"] = replace(states["plans"], last_success_at=NOW - random.choice((170.0, 190.0)))
    return subject, states


def series(subjects: list[PlanSubject], states: list[CollectorState]) -> Iterator[dict[str, str]]:
    """What the exporter shows of them, as promtool takes it; only what the rules look at."""
    own = OwnMetrics(CollectorRegistry(), version="1", collector_states=lambda: states, process=False)
    exposition = Exposition(TABLE.families, own=own.lines)
    for subject in subjects:
        exposition.update(key_of(subject), subject)
    exposition.publish()
    wanted = set(re.findall(r"dbs_\w+", (RULES / "dbs-recording.rules.yml").read_text(encoding="utf-8")))
    for family in text_string_to_metric_families(
        b"".join(exposition.page(openmetrics=False).identity).decode()
    ):
        for sample in family.samples:
            if sample.name in wanted:
                labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                yield {"series": f"{sample.name}{{{labels}}}", "values": f"{sample.value!r}+0x2"}


def test_the_page_and_the_rules_judge_every_plan_alike(tmp_path: Path) -> None:
    """For plans of which anything may be wrong, promtool finds by the rules the state that the status page shows."""
    random = Random(20)
    fleet = [random_plan(random, number) for number in range(PLANS)]
    judged = [(subject, judge(subject, states, NOW)[0]) for subject, states in fleet]
    every = [state for _, states in fleet for state in states.values()]

    complaints = promtool(
        tmp_path,
        [
            {
                "interval": "5m",
                "input_series": list(series([subject for subject, _ in fleet], every)),
                "promql_expr_test": [
                    {
                        "expr": f"plan:dbs_protection:state{{state={state!r}}} == 1",
                        "eval_time": "10m",
                        "exp_samples": [
                            {
                                "labels": "plan:dbs_protection:state{"
                                f'account="prod",region="{subject.scope.region}",plan_id="{subject.plan.plan_id}",state="{state}"}}',
                                "value": 1,
                            }
                            for subject, found in judged
                            if found == state
                        ],
                    }
                    for state in STATES
                ],
            }
        ],
    )

    assert complaints == ""
    counts = Counter(found for _, found in judged)
    assert min(counts[state] for state in STATES) > PLANS / 50
