"""The short ways in which the table of operations is written."""

from __future__ import annotations

from dbs_exporter.api.operations.grammar import (
    Operation,
    Parameter,
    boolean,
    integer,
    one_of,
    string,
)


def test_marks_behind_a_name_say_required_and_several() -> None:
    """A star makes a parameter required, a plus lets a text hold several; neither is part of the name."""
    assert string("Region*", "Identifier+", "Both*+") == (
        Parameter(name="Region", required=True),
        Parameter(name="Identifier", many=True),
        Parameter(name="Both", required=True, many=True),
    )
    assert integer("PageNum", "UsedTime*") == (
        Parameter(name="PageNum", type="integer"),
        Parameter(name="UsedTime", type="integer", required=True),
    )
    assert boolean("ShowStorageType") == (Parameter(name="ShowStorageType", type="boolean"),)
    assert one_of("Period*", "Year", "Month") == (
        Parameter(name="Period", required=True, values=("Year", "Month")),
    )


def test_an_operation_knows_whether_it_has_a_region_of_its_own() -> None:
    """Region is a parameter of its own beside the common RegionId."""
    own = Operation(name="A", summary="a.", parameters=string("Region*"))

    assert own.has_region_parameter
    assert not Operation(name="B", summary="b.", parameters=string("RegionId")).has_region_parameter
