"""One field of a record at a time: lenient in form, strict in meaning."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import (
    DOWNLOAD_TASK,
    FULL_BACKUP,
    GATEWAY,
    LOG_FILE,
    PLAN,
    RESTORE_TASK,
    fields_of,
    reader_of,
)

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.billing import read_billing
from dbs_exporter.facts.downloads import read_download_task
from dbs_exporter.facts.enums import ignore_unknown
from dbs_exporter.facts.fields import days, instant, item, items, progress, size, text
from dbs_exporter.facts.full_backups import read_full_backup
from dbs_exporter.facts.gateways import read_gateway
from dbs_exporter.facts.job_errors import read_job_error
from dbs_exporter.facts.log_backups import read_log_file
from dbs_exporter.facts.networks import read_database_names, read_node_networks, read_regions
from dbs_exporter.facts.plans import read_plan
from dbs_exporter.facts.prechecks import read_precheck
from dbs_exporter.facts.restore_ranges import read_restore_ranges
from dbs_exporter.facts.restores import read_restore_task


@pytest.mark.parametrize("spelling", ["ErrMessage", "ErrorMessage", "ErrMsg"])
def test_an_error_message_under_any_name(spelling: str) -> None:
    """Three names are in use for the same message."""
    backup = read_full_backup(fields_of({**FULL_BACKUP, spelling: "disk full"}))

    assert backup.error_message == "disk full"


@pytest.mark.parametrize("nothing", ["NULL", "", None])
def test_the_word_null_is_no_message(nothing: str | None) -> None:
    """Samples show the word NULL where there is no error; the other spelling may still hold one."""
    silent = {**FULL_BACKUP, "ErrMessage": nothing}

    assert read_full_backup(fields_of(silent)).error_message == ""
    assert read_full_backup(fields_of({**silent, "ErrorMessage": "x"})).error_message == "x"


@pytest.mark.parametrize("written", [1583741465000, "1583741465000", " 1583741465000 ", 1583741465000.0])
def test_a_time_in_every_form(written: object) -> None:
    """Milliseconds come as a number or a string and become seconds."""
    assert read_full_backup(fields_of({**FULL_BACKUP, "EndTime": written})).ended_at == 1583741465.0


@pytest.mark.parametrize("nothing", [0, "0", "", None, "NULL", -1, 2**63 - 1])
def test_no_time_is_not_known(nothing: object) -> None:
    """0, nothing, -1 and "for ever" are no instants."""
    assert read_full_backup(fields_of({**FULL_BACKUP, "EndTime": nothing})).ended_at is None


@pytest.mark.parametrize(
    "nonsense",
    [1583741465, "soon", True, [], {}, 1.5, float("nan"), float("inf"), -5, 10**18, "9" * 5000, "１２"],
)
def test_what_is_no_time_is_refused_by_name(nonsense: object) -> None:
    """Seconds in place of milliseconds, words and objects are not guessed at: the error names the field."""
    with pytest.raises(BadAnswer) as caught:
        instant({"EndTime": nonsense}, "EndTime")

    assert caught.value.field == "EndTime"


@pytest.mark.parametrize(
    ("written", "enabled"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        ("1", True),
        (1, True),
        (False, False),
        ("false", False),
        ("FALSE", False),
        (0, False),
        (None, None),
        ("", None),
        ("NULL", None),
    ],
)
def test_true_and_false_in_every_form(written: object, enabled: bool | None) -> None:
    """Booleans come as such, as words and as digits."""
    plan = read_plan(fields_of({**PLAN, "EnableBackupLog": written}))

    assert plan.log_backup_enabled is enabled


@pytest.mark.parametrize("nonsense", [-1, 101, "half", True])
def test_progress_is_a_percentage(nonsense: object) -> None:
    """What is not between 0 and 100 is no progress."""
    with pytest.raises(BadAnswer) as caught:
        progress({"FullDataRestoreProgress": nonsense}, "FullDataRestoreProgress")

    assert caught.value.field == "FullDataRestoreProgress"


@pytest.mark.parametrize(("written", "size"), [("12", 12), ("", None), (None, None), (12.0, 12), (0, 0)])
def test_sizes_in_every_form(written: object, size: int | None) -> None:
    """Bytes come as a number or a string; nothing is not 0."""
    assert read_log_file(fields_of({**LOG_FILE, "BackupSize": written})).size_bytes == size


@pytest.mark.parametrize("nonsense", [-1, "-1", 10**30, float("nan"), float("inf"), True, [], "big"])
def test_what_is_no_size_is_refused(nonsense: object) -> None:
    """A size below 0, or beyond what any disk holds, is an error and not a size."""
    with pytest.raises(BadAnswer) as caught:
        size({"BackupSize": nonsense}, "BackupSize")

    assert caught.value.field == "BackupSize"


@pytest.mark.parametrize("nonsense", [-1, "a week", 10**9, float("nan")])
def test_what_is_no_number_of_days_is_refused(nonsense: object) -> None:
    """Nothing is kept for a negative time, or for a million years."""
    with pytest.raises(BadAnswer) as caught:
        days({"BackupRetentionPeriod": nonsense}, "BackupRetentionPeriod")

    assert caught.value.field == "BackupRetentionPeriod"


@pytest.mark.parametrize("nonsense", [["a"], {}, True, 1.5, float("inf"), 10**30, "x" * 4_097])
def test_what_is_no_text_is_refused(nonsense: object) -> None:
    """A number stands for a text where it is an id; a novel and an object do not."""
    with pytest.raises(BadAnswer) as caught:
        text({"BackupPlanName": nonsense}, "BackupPlanName")

    assert caught.value.field == "BackupPlanName"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Items": ""},
        {"Items": None},
        {"Items": "NULL"},
        {"Items": {}},
        {"Items": []},
        {"Items": {"FullBackupFile": None}},
        {"Items": {"FullBackupFile": ""}},
        {"Items": {"FullBackupFile": {}}},
        {"Items": {"FullBackupFile": []}},
        {"Items": {"Other": [1]}},
    ],
)
def test_an_empty_list_in_every_form(answer: dict[str, Any]) -> None:
    """Nothing is written in many ways, and all of them are an empty list."""
    assert items(answer, ("Items", "FullBackupFile")) == []


def test_one_object_stands_for_a_list_of_one() -> None:
    """XML turned into JSON leaves a single item without its brackets."""
    path = ("Items", "FullBackupFile")

    assert items({"Items": {"FullBackupFile": FULL_BACKUP}}, path) == [FULL_BACKUP]
    assert items({"Items": {"FullBackupFile": [FULL_BACKUP]}}, path) == [FULL_BACKUP]


@pytest.mark.parametrize("nonsense", ["text", 5, True, [1], ["a"], [None], [[FULL_BACKUP]]])
def test_an_item_that_is_no_object_is_a_record_of_nothing(nonsense: object) -> None:
    """It counts among the records of its list, and whoever reads it finds no id."""
    assert items({"Items": {"FullBackupFile": nonsense}}, ("Items", "FullBackupFile")) == [{}]
    assert items({"Items": {"FullBackupFile": [FULL_BACKUP, nonsense]}}, ("Items", "FullBackupFile")) == [
        FULL_BACKUP,
        {},
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"a": 1}, {"a": 1}),
        ([{"a": 1}], {"a": 1}),
        (None, None),
        ("", None),
        ({}, None),
        ([], None),
        ([{}], None),
    ],
)
def test_one_object_is_there_or_not(said: object, found: object) -> None:
    """With or without the brackets of a list; nothing is written in many ways."""
    assert item({"Item": said}) == found


@pytest.mark.parametrize("nonsense", ["text", 5, True, [1], [None], [[{"a": 1}]], [{"a": 1}, {"a": 2}]])
def test_one_object_that_is_none_is_refused(nonsense: object) -> None:
    """It is not an object of which nothing is known, or a bill would be gone without a word."""
    with pytest.raises(BadAnswer) as caught:
        item({"Item": nonsense})

    assert caught.value.field == "Item"


@pytest.mark.parametrize("nonsense", ["text", 5, [{"FullBackupFile": []}]])
def test_a_way_that_leads_nowhere_is_refused(nonsense: object) -> None:
    """Something other than an object on the way to a list is named."""
    with pytest.raises(BadAnswer) as caught:
        items({"Items": nonsense}, ("Items", "FullBackupFile"))

    assert caught.value.field == "Items"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"dbName": "TaskDB"}, ("TaskDB",)),
        ({"dbName": ["a", "b"]}, ("a", "b")),
        ("", ()),
        (None, ()),
        ({"dbName": ""}, ()),
    ],
)
def test_a_scalar_stands_for_a_list(said: object, names: tuple[str, ...]) -> None:
    """One database is told as a text, several as a list, none as an empty text."""
    assert read_database_names({"DbList": said}) == names


@pytest.mark.parametrize(
    "nonsense", [{"RegionCode": {"a": 1}}, {"RegionCode": [["a"]]}, {"RegionCode": [True]}, 5]
)
def test_texts_that_are_no_texts_are_refused(nonsense: object) -> None:
    """A list of regions that holds anything but texts is named."""
    with pytest.raises(BadAnswer, match="Regions"):
        read_regions({"Regions": nonsense})


def test_a_text_can_always_be_exported() -> None:
    """A lone surrogate, legal in JSON, becomes the sign for what is lost, which UTF-8 can carry."""
    record = json.loads('{"BackupPlanId": "dbs1", "BackupPlanName": "a\\ud800b\\u00fc"}')

    assert text(record, "BackupPlanName") == "a\ufffdbü"


# ── whatever JSON holds, only a fact or BadAnswer comes out ──

OTHER_FIELDS = (
    "ErrMessage BackupPeriod BackupStartTime Item Items DBSRecoverRange RangeType FullBackupList FullBackupDetail "
    "PreCheckProgressDetail State Status Progress ErrorCode IsFreeBytesUnlimited TotalFreeBytes Regions RegionCode DbList "
    "dbName InternetIPs InternetIP EnableBackupLog BackupRetentionPeriod LogBackupRetentionPeriod"
)
SAMPLES = (PLAN, FULL_BACKUP, LOG_FILE, RESTORE_TASK, GATEWAY, DOWNLOAD_TASK)
FIELDS = st.sampled_from([*(field for sample in SAMPLES for field in sample), *OTHER_FIELDS.split()])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(1_500_000_000_000, 1_600_000_000_000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "NULL",
            "finish",
            "running",
            "point",
            "MONDAY,Tue",
            "[1",
            '[{"DBName":[]}]',
            "100",
            "[" * 9999,
        ]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=24,
)
RECORDS = st.dictionaries(FIELDS, JSON, max_size=14)
READER = reader_of(ignore_unknown)
READERS: list[Callable[[Any], Any]] = [
    lambda record: read_plan(READER.fields(record)),
    lambda record: read_full_backup(READER.fields(record)),
    lambda record: read_log_file(READER.fields(record)),
    lambda record: read_restore_task(READER.fields(record)),
    lambda record: read_gateway(READER.fields(record)),
    lambda record: read_download_task(READER.fields(record)),
    lambda record: read_restore_ranges(record, READER),
    lambda record: read_precheck(record, "plan", "dbs1", READER),
    lambda record: read_job_error(record, "restore", "s1", READER),
    lambda record: read_billing(record, READER),
    read_node_networks,
    read_regions,
    read_database_names,
]


def read_or_refused(read: Callable[[Any], Any], record: dict[str, Any]) -> tuple[str, str]:
    """Give the field that was refused, or the fact in words."""
    try:
        return "", repr(read(record))
    except BadAnswer as error:
        return error.field, ""


@given(RECORDS)
def test_no_record_raises_anything_but_bad_answer(record: dict[str, Any]) -> None:
    """Arbitrary JSON gives a fact or a BadAnswer that names a field, from every function; and texts fit for UTF-8."""
    for sample in ({}, *SAMPLES):
        for read in READERS:
            field, shown = read_or_refused(read, {**sample, **record})
            assert field or shown.encode()
