"""The metrics about the exporter itself, on a prometheus_client registry that is passed in.

Events (calls, waits, unknown values, refused rows, reloads) are reported to `OwnMetrics` and counted here. Collector states,
rates and the size of the page are read when a page is put together. This module never calls the API, and a scrape never
reaches it.
"""

from __future__ import annotations

import logging
import platform
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from dbs_exporter.errors import Outcome
from dbs_exporter.facts.collection import BudgetState, CollectorState, StorageState
from dbs_exporter.facts.subjects import Scope, SubjectKey
from dbs_exporter.metrics.family import Refusal
from dbs_exporter.metrics.own_families import OWN_FAMILIES
from dbs_exporter.metrics.text import OPENMETRICS_END, label_value

DURATION_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds; from a fast answer of a near region to the longest that a call may take."""

REVISION_VARIABLE = "DBS_EXPORTER_REVISION"
"""An environment variable that is set when the image is built."""

_BY_NAME = {family.name: family for family in OWN_FAMILIES}
_Values = Iterable[tuple[tuple[str, ...], float]]
_log = logging.getLogger(__name__)


class CallRecord(Protocol):
    """The fields of an attempt at a call that are counted; `api.client.Call` has them."""

    @property
    def scope(self) -> Scope: ...
    @property
    def operation(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def duration_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A polled region of an account: the operations it may call, and its present calls per second."""

    scope: Scope
    operations: tuple[str, ...]
    rate: Callable[[], float]


def build_revision(environ: Mapping[str, str]) -> str:
    """Return the source revision of this build, "" if the build did not set it."""
    return environ.get(REVISION_VARIABLE, "")


