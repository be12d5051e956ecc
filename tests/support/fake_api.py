"""An API of prepared answers, and readings of it, for tests of collectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.collectors.base import OnPage, PlanReading, Reading
from dbs_exporter.facts.enums import UnknownValue, ignore_unknown
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.subjects import PlanSubject, Scope

SCOPE = Scope(account="prod", region="cn-hangzhou")
NOW = 1_790_000_000.0
WITHIN = 60.0
PAGE = 100


class FakeApi:
    """Answers by operation, an error among them is raised; asserts that every question is a complete one."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        assert within == WITHIN
        # As the client does: it adds the region and refuses what the table does not know.
        region = {"Region": SCOPE.region} if OPERATIONS[operation].has_region_parameter else {}
        request_parameters(OPERATIONS[operation], {**region, **params})
        self.asked.append((operation, dict(params)))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: OnPage | None = None,
    ) -> list[dict[str, Any]]:
        records: Any = self.call(operation, params, within=within) or []
        for first in range(0, len(records), PAGE):
            if on_page is not None:
                on_page(records[first : first + PAGE], len(records))
        return list(records)


def reading_of(api: FakeApi, unknown: UnknownValue = ignore_unknown) -> Reading:
    """The region, or the account from there, about to be read."""
    return Reading(api=api, region=SCOPE.region, now=NOW, within=WITHIN, unknown=unknown)


def subject_of(plan: Plan | None = None) -> PlanSubject:
    """A plan, of which nothing else is known."""
    return PlanSubject(
        scope=SCOPE, plan=plan or Plan(plan_id="dbs1", status="running", log_backup_enabled=True)
    )


def reading_of_plan(
    api: FakeApi, subject: PlanSubject | None = None, unknown: UnknownValue = ignore_unknown
) -> PlanReading:
    """A plan about to be read."""
    return PlanReading(
        api=api,
        region=SCOPE.region,
        now=NOW,
        within=WITHIN,
        unknown=unknown,
        subject=subject or subject_of(),
    )
