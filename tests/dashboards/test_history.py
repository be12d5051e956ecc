"""The written past: what an exporter would have shown at moments of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dashboards.preview.history import Past, moments
from dbs_exporter.config.load import parse_config

NOW = 1_790_000_000.0
CONFIG = """
accounts:
  - name: prod
    endpoint: http://127.0.0.1:1
    regions: all
    credentials: {type: access_key, access_key_id: testak, access_key_secret: testsk}
"""
SAMPLE = re.compile(r"(\w+)\{(.*)\} (\S+) (\S+)\n")
Sample = tuple[dict[str, str], float]


@pytest.fixture
def past() -> Iterator[Past]:
    """A small fleet's past."""
    found = Past(parse_config(CONFIG, environ={}), seed=7, plans=19, anchor=NOW, labels='job="dbs"')
    yield found
    found.close()


def shown(past: Past, moment: float) -> dict[str, list[Sample]]:
    """What is shown at a moment, by metric; each sample is of that moment and of the job."""
    page: dict[str, list[Sample]] = {}
    for line in past.samples_at(moment):
        found = SAMPLE.fullmatch(line)
        assert found is not None, line
        name, inner, value, at = found.groups()
        labels = dict(re.findall(r'(\w+)="([^"]*)"', inner))
        assert float(at) == pytest.approx(moment, abs=0.001)
        assert labels.pop("job") == "dbs"
        page.setdefault(name, []).append((labels, float(value)))
    return page


def values(page: dict[str, list[Sample]], metric: str) -> list[float]:
    return [value for _, value in page[metric]]


def test_the_past_is_that_of_an_exporter_that_reads_in_time(past: Past) -> None:
    """At each moment everything has been read that was due, what is promised lies ahead, and nothing was called in vain."""
    for moment in moments(NOW)[-2:]:
        page = shown(past, moment)

        assert len(page["dbs_plan_info"]) == 19
        assert min(values(page, "dbs_plan_fresh_until_timestamp_seconds")) > moment
        assert min(values(page, "dbs_region_fresh_until_timestamp_seconds")) > moment
        assert max(values(page, "dbs_exporter_collector_failed_subjects")) == 0
        assert set(values(page, "dbs_exporter_call_budget_stretch_ratio")) == {1.0}
        assert sum(values(page, "dbs_exporter_call_budget_wanted_per_second")) > 0


def test_what_is_yet_to_be_made_is_not_shown(past: Past) -> None:
    """A month before, there are fewer plans and tasks, each made by then, and no value that cannot be read."""
    moment = moments(NOW)[0]
    page = shown(past, moment)

    assert len(page["dbs_plan_info"]) < 19
    for metric in ("dbs_plan_created_timestamp_seconds", "dbs_restore_task_created_timestamp_seconds"):
        assert max(values(page, metric)) <= moment
    assert "dbs_exporter_unknown_values_total" not in page


def test_the_past_goes_on(past: Past) -> None:
    """From one moment to the next the log goes on, and what was read before is read again."""
    before, after = moments(NOW)[-2:]
    first, second = shown(past, before), shown(past, after)

    for metric in (
        "dbs_plan_recovery_point_timestamp_seconds",
        "dbs_exporter_collector_last_success_timestamp_seconds",
    ):
        assert max(values(second, metric)) > max(values(first, metric)) + 60