class OwnMetrics:
    """Counts events and renders the registry for the publisher; thread-safe."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        version: str,
        revision: str = "",
        collector_states: Callable[[], Sequence[CollectorState]] = lambda: (),
        budgets: Callable[[], Sequence[BudgetState]] = lambda: (),
        storage: Callable[[], StorageState | None] = lambda: None,
        shard: tuple[int, int] = (0, 1),
        process: bool = True,
    ) -> None:
        """Register with the registry.

        `shard` is (index from 0, number of shards); `process` adds the process_* families and python_info.
        """
        self._registry = registry
        self._build = (version, revision, platform.python_version())
        self._collector_states = collector_states
        self._budgets = budgets
        self._storage = storage
        self._shard = shard
        self._lock = threading.Lock()
        self._watched: dict[Scope, Watched] = {}
        self._calls: Counter[tuple[str, ...]] = Counter()
        self._durations: dict[str, _Durations] = {}
        self._waits: dict[Scope, float] = {}
        self._unknown: Counter[tuple[str, ...]] = Counter()
        self._refused: Counter[tuple[str, ...]] = Counter()
        self._refresh_failures: Counter[str] = Counter()
        self._expiries: dict[str, float] = {}
        self._reload: tuple[bool, float | None] | None = None
        self._page = (0, 0)
        self._last_lines = (b"", b"")
        if process:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        registry.register(_OwnCollector(self._families))

    def watch(self, watched: Iterable[Watched]) -> None:
        """Set what is polled from now on; counters of removed targets end.

        Of calls, those that succeed are counted from 0 on; each other outcome has a series once it comes, for thousands of
        regions would have hundreds of thousands that say nothing.
        """
        with self._lock:
            self._watched = {target.scope: target for target in watched}
            accounts = {scope.account for scope in self._watched}
            calls: Counter[tuple[str, ...]] = Counter()
            for scope, target in self._watched.items():
                for operation in target.operations:
                    self._durations.setdefault(operation, _Durations())
                    calls[(scope.account, scope.region, operation, "success")] = 0
            scopes = {(scope.account, scope.region) for scope in self._watched}
            calls.update({labels: n for labels, n in self._calls.items() if labels[:2] in scopes})
            self._calls = calls
            self._waits = {scope: self._waits.get(scope, 0.0) for scope in self._watched}
            self._refresh_failures = Counter(
                {account: self._refresh_failures[account] for account in accounts}
            )
            self._expiries = {account: at for account, at in self._expiries.items() if account in accounts}

    def on_call(self, call: CallRecord) -> None:
        """Count an attempt at a call."""
        with self._lock:
            self._calls[(call.scope.account, call.scope.region, call.operation, call.outcome)] += 1
            self._durations.setdefault(call.operation, _Durations()).observe(call.duration_seconds)

    def on_wait(self, scope: Scope, seconds: float) -> None:
        """Add seconds that calls waited for the rate limit or for a free slot."""
        with self._lock:
            self._waits[scope] = self._waits.get(scope, 0.0) + seconds

    def on_unknown(self, field: str) -> None:
        """Count an undocumented value of an API field; log the first one of each field."""
        with self._lock:
            self._unknown[(field,)] += 1
            first = self._unknown[(field,)] == 1
        if first:
            _log.warning("the API gave a value that its documents do not have", extra={"field": field})

    def on_refused(self, family: str, key: SubjectKey, reason: Refusal, sentence: str) -> None:
        """Count a row that broke the contract; log the first one of each family and reason."""
        with self._lock:
            self._refused[(family, reason)] += 1
            first = self._refused[(family, reason)] == 1
        if first:
            account, region, plan_id = key
            _log.error(
                "a row was left out of the metrics",
                extra={
                    "family": family,
                    "reason": reason,
                    "account": account,
                    "region": region,
                    "plan_id": plan_id,
                    "problem": sentence,
                },
            )

    def on_refresh_failure(self, account: str) -> None:
        """Count a failed refresh of an account's credentials."""
        with self._lock:
            self._refresh_failures[account] += 1

    def on_credentials(self, account: str, expires_at: float | None) -> None:
        """Record when an account's present credentials expire, in Unix seconds; None if they do not."""
        with self._lock:
            if expires_at is None:
                self._expiries.pop(account, None)
            else:
                self._expiries[account] = expires_at

    def on_reload(self, *, successful: bool, at: float) -> None:
        """Record whether the configuration could be loaded; `at` is the time in Unix seconds."""
        with self._lock:
            succeeded_at = at if successful else (self._reload[1] if self._reload else None)
            self._reload = (successful, succeeded_at)

    def lines(self, series: int, identity_bytes: int) -> tuple[bytes, bytes]:
        """Return the registry's lines as text and as OpenMetrics without `# EOF`.

        `series` and `identity_bytes` are the size of the previous page, which is one of the metrics. If a collector of the
        registry fails, the previous lines are returned again.
        """
        self._page = (series, identity_bytes)
        texts, open_texts = [], []
        try:
            # Family by family: those of thousands of regions need not be in memory at once.
            for metric in self._registry.collect():
                collected = _Collected(metric)
                open_text: bytes = openmetrics.generate_latest(collected)  # type: ignore[no-untyped-call]
                texts.append(generate_latest(collected))
                open_texts.append(open_text.removesuffix(OPENMETRICS_END))
        except Exception:
            _log.exception("the exporter's own metrics could not be put together; the last ones stay")
            return self._last_lines
        self._last_lines = (b"".join(texts), b"".join(open_texts))
        return self._last_lines

    def _families(self) -> Iterator[Metric]:
        states = list({(state.scope, state.collector): state for state in self._collector_states()}.values())
        budgets = self._budgets()
        with self._lock:
            rates = [(scope, target.rate) for scope, target in self._watched.items()]
            calls, waits = list(self._calls.items()), list(self._waits.items())
            expiries, refresh_failures = list(self._expiries.items()), list(self._refresh_failures.items())
            unknown, refused = list(self._unknown.items()), list(self._refused.items())
            durations = self._duration_family()
        # Outside the lock: the reader takes its time, and `rate` is foreign code that may take a lock of its own.
        yield _family("dbs_exporter_build_info", [(self._build, 1)])
        yield _family("dbs_exporter_shard_info", [((str(self._shard[0]),), 1)])
        yield _family("dbs_exporter_shards", [((), self._shard[1])])
        yield from _collector_families(states)
        yield from _budget_families(budgets)
        yield from _storage_families(self._storage())
        yield _family("dbs_exporter_api_requests_total", calls)
        yield durations
        yield _family(
            "dbs_exporter_api_rate_limit_wait_seconds_total",
            [((scope.account, scope.region), seconds) for scope, seconds in waits],
        )
        yield _family(
            "dbs_exporter_credentials_expires_timestamp_seconds",
            [((account,), at) for account, at in expiries],
        )
        yield _family(
            "dbs_exporter_credentials_refresh_failures_total",
            [((account,), n) for account, n in refresh_failures],
        )
        yield _family("dbs_exporter_unknown_values_total", unknown)
        yield _family("dbs_exporter_refused_rows_total", refused)
        yield from self._reload_families()
        yield _family("dbs_exporter_series", [((), self._page[0])])
        yield _family("dbs_exporter_exposition_bytes", [((), self._page[1])])
        yield _family(
            "dbs_exporter_api_rate_limit_per_second",
            [((scope.account, scope.region), rate()) for scope, rate in rates],
        )

    def _duration_family(self) -> Metric:
        family = _BY_NAME["dbs_exporter_api_request_duration_seconds"]
        metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        bounds = [*map(str, DURATION_BUCKETS), "+Inf"]
        for operation, durations in sorted(self._durations.items()):
            buckets = zip(bounds, accumulate(durations.buckets), strict=True)
            metric.add_metric([label_value(operation)], list(buckets), durations.seconds)
        return metric

    def _reload_families(self) -> Iterator[Metric]:
        if self._reload:
            successful, at = self._reload
            yield _family("dbs_exporter_config_last_reload_successful", [((), int(successful))])
            if at is not None:
                yield _family("dbs_exporter_config_last_reload_success_timestamp_seconds", [((), at)])


