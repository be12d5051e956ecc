"""The status page and the recording rules judge every plan alike: one list of conditions, compared with a clock twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import isinf
from pathlib import Path
from random import Random

from prometheus_client.parser import text_string_to_metric_families
from support.rule_fixtures import RULES, promtool, without
from support.subjects import subject_with

from dbs_exporter.collectors.table import TABLE
from dbs_exporter.conditions.algebra import STATES
from dbs_exporter.conditions.table import judge
from dbs_exporter.facts.full_backups import FULL_BACKUPS, FullBackup, FullBackupHistory
from dbs_exporter.facts.limits import WINDOW_CONTRADICTIONS
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory
from dbs_exporter.facts.noticed import noticing
from dbs_exporter.facts.objectives import Objectives
from dbs_exporter.facts.plans import PLANS, Plan
from dbs_exporter.facts.restore_ranges import RANGES, RestoreRange
from dbs_exporter.facts.subjects import PlanSubject, Scope, key_of
from dbs_exporter.facts.windows import Window
from dbs_exporter.metrics.exposition import Exposition

NOW = 600.0
"""promtool's time begins at 0."""
COUNT = 400
HOUR = 3600.0
STATUSES = ("running", "wait", "init", "check_pass", "stop", "pause", "locked", "")
RPO, INTERVAL = 1800.0, 25 * HOUR


def age(random: Random, objective: float, *, never: float = 0.1) -> float | None:
    """An age on either side of what matters, or None."""
    if random.random() < never:
        return None
    return objective * random.choice((-0.4, -0.6, 0.1, 0.5, 0.79, 0.81, 0.89, 0.91, 0.99, 1.01, 3.0))


def before(seconds: float | None) -> float | None:
    return None if seconds is None else NOW - seconds


def random_promises(random: Random) -> dict[str, float]:
    """Until when groups were promised: most of them in time, some past it, and some that nobody reads."""
    groups = (PLANS.name, FULL_BACKUPS.name, LOG_BACKUPS.name, RANGES.name)
    return {
        name: NOW + random.choice((-1.0, -600.0, 1.0, float("inf"))) if random.random() < 0.2 else NOW + 90.0
        for name in groups
        if random.random() < 0.95
    }


def random_window(random: Random) -> Window:
    """Whether the end of the window was seen to follow what was read."""
    return Window(contradictions=random.choice((0, 0, 1, WINDOW_CONTRADICTIONS)))


def random_plan(random: Random, number: int) -> PlanSubject:
    """A plan of which anything may be wrong, alone in its region."""
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
    failures = random.choice((0, 0, 0, 0, 1, 4))
    history = FullBackupHistory(
        last_success=backup, last_attempt=backup, points=() if full is None else ((full, full + 90 * HOUR),),
        consecutive_failures=failures, first_failure_at=NOW - 60.0 if failures else None, oldest_kept_at=NOW - 80 * HOUR,
    )  # fmt: skip
    logs = None if point is None else LogHistory(last_data_at=point, spans=((NOW - 90 * HOUR, point),))
    listed = NOW - random.choice((5.0, 900.0))
    subject = subject_with(
        PlanSubject(
            scope=scope,
            plan=Plan(
                plan_id=f"dbs{number}", name=f"plan-{number}", log_backup_enabled=random.random() < 0.8,
                created_at=NOW - random.choice((1.0, 40.0, 400.0)) * HOUR, status="running" if random.random() < 0.8 else random.choice(STATUSES),
                restore_end_at=point if random.random() < 0.7 else None,
            ),
            window=random_window(random), listed_at=listed, first_listed_at=listed,
            promised=random_promises(random),
            objectives=Objectives(
                rpo=rpo,
                full_backup_interval=None if random.random() < 0.1 else INTERVAL,
            ),
        ),
        *(
            (group, facts, NOW - 5.0)
            for group, facts in ((FULL_BACKUPS, history), (LOG_BACKUPS, logs), (RANGES, ranges))
            if random.random() < 0.9
        ),
    )  # fmt: skip
    return noticing(PlanSubject(scope=scope, plan=subject.plan), subject, listed)


def series(subjects: list[PlanSubject]) -> Iterator[dict[str, str]]:
    """What the exporter shows of them, as promtool takes it; only what the rules look at."""
    exposition = Exposition(TABLE.families)
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
                value = "+Inf" if isinf(sample.value) else repr(sample.value)
                yield {"series": f"{sample.name}{{{labels}}}", "values": f"{value} {value} {value}"}


def test_the_page_and_the_rules_judge_every_plan_alike(tmp_path: Path) -> None:
    """For plans of which anything may be wrong, promtool finds by the rules the state that the status page shows."""
    random = Random(20)
    fleet = [random_plan(random, number) for number in range(COUNT)]
    judged = [(subject, judge(subject, NOW)[0]) for subject in fleet]

    complaints = promtool(
        tmp_path,
        [
            {
                "interval": "5m",
                "input_series": list(series(fleet)),
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
        # promtool keeps 10,000 samples at most, and an hour of so many plans is more.
        files=[without("dbs-compliance", tmp_path)],
    )

    assert complaints == ""
    counts = Counter(found for _, found in judged)
    assert min(counts[state] for state in STATES) > COUNT / 50
