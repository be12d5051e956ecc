"""The exporter's own metrics: what is counted, what starts at 0, and what goes with a new configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from dbs_exporter.errors import Outcome
from dbs_exporter.facts.collection import BudgetState, CollectorState, StorageState
from dbs_exporter.facts.subjects import Scope
from dbs_exporter.metrics.own import DURATION_BUCKETS, OwnMetrics, Watched, build_revision
from dbs_exporter.metrics.own_families import OWN_FAMILIES

PROD = Scope(account="prod", region="cn-hangzhou")
TEST = Scope(account="test", region="cn-beijing")
STATE = CollectorState(
    scope=PROD,
    collector="full_backups",
    facts="full_backups",
    tried=True,
    success=True,
    last_success_at=1000.0,
    oldest_success_at=900.0,
    subjects=40,
    failed_subjects=1,
    last_error="plan dbs1: Access denied",
)
BUDGET = BudgetState(
    scope=PROD,
    allowed_per_second=5.0,
    stretch=1.05,
    wanted_per_second=(("full_backups", 3.5), ("restores", 1.25)),
    clock_offset_seconds=-2.5,
)

STORAGE = StorageState(path="/state", last_write_at=9_000.0, size_bytes=4_096)


@dataclass(frozen=True)
class Call:
    """One attempt, as the client tells it."""

    scope: Scope = PROD
    operation: str = "DescribeFullBackupList"
    outcome: Outcome = "success"
    duration_seconds: float = 0.1


def own(**options: Any) -> OwnMetrics:
    return OwnMetrics(CollectorRegistry(), **{"version": "1.2.3", "process": False, **options})


def watched(scope: Scope = PROD, *operations: str, rate: float = 5.0) -> Watched:
    return Watched(scope=scope, operations=operations or ("DescribeFullBackupList",), rate=lambda: rate)


def samples(metrics: OwnMetrics, name: str) -> dict[tuple[str, ...], float]:
    """Return one family's samples by their label values, in the order of the label names."""
    text, _ = metrics.lines(series=0, identity_bytes=0)
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name
    }


def everything(metrics: OwnMetrics) -> None:
    """Tell it something of every kind."""
    metrics.watch([watched()])
    metrics.on_call(Call())
    metrics.on_wait(PROD, 0.5)
    metrics.on_unknown("BackupStatus")
    metrics.on_refused("dbs_plan_info", ("prod", "cn-hangzhou", "dbs1"), "error", "a bug")
    metrics.on_refresh_failure("prod")
    metrics.on_credentials("prod", 5000.0)
    metrics.on_reload(successful=True, at=7.0)


def test_every_own_family_of_the_table_is_there_with_its_type_and_labels() -> None:
    """The table and what is served agree in names, types, labels and help."""
    metrics = own(collector_states=lambda: [STATE], budgets=lambda: [BUDGET], storage=lambda: STORAGE)
    everything(metrics)

    text, _ = metrics.lines(series=1, identity_bytes=2)

    served = {family.name: family for family in text_string_to_metric_families(text.decode())}
    for family in OWN_FAMILIES:
        found = served.pop(family.name.removesuffix("_total"))
        assert (found.type, found.documentation) == (family.type, family.help)
        assert found.samples
        for sample in found.samples:
            assert set(sample.labels) - {"le"} == set(family.labels)
    assert served == {}


def test_both_formats_hold_the_same_samples() -> None:
    """Text and OpenMetrics come from one collection, and the strict parser reads the latter."""
    metrics = own(collector_states=lambda: [STATE], budgets=lambda: [BUDGET], storage=lambda: STORAGE)
    everything(metrics)

    text, open_text = metrics.lines(series=1, identity_bytes=2)

    def read(families: Iterable[Metric]) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
        return {(s.name, tuple(sorted(s.labels.items())), s.value) for f in families for s in f.samples}

    opened = parse_openmetrics(open_text.decode() + "# EOF\n")  # type: ignore[no-untyped-call]
    assert not open_text.endswith(b"# EOF\n")
    assert read(opened) == read(text_string_to_metric_families(text.decode()))


def test_the_state_is_said_where_there_is_one() -> None:
    """Whether it was saved, when and how large it is; without storage.path nothing, and before the first write no time."""
    families = ("last_write_successful", "last_write_timestamp_seconds", "size_bytes")

    def said(storage: StorageState | None) -> list[list[float]]:
        metrics = own(storage=lambda: storage)
        return [list(samples(metrics, f"dbs_exporter_state_{name}").values()) for name in families]

    assert said(None) == [[], [], []]
    assert said(STORAGE) == [[1.0], [9_000.0], [4_096.0]]
    assert said(StorageState(path="/state", error="disk full", failing_since=1.0)) == [[0.0], [], []]