class _Durations:
    """The histogram of an operation: calls between two bounds, and the sum of their seconds."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(DURATION_BUCKETS) + 1)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1
        self.seconds += seconds


class _OwnCollector(Collector):
    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()


class _Collected(CollectorRegistry):
    """A metric collected once, so that both formats render the same values."""

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        return iter([self._metric])


def _family(name: str, values: _Values) -> Metric:
    family = _BY_NAME[name]
    metric: CounterMetricFamily | GaugeMetricFamily
    if family.type == "counter":
        metric = CounterMetricFamily(name.removesuffix("_total"), family.help, labels=family.labels)
    else:
        metric = GaugeMetricFamily(name, family.help, labels=family.labels)
    for labels, value in sorted(values):
        metric.add_metric([label_value(label) for label in labels], value)
    return metric


def _collector_families(states: Sequence[CollectorState]) -> Iterator[Metric]:
    """Yield the families of the collectors' states; a state without a value gives no sample."""

    def family(suffix: str, of: Callable[[CollectorState], float | None]) -> Metric:
        values = [((state.scope.account, state.scope.region, state.collector), of(state)) for state in states]
        known = [(labels, value) for labels, value in values if value is not None]
        return _family(f"dbs_exporter_collector_{suffix}", known)

    yield family("success", lambda state: int(state.success) if state.tried else None)
    yield family("permitted", lambda state: int(state.permitted) if state.tried else None)
    yield family("last_success_timestamp_seconds", lambda state: state.last_success_at)
    yield family("oldest_success_timestamp_seconds", lambda state: state.oldest_success_at)
    yield family("subjects", lambda state: state.subjects if state.tried else None)
    yield family("failed_subjects", lambda state: state.failed_subjects if state.tried else None)


def _budget_families(budgets: Sequence[BudgetState]) -> Iterator[Metric]:
    """Yield whether the calls suffice, and how far the machine's clock is off."""
    scopes = [((state.scope.account, state.scope.region), state) for state in budgets]
    yield _family(
        "dbs_exporter_call_budget_stretch_ratio", [(scope, state.stretch) for scope, state in scopes]
    )
    yield _family(
        "dbs_exporter_call_budget_wanted_per_second",
        [
            ((*scope, collector), calls)
            for scope, state in scopes
            for collector, calls in state.wanted_per_second
        ],
    )
    yield _family(
        "dbs_exporter_clock_offset_seconds",
        [
            (scope, state.clock_offset_seconds)
            for scope, state in scopes
            if state.clock_offset_seconds is not None
        ],
    )
    yield _family("dbs_exporter_catching_up", [(scope, int(state.catching_up)) for scope, state in scopes])


def _storage_families(storage: StorageState | None) -> Iterator[Metric]:
    """Yield whether what is known is saved; nothing where it is kept in memory only."""
    if storage is None:
        return
    values = {
        "last_write_successful": int(not storage.error),
        "last_write_timestamp_seconds": storage.last_write_at,
        "size_bytes": storage.size_bytes,
    }
    for suffix, value in values.items():
        yield _family(f"dbs_exporter_state_{suffix}", [] if value is None else [((), value)])
