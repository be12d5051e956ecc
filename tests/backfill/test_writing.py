"""Day files: what they hold beside what an exporter showed at the same instants, and whether a real promtool takes them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.programs import tool

from dashboards.preview.history import Past
from dbs_exporter.backfill.offered import OFFERED, as_markdown, reason
from dbs_exporter.backfill.plan_past import PlanPast
from dbs_exporter.backfill.writing import days, write_day
from dbs_exporter.collectors.table import TABLE
from dbs_exporter.config.load import parse_config
from dbs_exporter.facts.full_backups import read_full_backup
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.records import Reader
from dbs_exporter.facts.restores import read_restore_task

NOW = 1_790_000_000.0
HOUR, DAY = 3600.0, 86_400.0
LABELS = {"job": "dbs"}
CONFIG = """
accounts:
  - name: prod
    endpoint: http://127.0.0.1:1
    regions: all
    credentials: {type: access_key, access_key_id: testak, access_key_secret: testsk}
"""
SAMPLE = re.compile(r"(\w+\{.*\}) (\S+) (\S+)")
Samples = dict[str, dict[str, float]]


def pasts(exporter: Past) -> list[PlanPast]:
    """What the lists of the simulated account hold now."""
    found = []
    for target in exporter._targets:
        reader = Reader(NOW)
        for record in target.api.pages("DescribeBackupPlanList", {"Region": target.scope.region}):
            plan = read_plan(reader.fields(record))
            asked: Mapping[str, object] = {"BackupPlanId": plan.plan_id}
            found.append(
                PlanPast(
                    scope=target.scope,
                    plan=plan,
                    backups=tuple(
                        read_full_backup(reader.fields(each))
                        for each in target.api.pages("DescribeFullBackupList", asked)
                    ),
                    restores=tuple(
                        read_restore_task(reader.fields(each))
                        for each in target.api.pages("DescribeRestoreTaskList", asked)
                    ),
                )
            )
    return found


def samples(text: str) -> Samples:
    """The samples by time in whole seconds, then by series."""
    found: Samples = {}
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line)
        if match:
            found.setdefault(f"{float(match[3]):.0f}", {})[match[1]] = float(match[2])
    return found


def test_what_is_written_is_what_an_exporter_showed_then(tmp_path: Path) -> None:
    """At each step gauges are equal, and counters increase by the same."""
    exporter = Past(parse_config(CONFIG, environ={}), seed=7, plans=19, anchor=NOW, labels='job="dbs"')
    [(name, steps), *_] = days(NOW - 2 * DAY, NOW - DAY, 6 * HOUR)
    scraped = samples("".join(line for at in steps for line in exporter.samples_at(at)))
    exporter._clock.at = NOW
    count = write_day(tmp_path / name, pasts(exporter), steps, LABELS)
    exporter.close()
    written = samples((tmp_path / name).read_text())
    first, last = (f"{at:.0f}" for at in (steps[0], steps[-1]))

    assert count == sum(map(len, written.values()))
    assert len({series.split("{")[0] for series in written[last]}) >= 12
    for at, found in written.items():
        for series, value in found.items():
            if "_total{" not in series:
                assert scraped[at].get(series) == value, (at, series)
            elif series in written[first] and at == last:
                increase = scraped[last][series] - scraped[first][series]
                assert value - written[first][series] == pytest.approx(increase), series


def test_a_real_promtool_takes_a_day(tmp_path: Path) -> None:
    """And loads as many samples as were written."""
    exporter = Past(parse_config(CONFIG, environ={}), seed=7, plans=3, anchor=NOW, labels="")
    known = pasts(exporter)
    exporter.close()
    [(name, steps), *_] = days(NOW - 2 * DAY, NOW - DAY, 3600.0)
    count = write_day(tmp_path / name, known, steps, LABELS)
    command = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", name, "data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = [int(line.split()[-4]) for line in done.stdout.splitlines() if re.match(r"01\w{24}", line)]

    assert sum(loaded) == count, done.stdout


def test_every_family_is_offered_or_has_a_reason() -> None:
    """And none is offered that there is not."""
    names = {family.name for family in TABLE.families}

    assert set(OFFERED) <= names
    assert all(reason(name) for name in names - set(OFFERED))
    assert as_markdown().count("\n| `dbs_") == len(names)
