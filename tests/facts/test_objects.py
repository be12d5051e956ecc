"""What is backed up or restored: databases, whole or in part."""

from __future__ import annotations

import pytest
from support.records import fields_of
from support.unknown_values import Told

from dbs_exporter.facts.objects import Objects, databases, lacking, read_objects

PART = 'a\n{"TableIncludes": [{"TableName": "t"}]}'


@pytest.mark.parametrize(
    ("given", "objects"),
    [
        ('[{"DBName":"b"},{"DBName":"a"},{"DBName":"a"}]', ("a", "b")),
        ('[{"DBName":"a","NewDBName":"a2","NewSchemaName":"s"}]', ("a",)),
        ('[{"DBName":"a","SchemaName":"","TableIncludes":[{"TableName":"t"}]}]', (PART,)),
        ("", None),
        (None, None),
        ("[]", None),
    ],
)
def test_an_object_is_a_database_and_what_restricts_it(given: object, objects: Objects | None) -> None:
    """A new name restricts nothing, an empty restriction neither."""
    assert read_objects(fields_of({"BackupObjects": given}), "BackupObjects") == objects


@pytest.mark.parametrize(
    "given", ['[{"Table":"c"}]', '[{"DBName":7}]', "orders", 7, '[{"DBName":"a"},5]', "[" * 100_000]
)
def test_objects_in_another_form_are_not_known(given: object) -> None:
    """They are counted once, and nothing is guessed."""
    told = Told()

    assert read_objects(fields_of({"BackupObjects": given}, told), "BackupObjects") is None
    assert told.fields == ["BackupObjects"]


def test_a_whole_database_holds_its_parts_and_not_the_other_way_round() -> None:
    """What is not known lacks nothing for certain."""
    assert lacking(("a", "b"), (PART, "b")) == set()
    assert lacking((PART,), ("a", "b")) == {"a", "b"}
    assert lacking((PART,), (PART,)) == set()
    assert lacking(None, ("a",)) is lacking(("a",), None) is None
    assert databases((PART, "a", "b")) == {"a", "b"}
