"""Restorable points and ranges as the API tells them."""

from __future__ import annotations

import pytest
from support.records import NOW, reader_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.restore_ranges import RestoreRange, read_restore_ranges


def test_restore_ranges_and_points() -> None:
    """A range has two ends; points are the ends of the full backups they are made of."""
    answer = {
        "Items": {
            "DBSRecoverRange": [
                {
                    "RangeType": "range",
                    "BeginTimestampForRestore": 1583740000000,
                    "EndTimestampForRestore": 1583750000000,
                },
                {
                    "RangeType": "point",
                    "BeginTimestampForRestore": 1583730000000,
                    "EndTimestampForRestore": 1583740000000,
                    "FullBackupList": {
                        "FullBackupDetail": [{"EndTime": 1583730000000}, {"EndTime": "1583740000000"}]
                    },
                },
                {
                    "RangeType": "point",
                    "BeginTimestampForRestore": 1583720000000,
                    "EndTimestampForRestore": 0,
                },
            ]
        }
    }

    assert read_restore_ranges(answer, reader_of()) == (
        RestoreRange(range_type="range", begin_at=1583740000.0, end_at=1583750000.0),
        RestoreRange(range_type="point", begin_at=1583730000.0, end_at=1583730000.0),
        RestoreRange(range_type="point", begin_at=1583740000.0, end_at=1583740000.0),
        RestoreRange(range_type="point", begin_at=1583720000.0, end_at=None),
    )


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    """Such a range would make recoverability look like more than it is."""
    record = {
        "RangeType": "range",
        "BeginTimestampForRestore": 1583750000000,
        "EndTimestampForRestore": 1583740000000,
    }
    with pytest.raises(BadAnswer) as caught:
        read_restore_ranges({"Items": {"DBSRecoverRange": record}}, reader_of())

    assert caught.value.field == "EndTimestampForRestore"


def test_a_range_of_an_unknown_type_is_kept_and_told() -> None:
    """It keeps its own word, so that what can be restored is not made less."""
    told = Told()
    [found] = read_restore_ranges({"Items": {"DBSRecoverRange": {"RangeType": "snapshot"}}}, reader_of(told))

    assert found.range_type == "snapshot"
    assert told.fields == ["RangeType"]


WHOLE = {
    "RangeType": "range",
    "BeginTimestampForRestore": 1583740000000,
    "EndTimestampForRestore": 1583750000000,
}


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({**WHOLE, "RangeType": []}, "RangeType"),
        ({**WHOLE, "BeginTimestampForRestore": 1583740000}, "BeginTimestampForRestore"),
        ({**WHOLE, "EndTimestampForRestore": 10**14}, "EndTimestampForRestore"),
        ("odd", "RangeType"),
        (
            {"RangeType": "point", "FullBackupList": {"FullBackupDetail": [{"EndTime": "odd"}]}},
            "EndTime",
        ),
        ({"RangeType": "point", "FullBackupList": {"FullBackupDetail": ["odd"]}}, "FullBackupDetail"),
        ({"RangeType": "point", "FullBackupList": {"FullBackupDetail": {"EndTime": 10**14}}}, "EndTime"),
    ],
)
def test_one_range_that_cannot_be_read_refuses_the_answer(odd: object, field: str) -> None:
    """Left out of eleven, it would be a hole that is none."""
    with pytest.raises(BadAnswer) as caught:
        read_restore_ranges({"Items": {"DBSRecoverRange": [*[WHOLE] * 10, odd]}}, reader_of())

    assert caught.value.field == field


def test_a_range_that_ends_further_ahead_than_a_day_is_not_believed() -> None:
    """The API's clock may be ahead of this one, and by some hours if it must."""
    tomorrow = {**WHOLE, "EndTimestampForRestore": (NOW + 86_400) * 1000}
    later = {**WHOLE, "EndTimestampForRestore": (NOW + 86_401) * 1000}

    assert (
        read_restore_ranges({"Items": {"DBSRecoverRange": tomorrow}}, reader_of())[0].end_at == NOW + 86_400
    )
    with pytest.raises(BadAnswer):
        read_restore_ranges({"Items": {"DBSRecoverRange": later}}, reader_of())
