"""Log files: records to facts, and a plan's long list condensed."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from support.records import LOG_FILE, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.log_backups import LogFile, ended_log_files, log_history, read_log_file
from dbs_exporter.facts.tallies import Ended

NOW = 1_790_000_000.0
INSTANTS = st.sampled_from([None, 10.0, 20.0, 30.0, 90.0, 150.0])
"""Few, so that equal times are common."""
LISTS = st.lists(
    st.builds(
        LogFile,
        file_id=st.sampled_from("ab"),
        job_id=st.sampled_from("jk"),
        source_id=st.just("rm-1"),
        status=st.sampled_from(["INIT", "FILLING", "COMPLETED", "UNCOMPLETED"]),
        started_at=INSTANTS,
        ended_at=INSTANTS,
        size_bytes=st.sampled_from([None, 5]),
    )
)


def hourly(number: int, status: str = "COMPLETED", *, end: float | None = None) -> LogFile:
    """The log file of `number` hours ago."""
    begin = NOW - 3600 * (number + 1)
    return LogFile(
        file_id=f"bin.{number}",
        job_id="job",
        source_id="rm-1",
        status=status,
        started_at=begin,
        ended_at=begin + 3600 if end is None else end,
        size_bytes=10,
        storage_class="IA",
    )


def between(begin: float, end: float, *, file_id: str = "") -> LogFile:
    """A complete log file of the only source."""
    return LogFile(
        file_id=file_id or f"bin.{begin}",
        job_id="job",
        source_id="rm-1",
        status="COMPLETED",
        started_at=begin,
        ended_at=end,
    )


def test_the_reference_sample_of_a_log_file() -> None:
    """The vendor's sample of a file being received has an end: how far the log has come."""
    file = read_log_file(fields_of(LOG_FILE))

    assert (file.file_id, file.status, file.source_id) == ("mysql-bin.000003", "FILLING", "100.1.2.10:33204")
    assert (file.started_at, file.ended_at, file.size_bytes) == (1583721876.0, 1583742490.0, 4908210)


def test_a_log_file_is_frozen() -> None:
    """Facts are shared between threads: equal ones are alike, and none is changed."""
    file = read_log_file(fields_of(LOG_FILE))
    twin = LogFile(**asdict(file))

    assert twin == file
    assert hash(twin) == hash(file)
    with pytest.raises(AttributeError):
        file.status = "other"  # type: ignore[misc]


def test_a_log_file_is_told_from_its_namesake() -> None:
    """The job and the source instance, where the API names them, are part of a file's identity."""
    record = {**LOG_FILE, "BackupSetJobId": "1hv5", "SourceEndpointInstanceId": "rm-1"}
    file = read_log_file(fields_of(record))

    assert (file.job_id, file.source_id) == ("1hv5", "rm-1")


@given(LISTS, st.randoms(use_true_random=False))
def test_log_files_say_the_same_in_any_order_and_repeated(files: list[LogFile], random: Random) -> None:
    """Also with equal times, and with one file listed in two states, as by a list that shifts under the reader."""
    again = [*files, *files]
    random.shuffle(again)

    assert log_history(again) == log_history(files)


def test_log_that_follows_on_is_one_span() -> None:
    """Files that join make one span; a missing hour makes two."""
    whole = log_history([hourly(number) for number in range(5)])
    holed = log_history([hourly(number) for number in (0, 1, 3, 4)])

    assert whole.spans == ((NOW - 5 * 3600, NOW),)
    assert holed.spans == ((NOW - 5 * 3600, NOW - 3 * 3600), (NOW - 2 * 3600, NOW))


@pytest.mark.parametrize(("distance", "spans"), [(-5.0, 1), (0.0, 1), (60.0, 1), (60.5, 2)])
def test_log_files_are_joined_over_a_minute_at_most(distance: float, spans: int) -> None:
    """Rotation takes a moment, and times are rounded; more than that is a hole."""
    assert len(log_history([between(0, 100), between(100 + distance, 300)]).spans) == spans


