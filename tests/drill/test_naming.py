"""Names of tasks and databases: found again, told apart, and never without the prefix."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.drill.naming import (
    TaskName,
    day_of,
    is_mapped,
    objects_text,
    parse_task_name,
    restored_names,
    too_long,
    unmarked,
)
from dbs_exporter.facts.plans import Plan

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?", fullmatch=True)


@given(destination=NAMES, other=NAMES, attempt=st.integers(1, 999))
def test_a_tasks_name_is_found_again(destination: str, other: str, attempt: int) -> None:
    """By its own plan and destination, and by no other."""
    name = TaskName(plan_id="dbs1", destination=destination, day="20261128", attempt=attempt)

    assert parse_task_name(name.text, "dbs1", destination) == name
    assert parse_task_name(name.text, "dbs2", destination) is None
    if other != destination:
        assert parse_task_name(name.text, "dbs1", other) in (None, name)


@pytest.mark.parametrize(
    "text", ["", "drill-dbs1-spare", "drill-dbs1-spare-today", "drill-dbs1-spare-20261128-", "x"]
)
def test_another_name_is_no_drills(text: str) -> None:
    """A task that somebody named by hand is nobody's drill."""
    assert parse_task_name(text, "dbs1", "spare") is None


def test_the_day_is_utcs() -> None:
    """The API knows no other."""
    assert (day_of(1_790_000_000), day_of(1_790_035_199), day_of(1_790_035_200)) == (
        "20260921",
        "20260921",
        "20260922",
    )


def test_databases_have_the_prefix_and_the_date() -> None:
    """A second attempt of a day has its number."""
    second = TaskName(plan_id="dbs1", destination="spare", day="20261128", attempt=2)
    names = restored_names(("a", "ü"), "drill_", second.stamp)

    assert names == {"a": "drill_20261128_2_a", "ü": "drill_20261128_2_ü"}
    assert json.loads(objects_text(names))[1] == {"DBName": "ü", "NewDBName": "drill_20261128_2_ü"}
    assert objects_text(("a",)) == '[{"DBName":"a"}]'
    assert unmarked(objects_text(names), "drill_") == []


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ('[{"DBName":"a"}]', ["a"]),
        ('[{"DBName":"a","NewDBName":"drill_a"},{"DBName":"b","NewDBName":"b2"}]', ["b2"]),
        ('[{"DBName":"drill_a","NewDBName":""}]', []),
        ("[]", ["[]"]),
        ("", ["nothing"]),
        ("*", ["*"]),
        ("{}", ["{}"]),
        ("[1]", ["[1]"]),
    ],
)
def test_a_name_without_the_prefix_is_seen(objects: str, found: list[str]) -> None:
    """What cannot be read has none."""
    assert unmarked(objects, "drill_") == found


def test_a_name_counts_by_its_bytes() -> None:
    """PostgreSQL and MongoDB have 63, MySQL 64."""
    names = {"a": "x" * 64, "b": "ü" * 32}

    assert too_long(names, "MySQL") == []
    assert too_long(names, "PostgreSQL") == ["x" * 64, "ü" * 32]


@pytest.mark.parametrize(
    ("kind", "method", "place", "mapped"),
    [
        ("MySQL", "logical", "rds", True),
        ("MySQL", "physical", "rds", False),
        ("MySQL", "logical", "agent", False),
        ("PostgreSQL", "logical", "ecs", True),
        ("MongoDB", "logical", "dds", True),
        ("Redis", "logical", "rds", False),
        ("MSSQL", "logical", "rds", False),
        ("Oracle", "logical", "ecs", False),
        ("MySQL", "", "rds", False),
    ],
)
def test_names_can_be_changed_where_the_reference_shows_how(
    kind: str, method: str, place: str, mapped: bool
) -> None:
    """Logical backups of MySQL, PostgreSQL and MongoDB, and not behind a gateway."""
    destination = DestinationConfig.model_construct(name="spare", instance_type=place)

    assert is_mapped(Plan(plan_id="dbs1", database_type=kind, backup_method=method), destination) is mapped