def test_requests_that_succeed_start_at_zero() -> None:
    """Before the first call there is a 0 for each account, region and operation; other outcomes have a series once they come."""
    metrics = own()
    metrics.watch(
        [watched(PROD, "DescribeRegions", "DescribeFullBackupList"), watched(TEST, "DescribeRegions")]
    )

    counted = samples(metrics, "dbs_exporter_api_requests_total")

    assert len(counted) == 3
    assert {outcome for _, _, outcome, _ in counted} == {"success"}
    assert set(counted.values()) == {0.0}
    assert samples(metrics, "dbs_exporter_api_rate_limit_wait_seconds_total") == {
        ("prod", "cn-hangzhou"): 0.0,
        ("test", "cn-beijing"): 0.0,
    }
    assert samples(metrics, "dbs_exporter_credentials_refresh_failures_total") == {
        ("prod",): 0.0,
        ("test",): 0.0,
    }


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_attempt_is_counted_by_its_outcome(outcome: Outcome) -> None:
    """One attempt adds one to exactly one series."""
    metrics = own()
    metrics.watch([watched()])
    metrics.on_call(Call(outcome=outcome))
    metrics.on_call(Call(outcome=outcome))

    counted = samples(metrics, "dbs_exporter_api_requests_total")

    assert sum(counted.values()) == 2.0
    assert counted[("prod", "DescribeFullBackupList", outcome, "cn-hangzhou")] == 2.0


def test_durations_fall_into_cumulative_buckets() -> None:
    """A bucket holds what took as long as its bound or less; the sum and the count are of all."""
    metrics = own()
    metrics.watch([watched()])
    for seconds in (DURATION_BUCKETS[0], 0.3, 100.0):
        metrics.on_call(Call(duration_seconds=seconds))

    buckets = samples(metrics, "dbs_exporter_api_request_duration_seconds_bucket")

    by_bound = {float(bound): count for (bound, _operation), count in buckets.items()}
    assert by_bound[DURATION_BUCKETS[0]] == 1.0
    assert by_bound[0.2] == 1.0
    assert by_bound[0.5] == 2.0
    assert by_bound[DURATION_BUCKETS[-1]] == 2.0
    assert by_bound[float("inf")] == 3.0
    name = "dbs_exporter_api_request_duration_seconds"
    assert samples(metrics, f"{name}_count") == {("DescribeFullBackupList",): 3.0}
    assert samples(metrics, f"{name}_sum") == {("DescribeFullBackupList",): pytest.approx(100.35)}


def test_what_is_polled_no_longer_is_gone_and_the_rest_goes_on_counting() -> None:
    """A new configuration drops the series of accounts and regions that left it; counters of the others never
    fall."""
    metrics = own()
    metrics.watch([watched(PROD), watched(TEST)])
    for scope in (PROD, TEST):
        metrics.on_call(Call(scope=scope))
        metrics.on_wait(scope, 1.5)
        metrics.on_refresh_failure(scope.account)
        metrics.on_credentials(scope.account, 10.0)

    metrics.watch([watched(PROD, "DescribeRegions")])

    counted = samples(metrics, "dbs_exporter_api_requests_total")
    assert {labels[0] for labels in counted} == {"prod"}
    assert counted[("prod", "DescribeFullBackupList", "success", "cn-hangzhou")] == 1.0
    assert counted[("prod", "DescribeRegions", "success", "cn-hangzhou")] == 0.0
    assert samples(metrics, "dbs_exporter_api_rate_limit_wait_seconds_total") == {
        ("prod", "cn-hangzhou"): 1.5
    }
    assert samples(metrics, "dbs_exporter_credentials_refresh_failures_total") == {("prod",): 1.0}
    assert samples(metrics, "dbs_exporter_credentials_expires_timestamp_seconds") == {("prod",): 10.0}


def test_the_rate_is_the_one_allowed_now() -> None:
    """It is asked for when the page is made, so that throttling shows."""
    rates = iter([5.0, 2.5])
    metrics = own()
    metrics.watch([Watched(scope=PROD, operations=(), rate=lambda: next(rates))])

    assert samples(metrics, "dbs_exporter_api_rate_limit_per_second") == {("prod", "cn-hangzhou"): 5.0}
    assert samples(metrics, "dbs_exporter_api_rate_limit_per_second") == {("prod", "cn-hangzhou"): 2.5}


def test_credentials_that_do_not_expire_have_no_expiry() -> None:
    """None takes the sample away; it is never 0."""
    metrics = own()
    metrics.watch([watched()])
    metrics.on_credentials("prod", 10.0)
    metrics.on_credentials("prod", None)

    assert samples(metrics, "dbs_exporter_credentials_expires_timestamp_seconds") == {}


@pytest.mark.parametrize(
    ("suffix", "value"),
    [
        ("success", 1.0),
        ("permitted", 1.0),
        ("last_success_timestamp_seconds", 1000.0),
        ("oldest_success_timestamp_seconds", 900.0),
        ("subjects", 40.0),
        ("failed_subjects", 1.0),
    ],
)
def test_a_collector_shows_how_it_fares(suffix: str, value: float) -> None:
    """Each field of a collector's state is one family."""
    metrics = own(collector_states=lambda: [STATE])

    found = samples(metrics, f"dbs_exporter_collector_{suffix}")

    assert found == {("prod", "full_backups", "cn-hangzhou"): value}