def test_a_log_file_within_another_shortens_nothing() -> None:
    """Two sources of a cluster overlap; the longer one reaches as far as before."""
    history = log_history([between(0, 500), between(10, 20), between(500, 600)])

    assert history.spans == ((0.0, 600.0),)


def test_a_log_name_that_comes_again_with_another_start_is_another_file() -> None:
    """After a failover the names begin anew."""
    history = log_history([between(0, 100, file_id="bin.1"), between(500, 600, file_id="bin.1")])

    assert history.spans == ((0.0, 100.0), (500.0, 600.0))


def test_of_a_much_torn_log_the_newest_spans_are_kept() -> None:
    """What is kept does not grow with the list."""
    history = log_history([between(at * 1000, at * 1000 + 10) for at in range(100)])

    assert (len(history.spans), history.spans[-1]) == (64, (99_000.0, 99_010.0))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), max_size=200))
def test_spans_are_apart_sorted_and_few(pairs: list[tuple[float, float]]) -> None:
    """However files overlap, spans are in order, do not touch, and are at most 64."""
    files = [
        between(begin, begin + took, file_id=f"bin.{number}") for number, (begin, took) in enumerate(pairs)
    ]
    spans = log_history(files).spans

    assert len(spans) <= 64
    assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


def test_the_file_being_filled_counts_as_far_as_it_has_come() -> None:
    """Data is received up to the end of a FILLING file, completed only to the last closed one; INIT files hold nothing."""
    history = log_history(
        [hourly(1), hourly(0, "FILLING", end=NOW - 30), hourly(-1, "INIT"), hourly(-2, "UNCOMPLETED")]
    )

    assert history.last_data_at == NOW - 30
    assert history.last_completed_at == NOW - 3600
    assert dict(history.counts or ()) == {"INIT": 1, "FILLING": 1, "COMPLETED": 1, "UNCOMPLETED": 1}


def test_the_same_file_name_of_two_sources_is_two_files() -> None:
    """Names repeat across source instances."""
    history = log_history([hourly(0), replace(hourly(0), source_id="rm-2")])

    assert dict(history.counts or ())["COMPLETED"] == 2
    assert dict(history.bytes_by_storage_class) == {"IA": 20}


def test_only_files_that_have_ended_are_told_to_the_counters() -> None:
    """Namesakes of two sources are two events; what is being filled is none yet."""
    files = [hourly(0), replace(hourly(0), source_id="rm-2"), hourly(1, "UNCOMPLETED"), hourly(2, "FILLING")]
    begin = NOW - 3600

    assert ended_log_files(files) == (
        Ended(f"job/rm-1/bin.0/{begin}/COMPLETED", NOW, True, 10),
        Ended(f"job/rm-2/bin.0/{begin}/COMPLETED", NOW, True, 10),
        Ended(f"job/rm-1/bin.1/{begin - 3600}/UNCOMPLETED", begin, False, 10),
    )


# ── what cannot be read of a file ──

COMPLETED = {**LOG_FILE, "BackupStatus": "COMPLETED", "BackupSetJobId": "job"}


def odd(field: str) -> LogFile:
    """A complete file with one field that cannot be read."""
    return read_log_file(fields_of({**COMPLETED, field: ["odd"]}, Told()))


def test_an_unreadable_field_is_unknown_and_named() -> None:
    """The rest of the record is as it was."""
    told = Told()
    file = read_log_file(fields_of({**COMPLETED, "BackupSize": float("nan"), "EndTime": 10**15}, told))
    whole = read_log_file(fields_of(COMPLETED))

    assert file == replace(whole, ended_at=None, size_bytes=None, unreadable=("EndTime", "BackupSize"))
    assert told.fields == ["EndTime", "BackupSize"]


