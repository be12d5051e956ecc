"""What conditions say of a plan, for their tests."""

from __future__ import annotations

from dbs_exporter.conditions.algebra import Condition


def deadlines(condition: Condition, subject: object) -> dict[str, tuple[float, float | None]]:
    """State (with the id of a task or gateway) -> (since, until) of a condition."""
    return {
        f"{stage.state} {stage.of}".strip(): (stage.since, stage.until) for stage in condition.stages(subject)
    }
