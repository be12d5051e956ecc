"""The answers of `/api/v1`, for scripts: what docs/openapi.json describes.

Times are RFC 3339 in UTC, spans seconds, sizes bytes; what is not known is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from dbs_exporter.conditions.algebra import State


class PlanSummary(Struct, frozen=True, kw_only=True):
    """One plan: its state, and the instants that it rests on."""

    account: str
    region: str
    plan_id: str
    name: str
    database_type: str
    source_instance_id: str
    status: str
    """As the API has it: running, stop, pause, locked, ..."""
    state: State
    worse_at: datetime | None
    """When it will be at risk or worse unless something new arrives."""
    recovery_point_at: datetime | None
    """The newest instant to which the database can be brought back."""
    last_full_backup_at: datetime | None
    last_full_backup_bytes: int | None
    last_good_expires_at: datetime | None
    """From when on nothing is left to restore from if no new backup succeeds."""
    restore_proven_at: datetime | None
    restore_estimate_seconds: float | None
    """How long a restore of all that it names would take, by those that worked."""
    recovery_gaps: int | None
    rpo_seconds: float | None
    full_backup_interval_seconds: float | None
    restore_time_seconds: float | None
    restore_test_interval_seconds: float | None
    reasons: str
    """What is wrong, in words, the worst first; joined by "; "."""


class ConditionAnswer(Struct, frozen=True, kw_only=True):
    """Something that is wrong with a plan, or will be unless something new arrives."""

    condition: str
    state: State
    summary: str
    task_id: str
    """The restore or download task that it is about; "" for the plan."""
    since: datetime | None
    until: datetime | None
    holds: bool
    alert: str
    severity: str
    explained_by: str
    """What explains it, so that it raises no alert; "" if nothing does."""


class Span(Struct, frozen=True, kw_only=True):
    """From when until when."""

    begin_at: datetime | None
    end_at: datetime | None


class BackupAnswer(Struct, frozen=True, kw_only=True):
    """One of the last full backups."""

    status: str
    began_at: datetime | None
    ended_at: datetime | None
    size_bytes: int | None


class RestoreAnswer(Struct, frozen=True, kw_only=True):
    """One restore task; progress by stage, from 0 to 1."""

    restore_task_id: str
    name: str
    status: str
    created_at: datetime | None
    finished_at: datetime | None
    target_at: datetime | None
    still_since: datetime | None
    """Since when its progress has not moved."""
    progress: dict[str, float]
    error_message: str


class DownloadAnswer(Struct, frozen=True, kw_only=True):
    """One download of a backup set."""

    download_task_id: str
    backup_set_id: str
    status: str
    created_at: datetime | None
    finished_at: datetime | None
    size_bytes: int | None
    error_message: str


class PrecheckAnswer(Struct, frozen=True, kw_only=True):
    """The pre-check of a plan or a restore task."""

    subject: str
    subject_id: str
    status: str
    not_passed: Sequence[str]


class SourceAnswer(Struct, frozen=True, kw_only=True):
    """A list that the answer rests on."""

    facts: str
    read_at: datetime | None
    fresh_until: datetime | None
    """None also where there is nothing to read."""
    stale: bool


class GatewayAnswer(Struct, frozen=True, kw_only=True):
    """One backup gateway."""

    account: str
    region: str
    gateway_id: str
    name: str
    hostname: str
    status: str
    last_heartbeat_at: datetime | None
    plans: int | None
    """Plans behind it; null while the plan list is not known."""
    trouble: bool


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """Everything about one plan."""

    as_of: datetime | None
    plan: PlanSummary
    messages: Sequence[str]
    """What went wrong, in the API's own words."""
    conditions: Sequence[ConditionAnswer]
    """What holds, the worst first, then what will, the soonest first."""
    restorable: Span | None
    holes: Sequence[Span]
    full_backups: Sequence[BackupAnswer]
    """The last 30, the oldest first."""
    restores: Sequence[RestoreAnswer]
    downloads: Sequence[DownloadAnswer]
    prechecks: Sequence[PrecheckAnswer]
    gateway: GatewayAnswer | None
    sources: Sequence[SourceAnswer]


class PlansAnswer(Struct, frozen=True, kw_only=True):
    """Plans, the worst first."""

    as_of: datetime | None
    plans: Sequence[PlanSummary]


class GatewaysAnswer(Struct, frozen=True, kw_only=True):
    """Gateways, those in trouble first."""

    as_of: datetime | None
    gateways: Sequence[GatewayAnswer]


class CollectorAnswer(Struct, frozen=True, kw_only=True):
    """One collector of an account's region."""

    account: str
    region: str
    collector: str
    trouble: bool
    permitted: bool
    subjects: int
    stale: int
    failed: int
    oldest_read_at: datetime | None
    last_error: str


class BudgetAnswer(Struct, frozen=True, kw_only=True):
    """Where the budget of calls does not suffice."""

    account: str
    region: str
    stretch: float
    """How many times later than planned readings come."""


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """How the fleet and the exporter are."""

    as_of: datetime | None
    version: str
    shard: int
    """Which of the exporters that share the regions this is, counted from 0."""
    shards: int
    shard_pages: Sequence[str]
    """The addresses of the pages of all of them; empty where they are not known."""
    plans: dict[State, int]
    gateways_in_trouble: int
    restores_late: int
    collectors_in_trouble: Sequence[CollectorAnswer]
    stretched: Sequence[BudgetAnswer]
    unsaved_since: datetime | None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    error: str
