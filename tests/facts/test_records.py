"""Records of an answer: what an odd field costs, and what an odd record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.records import NOW, fields_of, reader_of
from support.unknown_values import Told, fail_on_unknown

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.enums import spellings
from dbs_exporter.facts.records import Fields, Reader

COLOURS = spellings("Red", "green")
DAY = 86_400.0

Read = Callable[[Fields], Any]

UNREADABLE: list[tuple[Read, object, object]] = [
    (lambda fields: fields.text("Field"), ["a"], ""),
    (lambda fields: fields.texts("Field"), {"a": 1}, ()),
    (lambda fields: fields.first_text("Field"), {}, ""),
    (lambda fields: fields.gateway_id("Field"), True, ""),
    (lambda fields: fields.enum("Field", COLOURS), [], ""),
    (lambda fields: fields.instant("Field"), "soon", None),
    (lambda fields: fields.expiry("Field"), float("nan"), None),
    (lambda fields: fields.size("Field"), -1, None),
    (lambda fields: fields.days("Field"), 10**9, None),
    (lambda fields: fields.progress("Field"), 101, None),
    (lambda fields: fields.boolean("Field"), "perhaps", None),
]
READABLE: list[tuple[Read, object, object]] = [
    (lambda fields: fields.text("Field"), 12, "12"),
    (lambda fields: fields.texts("Field"), ["a", "b"], ("a", "b")),
    (lambda fields: fields.first_text("Field", "Other"), "a", "a"),
    (lambda fields: fields.gateway_id("Field"), 7, "7"),
    (lambda fields: fields.gateway_id("Field"), 0, ""),
    (lambda fields: fields.enum("Field", COLOURS), "red", "Red"),
    (lambda fields: fields.identity("Field"), "备份", "备份"),
    (lambda fields: fields.status("Field", COLOURS), "GREEN", "green"),
    (lambda fields: fields.instant("Field"), NOW * 1000, NOW),
    (lambda fields: fields.expiry("Field"), (NOW + 900 * DAY) * 1000, NOW + 900 * DAY),
    (lambda fields: fields.size("Field"), "5", 5),
    (lambda fields: fields.days("Field"), 2, 2 * DAY),
    (lambda fields: fields.progress("Field"), 50, 0.5),
    (lambda fields: fields.boolean("Field"), "true", True),
]


def set_id(fields: Fields) -> str:
    return fields.identity("BackupSetId")


def sets(readable: int, unreadable: int) -> list[dict[str, object]]:
    """Records of backup sets, those without an id first."""
    odd: dict[str, object] = {"BackupSetId": []}
    good: dict[str, object] = {"BackupSetId": "a"}
    return [odd] * unreadable + [good] * readable


@pytest.mark.parametrize(("read", "nonsense", "unknown"), UNREADABLE)
def test_an_unreadable_field_is_unknown_told_and_named(read: Read, nonsense: object, unknown: object) -> None:
    """It costs itself: the record stays, and whoever uses it can ask what of it could not be read."""
    told = Told()
    fields = fields_of({"Field": nonsense}, told)

    assert read(fields) == unknown
    assert told.fields == ["Field"]
    assert fields.unreadable == ("Field",)


@pytest.mark.parametrize(("read", "said", "value"), READABLE)
def test_a_readable_field_is_neither_told_nor_named(read: Read, said: object, value: object) -> None:
    """What is odd is counted, and nothing else is."""
    fields = fields_of({"Field": said})

    assert read(fields) == value
    assert fields.unreadable == ()


@pytest.mark.parametrize(("read", "nonsense", "unknown"), UNREADABLE)
def test_a_field_that_is_not_there_is_unknown_and_not_odd(
    read: Read, nonsense: object, unknown: object
) -> None:
    """The API leaves out what does not apply."""
    fields = fields_of({"Another": nonsense})

    assert read(fields) == unknown
    assert fields.unreadable == ()


@pytest.mark.parametrize(
    ("at", "believed"),
    [
        (NOW, True),
        (NOW + DAY, True),
        (NOW + DAY + 0.001, False),
        (100_000_000_000.0, False),
        (1_230_768_000.0, True),
        (1_230_767_999.999, False),
    ],
)
def test_a_time_that_has_come_lies_between_the_first_cloud_and_tomorrow(at: float, believed: bool) -> None:
    """A clock may be wrong by some hours and a time zone by some more; the year 5138 and the year 2008 are no times."""
    told = Told()
    read = fields_of({"EndTime": round(at * 1000)}, told).instant("EndTime")

    assert read == (at if believed else None)
    assert told.fields == ([] if believed else ["EndTime"])


@pytest.mark.parametrize(
    ("at", "believed"),
    [
        (NOW + 3_650 * DAY, True),
        (NOW + 36_500 * DAY, True),
        (NOW + 36_501 * DAY, False),
        (100_000_000_000.0, False),
        (1_230_767_999.0, False),
    ],
)
def test_an_expiry_may_lie_ahead(at: float, believed: bool) -> None:
    """Sets are kept for years; what lies before the cloud itself or a hundred years ahead is no expiry."""
    told = Told()
    read = fields_of({"BackupSetExpiredTime": round(at * 1000)}, told).expiry("BackupSetExpiredTime")

    assert read == (at if believed else None)
    assert told.fields == ([] if believed else ["BackupSetExpiredTime"])


@pytest.mark.parametrize(
    ("value", "counted"),
    [(None, False), ("", False), (0, False), (-1, True), ("-1", True), (2**63 - 1, True)],
)
def test_an_expiry_is_never_for_ever(value: object, counted: bool) -> None:
    """No document knows an end that never comes; what stands for one is unknown and counted."""
    told = Told()

    assert fields_of({"BackupSetExpiredTime": value}, told).expiry("BackupSetExpiredTime") is None
    assert bool(told.fields) is counted


def test_a_list_of_texts_with_a_missing_one_is_unknown() -> None:
    """Half of a schedule is none."""
    told = Told()
    fields = fields_of({"BackupPeriod": ["Monday", None]}, told)

    assert fields.texts("BackupPeriod") == ()
    assert told.fields == ["BackupPeriod"]
    assert fields.unreadable == ("BackupPeriod",)


def test_what_cannot_be_read_under_one_spelling_is_sought_under_the_next() -> None:
    """The spelling that cannot be read is told all the same."""
    told = Told()
    fields = fields_of({"InstanceID": [], "InstanceId": "rm-1"}, told)

    assert fields.first_text("InstanceID", "InstanceId") == "rm-1"
    assert told.fields == ["InstanceID"]


@pytest.mark.parametrize("spelling", ["ErrMessage", "ErrorMessage", "ErrMsg"])
def test_an_unreadable_message_is_told_by_the_name_it_came_under(spelling: str) -> None:
    """Three names are in use for the same message."""
    told = Told()
    fields = fields_of({spelling: ["no space"]}, told)

    assert fields.error_message() == ""
    assert told.fields == [spelling]
    assert fields.unreadable == (spelling,)


@pytest.mark.parametrize("broken", ["备\ufffd", "备" + chr(0xD800)])
def test_a_name_that_came_broken_is_kept_and_told(broken: str) -> None:
    """A name that was cut within a character, or that ends in half a pair of surrogates, costs that character."""
    told = Told()
    fields = fields_of({"BackupPlanName": broken}, told)

    assert fields.text("BackupPlanName") == "备\ufffd"
    assert told.fields == ["BackupPlanName"]
    assert fields.unreadable == ("BackupPlanName",)


@pytest.mark.parametrize(
    "nonsense", [None, "", "NULL", [], {}, True, "x" * 20_000, 10**30, "set\ufffd", "a" + chr(0xD800)]
)
def test_a_record_without_an_id_is_none(nonsense: object) -> None:
    """Also where the id came broken: it would be another one's, or nobody's. Who reads the list tells it, once."""
    with pytest.raises(BadAnswer) as caught:
        set_id(fields_of({"BackupSetId": nonsense}))

    assert caught.value.field == "BackupSetId"


@pytest.mark.parametrize("nonsense", [None, "", "NULL", [], {}, True, float("nan"), "x" * 20_000])
def test_a_record_without_a_status_is_none(nonsense: object) -> None:
    """A job whose state is not told cannot be counted as anything."""
    with pytest.raises(BadAnswer) as caught:
        fields_of({"BackupStatus": nonsense}).status("BackupStatus", COLOURS)

    assert caught.value.field == "BackupStatus"


def test_an_undocumented_status_is_kept_and_told() -> None:
    """It is readable, and so the record is not doubtful."""
    told = Told()
    fields = fields_of({"BackupStatus": "Purple"}, told)

    assert fields.status("BackupStatus", COLOURS) == "Purple"
    assert told.fields == ["BackupStatus"]
    assert fields.unreadable == ()


def test_records_that_cannot_be_read_are_left_out_and_told() -> None:
    """What can be read stays in its order, and each of the others is told once, with its reason."""
    told = Told()
    records: list[dict[str, object]] = [{"BackupSetId": "a"}, {"BackupSetId": []}, {"BackupSetId": "b"}, {}]
    found, problems = reader_of(told).readable(records, set_id)

    assert found == ["a", "b"]
    assert [problem.field for problem in problems] == ["BackupSetId", "BackupSetId"]
    assert "not []" in str(problems[0])
    assert told.fields == ["BackupSetId", "BackupSetId"]


@pytest.mark.parametrize(("readable", "unreadable"), [(0, 0), (1, 0), (9, 1), (18, 2), (27, 3), (167, 1)])
def test_a_list_may_have_one_record_in_ten_that_cannot_be_read(readable: int, unreadable: int) -> None:
    """One odd record among many costs that record."""
    told = Told()

    assert reader_of(told).each(sets(readable, unreadable), set_id) == (["a"] * readable, unreadable)
    assert told.fields == ["BackupSetId"] * unreadable


@pytest.mark.parametrize(("readable", "unreadable"), [(0, 1), (8, 1), (17, 2), (0, 20)])
def test_a_list_of_which_more_cannot_be_read_is_refused(readable: int, unreadable: int) -> None:
    """Then it is not the records that are odd; the error counts them and names the field of the first."""
    told = Told()
    with pytest.raises(BadAnswer) as caught:
        reader_of(told).each(sets(readable, unreadable), set_id)

    assert caught.value.field == "BackupSetId"
    assert f"{unreadable} of {readable + unreadable} records cannot be read" in str(caught.value)
    assert "not []" in str(caught.value)
    assert told.fields == ["BackupSetId"] * unreadable


def test_a_reader_that_nobody_listens_to_reads_the_same() -> None:
    """`check` counts nothing."""
    fields = Reader(NOW).fields({"BackupSize": -1, "BackupSetId": "a"})

    assert (fields.size("BackupSize"), fields.identity("BackupSetId")) == (None, "a")
    assert reader_of(fail_on_unknown).fields({"BackupSize": 1}).size("BackupSize") == 1