def test_a_collector_that_has_read_nothing_yet_says_nothing() -> None:
    """Before the first reading there is no success, no failure, no time and no number."""
    metrics = own(collector_states=lambda: [CollectorState(scope=PROD, collector="nodes", subjects=1)])
    text, _ = metrics.lines(series=0, identity_bytes=0)

    assert b"\ndbs_exporter_collector" not in text


def test_a_call_budget_says_what_is_wanted_and_by_how_much_that_is_too_much() -> None:
    """What is wanted by collector, so that one sees which of them to read less often."""
    metrics = own(budgets=lambda: [BUDGET, BudgetState(scope=TEST, allowed_per_second=1.0)])

    assert samples(metrics, "dbs_exporter_call_budget_stretch_ratio") == {
        ("prod", "cn-hangzhou"): 1.05,
        ("test", "cn-beijing"): 1.0,
    }
    assert samples(metrics, "dbs_exporter_call_budget_wanted_per_second") == {
        ("prod", "full_backups", "cn-hangzhou"): 3.5,
        ("prod", "restores", "cn-hangzhou"): 1.25,
    }


def test_how_far_a_clock_is_off_is_said_once_it_is_known() -> None:
    """Before the first answer there is nothing to compare it with; ahead and behind differ in their sign."""
    metrics = own(budgets=lambda: [BUDGET, BudgetState(scope=TEST, allowed_per_second=1.0)])

    assert samples(metrics, "dbs_exporter_clock_offset_seconds") == {("prod", "cn-hangzhou"): -2.5}


def test_a_refused_or_failed_collector_is_told_apart() -> None:
    """Not permitted and not successful are two families."""
    states = [replace(STATE, permitted=False), replace(STATE, collector="plans", success=False)]
    metrics = own(collector_states=lambda: states)

    assert samples(metrics, "dbs_exporter_collector_permitted") == {
        ("prod", "full_backups", "cn-hangzhou"): 0.0,
        ("prod", "plans", "cn-hangzhou"): 1.0,
    }
    assert samples(metrics, "dbs_exporter_collector_success")[("prod", "plans", "cn-hangzhou")] == 0.0


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    """The state falls to 0 and the time stays; before any load there is neither."""
    metrics = own()
    before = samples(metrics, "dbs_exporter_config_last_reload_successful")
    metrics.on_reload(successful=True, at=100.0)
    metrics.on_reload(successful=False, at=200.0)

    assert before == {}
    assert samples(metrics, "dbs_exporter_config_last_reload_successful") == {(): 0.0}
    assert samples(metrics, "dbs_exporter_config_last_reload_success_timestamp_seconds") == {(): 100.0}


def test_unknown_values_and_refused_rows_are_counted() -> None:
    """Each by its bounded label."""
    metrics = own()
    for _ in range(2):
        metrics.on_unknown("BackupStatus")
        metrics.on_refused("dbs_plan_info", ("prod", "cn-hangzhou", "dbs1"), "duplicate", "there twice")

    assert samples(metrics, "dbs_exporter_unknown_values_total") == {("BackupStatus",): 2.0}
    assert samples(metrics, "dbs_exporter_refused_rows_total") == {("dbs_plan_info", "duplicate"): 2.0}


def test_the_size_of_the_page_before_is_shown() -> None:
    """The publisher tells it, since a page cannot hold its own length."""
    text, _ = own().lines(series=123, identity_bytes=4567)

    assert b"\ndbs_exporter_series 123.0\n" in text
    assert b"\ndbs_exporter_exposition_bytes 4567.0\n" in text


def test_the_build_is_named() -> None:
    """Version and revision are what the build says; an unknown revision is empty."""
    metrics = own(revision=build_revision({"DBS_EXPORTER_REVISION": "abc"}))

    [(labels, value)] = samples(metrics, "dbs_exporter_build_info").items()

    assert value == 1.0
    assert (labels[1], labels[2]) == ("abc", "1.2.3")
    assert build_revision({}) == ""


def test_process_and_python_metrics_are_on_the_injected_registry() -> None:
    """process_* and python_info come with it unless they are not wanted."""
    text, _ = own(process=True).lines(series=0, identity_bytes=0)

    assert b"\npython_info{" in text
    assert b"process_" in text
    assert b"python_info" not in own().lines(series=0, identity_bytes=0)[0]


def test_a_collector_that_fails_leaves_the_last_lines_in_place() -> None:
    """A broken part of the registry never breaks a publish."""

    class Broken(Collector):
        def collect(self) -> Iterator[Metric]:
            if broken:
                raise RuntimeError("broken")
            yield Metric("other", "Other.", "gauge")

    broken = False
    registry = CollectorRegistry()
    metrics = OwnMetrics(registry, version="1", process=False)
    registry.register(Broken())
    good = metrics.lines(series=1, identity_bytes=1)
    broken = True

    assert metrics.lines(series=2, identity_bytes=2) == good