@pytest.mark.parametrize("field", ["BackupSetId", "BackupStatus"])
def test_a_log_file_without_id_or_status_is_refused(field: str) -> None:
    """What is not known to be one thing or another is none."""
    with pytest.raises(BadAnswer) as caught:
        read_log_file(fields_of({**COMPLETED, field: []}))

    assert caught.value.field == field


@pytest.mark.parametrize("field", ["StartTime", "EndTime", "BackupSetExpiredTime"])
def test_a_file_whose_times_cannot_be_read_carries_no_log(field: str) -> None:
    """It neither joins what is before and after it nor says how far the log has come."""
    history = log_history([odd(field)])

    assert (history.last_data_at, history.last_completed_at, history.spans) == (None, None, ())
    assert dict(history.counts or ())["COMPLETED"] == 1


def test_what_was_left_out_of_the_list_is_missing_in_its_numbers_and_bytes() -> None:
    """They are not known then; how far the log has come is not further for it."""
    history = log_history([hourly(0)], NOW, left_out=1)

    assert history.counts is None
    assert {number for _, number in history.bytes_by_storage_class} == {None}
    assert (history.last_data_at, history.listed_at) == (NOW, NOW)


@pytest.mark.parametrize("field", ["BackupSize", "StorageMethod", "BackupSetJobId"])
def test_a_file_whose_times_are_known_carries_log(field: str) -> None:
    """How large it is, where it lies and what made it takes nothing from when it was written."""
    assert log_history([odd(field)]).spans == ((1583721876.0, 1583742490.0),)


@pytest.mark.parametrize(
    "field",
    [
        "StartTime",
        "BackupSize",
        "BackupSetJobId",
        "SourceEndpointInstanceId",
        "SourceEndpointInstanceID",
        "SourceEndpointIpPort",
    ],
)
def test_a_file_that_cannot_be_told_from_others_is_not_counted(field: str) -> None:
    """Under half of its identity it would be counted once more; and a counter that lacks its bytes would lack them for good."""
    assert ended_log_files([odd(field)]) == ()


@pytest.mark.parametrize("field", ["EndTime", "BackupSetExpiredTime", "StorageMethod"])
def test_what_no_counter_adds_up_costs_no_end(field: str) -> None:
    """Neither how far it reaches nor when it expires is counted; without its end it ended when it began, at the earliest."""
    [known] = ended_log_files([read_log_file(fields_of(COMPLETED))])
    [found] = ended_log_files([odd(field)])

    assert found == replace(known, ended_at=1583721876.0 if field == "EndTime" else 1583742490.0)


@pytest.mark.parametrize("start", [None, "", 0, -1])
def test_a_file_without_its_start_is_not_counted(start: object) -> None:
    """Its start is part of what it is told by, and without it the same file would be counted once more."""
    assert ended_log_files([read_log_file(fields_of({**COMPLETED, "StartTime": start}))]) == ()


def test_each_outcome_of_a_file_is_an_end_of_its_own() -> None:
    """One that was left incomplete and is complete later is a success that came."""
    [left] = ended_log_files([hourly(1, "UNCOMPLETED")])
    [complete] = ended_log_files([hourly(1)])

    assert left.identity != complete.identity
    assert (left.success, complete.success) == (False, True)


def test_bytes_are_not_known_while_a_size_cannot_be_read() -> None:
    """Only those of its storage class: the others lack nothing."""
    doubtful = replace(hourly(1), size_bytes=None, unreadable=("BackupSize",))
    files = [hourly(0), doubtful, replace(hourly(2), storage_class="Standard")]

    assert dict(log_history(files).bytes_by_storage_class) == {"IA": None, "Standard": 10}


def test_a_file_that_has_expired_carries_no_log() -> None:
    """It may be listed for a while after its BackupSetExpiredTime, and what is under it ends where it begins."""
    expired = replace(hourly(0), expires_at=NOW)
    files = [expired, hourly(1), hourly(2)]

    assert log_history(files, NOW - 1).spans == log_history([hourly(0), *files[1:]]).spans
    assert log_history(files, NOW).spans == log_history(files[1:]).spans
