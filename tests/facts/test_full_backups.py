"""Full backups: records to facts, and a plan's long list condensed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from support.records import FULL_BACKUP, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.full_backups import (
    FullBackup,
    ended_full_backups,
    full_backup_duration,
    full_backup_history,
    read_full_backup,
    recent_jobs,
)
from dbs_exporter.facts.limits import RECENT_JOBS
from dbs_exporter.facts.tallies import Ended

NOW = 1_790_000_000.0
DAY = 86_400.0
STATUSES = st.sampled_from(["finish", "stop", "running", "schedule", "pause", "brand_new"])
INSTANTS = st.sampled_from([None, 10.0, 20.0, 30.0, 90.0, 150.0])
"""Few, so that equal times are common."""
LISTS = st.lists(
    st.builds(
        FullBackup,
        backup_set_id=st.sampled_from("abcdefg"),
        status=STATUSES,
        created_at=INSTANTS,
        started_at=INSTANTS,
        ended_at=INSTANTS,
        finished_at=INSTANTS,
        expires_at=INSTANTS,
        size_bytes=st.sampled_from([None, 0, 1, 7]),
        error_message=st.sampled_from(["", "disk full"]),
    )
)


def daily(
    number: int, status: str = "finish", *, size: int = 1000, took: float = 600.0, keep: float = 30 * DAY
) -> FullBackup:
    """The backup of `number` days ago."""
    created = NOW - number * DAY - 3600
    over = status in ("finish", "stop")
    return FullBackup(
        backup_set_id=f"set{number}",
        status=status,
        created_at=created,
        started_at=created + 60,
        ended_at=created + 60 + took if over else None,
        finished_at=created + 62 + took if over else None,
        expires_at=created + keep,
        size_bytes=size if status == "finish" else 0,
        storage_class="Standard",
        error_message="no access" if status == "stop" else "",
    )


def created_at(instant: int, status: str = "finish") -> FullBackup:
    """A backup that was created, and if it finished ended, at this instant; nothing else is known of it."""
    return FullBackup(
        backup_set_id=f"set{instant}",
        status=status,
        created_at=float(instant),
        ended_at=float(instant) if status == "finish" else None,
    )


def test_the_reference_sample_of_a_full_backup() -> None:
    """The vendor's sample becomes seconds and bytes; what it lacks is not known."""
    backup = read_full_backup(fields_of(FULL_BACKUP))

    assert (backup.backup_set_id, backup.status, backup.storage_class) == ("1ibh2", "finish", "Standard")
    assert (backup.created_at, backup.started_at) == (1583740896.0, 1583741439.0)
    assert (backup.ended_at, backup.finished_at, backup.expires_at) == (
        1583741465.0,
        1583741466.0,
        1646813439.0,
    )
    assert backup.size_bytes == 151
    assert (backup.structure_progress, backup.data_progress, backup.error_message) == (None, None, "")


def test_a_full_backup_is_frozen() -> None:
    """Facts are shared between threads: equal ones are alike, and none is changed."""
    backup = read_full_backup(fields_of(FULL_BACKUP))
    twin = FullBackup(**asdict(backup))

    assert twin == backup
    assert hash(twin) == hash(backup)
    with pytest.raises(AttributeError):
        backup.status = "other"  # type: ignore[misc]


@given(st.lists(STATUSES, max_size=40), st.randoms())
def test_the_order_of_a_list_does_not_matter(statuses: list[str], random: Random) -> None:
    """A list newest first, oldest first or shuffled gives the same history, and a set listed twice counts once."""
    backups = [daily(number, status) for number, status in enumerate(statuses)]
    mixed = [*backups, *backups[:3]]
    random.shuffle(mixed)

    assert full_backup_history(mixed, NOW) == full_backup_history(backups, NOW)


@given(LISTS, st.randoms(use_true_random=False))
def test_full_backups_say_the_same_in_any_order_and_repeated(
    backups: list[FullBackup], random: Random
) -> None:
    """Also with equal times, and with one set listed in two states, as by a list that shifts under the reader."""
    again = [*backups, *backups]
    random.shuffle(again)

    assert full_backup_history(again, 50.0) == full_backup_history(backups, 50.0)


def test_of_a_set_listed_twice_the_one_that_has_ended_counts() -> None:
    """It was seen on one page while it ran and on the next when it was done."""
    running, done = created_at(1, "running"), created_at(1)
    history = full_backup_history([done, running], 0.0)

    assert (history.last_success, history.running) == (done, None)


def test_the_newest_finished_set_is_the_last_success() -> None:
    """A failure after a success leaves the success in place and is counted."""
    history = full_backup_history([daily(0, "stop"), daily(1, "stop"), daily(2), daily(3)], NOW)

    assert history.last_success == daily(2)
    assert history.last_attempt == daily(0, "stop")
    assert history.consecutive_failures == 2
    assert history.last_failure_message == "no access"


def test_a_success_ends_the_count_of_failures() -> None:
    """Failures before the last success are history."""
    history = full_backup_history([daily(0), daily(1, "stop"), daily(2, "stop")], NOW)

    assert history.consecutive_failures == 0
    assert history.last_failure_message == ""


def test_a_job_of_the_same_instant_as_the_last_success_is_no_failure_since() -> None:
    """Equal times say nothing of order, and a doubt is no failure."""
    backups = [created_at(1), replace(created_at(1, "stop"), backup_set_id="retry")]

    assert full_backup_history(backups, 0.0).consecutive_failures == 0


def test_without_a_success_every_failure_counts() -> None:
    """A plan that never succeeded has no last success and all its failures in a row."""
    history = full_backup_history([daily(number, "stop") for number in range(4)], NOW)

    assert history.last_success is None
    assert history.consecutive_failures == 4
    assert history.last_good_expires_at is None


def test_a_paused_job_is_neither_success_nor_failure() -> None:
    """Running, paused and unknown jobs do not count as failed."""
    history = full_backup_history(
        [daily(0, "pause"), daily(1, "running"), daily(2, "brand_new"), daily(3)], NOW
    )

    assert history.consecutive_failures == 0
    assert history.running == daily(1, "running")
    assert dict(history.counts or ())["brand_new"] == 1


@pytest.mark.parametrize(("status", "runs"), [("schedule", True), ("running", True), ("pause", False)])
def test_a_job_that_is_being_scheduled_runs_and_a_paused_one_does_not(status: str, runs: bool) -> None:
    """`schedule` is what the reference calls a job that initialises."""
    history = full_backup_history([created_at(1), created_at(2, status)], 0.0)

    assert (history.running is not None) is runs


def test_medians_are_of_the_sets_before_the_last_one() -> None:
    """The newest set is compared with up to 30 before it, and with none if they are fewer than five."""
    many = [daily(0, size=1), *(daily(number, size=100 * number) for number in range(1, 40))]

    assert full_backup_history(many, NOW).size_median_bytes == 1550.0
    assert full_backup_history(many[:6], NOW).size_median_bytes == 300.0
    assert full_backup_history(many[:5], NOW).size_median_bytes is None
    assert full_backup_history(many[:6], NOW).duration_median_seconds == 602.0


def test_an_expired_set_protects_nothing() -> None:
    """Sets whose expiry has passed restore nothing, but the moment from which nothing was left stays known."""
    gone = daily(2, keep=DAY)
    history = full_backup_history([gone], NOW)

    assert history.last_success is not None
    assert history.newest_recovery_point_at is None
    assert history.last_good_expires_at == gone.expires_at


@pytest.mark.parametrize(("now", "kept"), [(99.0, True), (100.0, False)])
def test_a_set_is_gone_from_the_instant_it_expires(now: float, kept: bool) -> None:
    """Not a moment later."""
    history = full_backup_history([replace(created_at(1), expires_at=100.0)], now)

    assert (history.newest_recovery_point_at is not None) is kept


def test_the_last_good_expiry_is_the_latest_among_finished_sets() -> None:
    """A failed set's expiry counts for nothing."""
    history = full_backup_history([daily(0, "stop"), daily(1), daily(2)], NOW)

    assert history.last_good_expires_at == daily(1).expires_at


@pytest.mark.parametrize(
    ("backup", "seconds"),
    [
        (daily(1), 602.0),
        (replace(daily(1), finished_at=None), 600.0),
        (replace(daily(1), started_at=None), None),
        (replace(daily(1), finished_at=0.0), None),
    ],
)
def test_a_duration_needs_both_ends(backup: FullBackup, seconds: float | None) -> None:
    """From the dump's start to the job's end; unknown or reversed times give none."""
    assert full_backup_duration(backup) == seconds


def test_only_what_has_ended_is_told_to_the_counters() -> None:
    """With its size and how long it took; what runs, waits or is paused is no event yet."""
    backups = [daily(0, "running"), daily(1, "stop"), daily(2), daily(3, "pause"), daily(4, "schedule")]

    assert ended_full_backups(backups) == (
        Ended("set1/stop", NOW - DAY - 3600 + 662, False, 0, 602.0),
        Ended("set2/finish", NOW - 2 * DAY - 3600 + 662, True, 1000, 602.0),
    )


# ── what cannot be read of a set or job ──


def odd(field: str) -> FullBackup:
    """The reference's sample, still kept, with one field that cannot be read."""
    kept = {"BackupSetExpiredTime": round((NOW + 30 * DAY) * 1000)}
    return read_full_backup(fields_of({**FULL_BACKUP, **kept, field: ["odd"]}, Told()))


def test_an_unreadable_field_is_unknown_and_named() -> None:
    """The rest of the record is as it was."""
    told = Told()
    backup = read_full_backup(fields_of({**FULL_BACKUP, "BackupSize": -1, "StartTime": 1583741439}, told))
    whole = read_full_backup(fields_of(FULL_BACKUP))

    assert backup == replace(whole, started_at=None, size_bytes=None, unreadable=("StartTime", "BackupSize"))
    assert told.fields == ["StartTime", "BackupSize"]


@pytest.mark.parametrize("field", ["BackupSetId", "BackupStatus"])
def test_a_full_backup_without_id_or_status_is_refused(field: str) -> None:
    """What is not known to be one thing or another is none."""
    with pytest.raises(BadAnswer) as caught:
        read_full_backup(fields_of({**FULL_BACKUP, field: []}))

    assert caught.value.field == field


@pytest.mark.parametrize(
    "field", ["CreateTime", "StartTime", "EndTime", "FinishTime", "BackupSetExpiredTime"]
)
def test_a_set_whose_times_cannot_be_read_makes_no_recovery_point(field: str) -> None:
    """Nor is it the oldest that is kept; but a success it is."""
    history = full_backup_history([odd(field)], NOW)

    assert (history.newest_recovery_point_at, history.oldest_kept_at) == (None, None)
    assert history.last_success is not None


@pytest.mark.parametrize("field", ["BackupSize", "StorageMethod", "ErrMessage"])
def test_a_set_whose_times_are_known_makes_a_recovery_point(field: str) -> None:
    """What it is called, how large it is and where it lies takes nothing from when it was made."""
    assert full_backup_history([odd(field)], NOW).newest_recovery_point_at == 1583741465.0


def test_without_its_end_a_set_restores_to_its_start() -> None:
    """A set whose end is not told holds for certain what there was when it began, and its finish is later than its end."""
    backup = replace(daily(1), ended_at=None)

    assert full_backup_history([backup], NOW).newest_recovery_point_at == backup.started_at
    assert full_backup_history([replace(backup, started_at=None)], NOW).newest_recovery_point_at is None


@pytest.mark.parametrize("status", ["finish", "stop"])
@pytest.mark.parametrize("field", ["StartTime", "EndTime", "FinishTime", "BackupSize"])
def test_an_end_that_cannot_be_read_for_certain_is_not_counted(field: str, status: str) -> None:
    """Its duration or its size would be wrong for as long as the counter lives."""
    assert ended_full_backups([replace(odd(field), status=status)]) == ()


@pytest.mark.parametrize("field", ["CreateTime", "BackupSetExpiredTime", "StorageMethod", "ErrMessage"])
def test_what_no_counter_adds_up_costs_no_end(field: str) -> None:
    """Neither when it was created nor when it expires is counted."""
    assert ended_full_backups([odd(field)]) == (Ended("1ibh2/finish", 1583741466.0, True, 151, 27.0),)


def test_each_outcome_of_a_set_is_an_end_of_its_own() -> None:
    """A set that was listed as stopped and is finished later is a success that came, and is counted when it comes."""
    [stopped] = ended_full_backups([daily(1, "stop")])
    [finished] = ended_full_backups([daily(1)])
    [again] = ended_full_backups([replace(daily(1), error_message="mended")])

    assert stopped.identity != finished.identity == again.identity
    assert (stopped.success, finished.success) == (False, True)


def test_the_last_good_expiry_is_not_known_while_one_of_them_cannot_be_read() -> None:
    """It might be the latest, and an alert must neither come too early nor end too soon."""
    doubtful = replace(daily(2), expires_at=None, unreadable=("BackupSetExpiredTime",))

    assert full_backup_history([daily(1), doubtful], NOW).last_good_expires_at is None
    assert (
        full_backup_history([daily(1), replace(doubtful, status="stop")], NOW).last_good_expires_at
        == daily(1).expires_at
    )


@pytest.mark.parametrize("nothing", [None, "", 0, -1, 2**63 - 1, 100_000_000_000_000])
def test_a_set_without_an_expiry_is_not_known_to_be_kept(nothing: object) -> None:
    """No document says that nothing, -1 or the year 5138 means for ever: it is counted, and makes no recovery point."""
    told = Told()
    backup = read_full_backup(fields_of({**FULL_BACKUP, "BackupSetExpiredTime": nothing}, told))
    history = full_backup_history([backup, daily(1)], NOW)

    assert told.fields == ["BackupSetExpiredTime"]
    assert full_backup_history([backup], NOW).newest_recovery_point_at is None
    assert history.newest_recovery_point_at == daily(1).ended_at
    assert history.last_good_expires_at is None


@pytest.mark.parametrize("status", ["running", "schedule", "stop", "pause"])
def test_a_job_that_made_no_set_needs_no_expiry(status: str) -> None:
    """It keeps nothing that could expire."""
    record = {**FULL_BACKUP, "BackupStatus": status, "BackupSetExpiredTime": None}

    assert read_full_backup(fields_of(record)).expires_at is None


@pytest.mark.parametrize(
    ("doubtful", "known"),
    [
        (replace(daily(9), created_at=None, unreadable=("CreateTime",)), False),
        (replace(daily(9), expires_at=None), False),
        (replace(daily(1), created_at=None, started_at=None, ended_at=None), False),
        (replace(daily(1), ended_at=None, unreadable=("EndTime",)), True),
        (replace(daily(1), expires_at=None), True),
        (replace(daily(9), expires_at=NOW - 1, ended_at=None, unreadable=("EndTime",)), True),
        (replace(daily(9, "stop"), expires_at=None), True),
    ],
)
def test_the_oldest_set_is_not_known_while_a_doubtful_one_may_be_older(
    doubtful: FullBackup, known: bool
) -> None:
    """By whatever of its times is known; what has expired or made no set is not kept in any case."""
    history = full_backup_history([daily(3), daily(2), doubtful], NOW)

    assert history.oldest_kept_at == (daily(3).ended_at if known else None)


def test_what_was_left_out_of_the_list_makes_unknown_what_it_may_change() -> None:
    """Numbers of sets and bytes, the oldest one and the latest expiry; what can only be older for it stays."""
    history = full_backup_history([daily(3), daily(2)], NOW, left_out=1)

    assert history.counts is None
    assert {number for _, number in history.bytes_by_storage_class} == {None}
    assert (history.oldest_kept_at, history.last_good_expires_at) == (None, None)
    assert (history.last_success, history.newest_recovery_point_at) == (daily(2), daily(2).ended_at)


def test_bytes_are_not_known_while_a_size_cannot_be_read() -> None:
    """Only those of its storage class: the others lack nothing."""
    doubtful = replace(daily(2), size_bytes=None, unreadable=("BackupSize",))
    archived = replace(daily(3), storage_class="Archive")
    history = full_backup_history([daily(1), doubtful, archived], NOW)

    assert dict(history.bytes_by_storage_class) == {"Standard": None, "Archive": 1000}


# ── jobs that were killed in flight ──


@pytest.mark.parametrize("status", ["running", "schedule"])
@pytest.mark.parametrize("later", ["finish", "stop"])
def test_a_job_that_a_later_one_has_overtaken_is_an_orphan(status: str, later: str) -> None:
    """It is not what runs now, or it would be called stuck for as long as it is listed."""
    history = full_backup_history([daily(3), daily(2, status), daily(1, later)], NOW)

    assert (history.running, history.orphans) == (None, 1)
    assert dict(history.counts or ())[status] == 1


def test_a_job_that_no_later_one_has_overtaken_runs() -> None:
    """Of several that run, the newest; orphans beside it are counted."""
    backups = [daily(4, "running"), daily(3), daily(2, "running"), daily(1, "running"), daily(0, "pause")]
    history = full_backup_history(backups, NOW)

    assert (history.running, history.orphans) == (daily(1, "running"), 1)


def test_a_job_that_began_when_another_did_is_overtaken_by_it_only_if_it_has_ended() -> None:
    """Equal times are settled by id, as everywhere in a list."""
    ended = created_at(5)

    assert (
        full_backup_history([ended, replace(created_at(5, "running"), backup_set_id="set4")], 0.0).orphans
        == 1
    )
    assert (
        full_backup_history([ended, replace(created_at(5, "running"), backup_set_id="set6")], 0.0).orphans
        == 0
    )


@pytest.mark.parametrize("field", ["CreateTime", "StartTime"])
def test_a_job_of_which_no_time_is_known_is_no_orphan(field: str) -> None:
    """Whether a later one has ended cannot be told, and so neither is said."""
    record = {"BackupSetId": "s", "BackupStatus": "running", field: "odd"}
    unknown = read_full_backup(fields_of(record, Told()))

    assert full_backup_history([daily(1), unknown], NOW).orphans == 0
    assert full_backup_history([daily(1), unknown], NOW).running is None
    assert full_backup_history([unknown], NOW).running == unknown


def test_the_last_jobs_are_kept_with_time_outcome_and_size() -> None:
    """The newest thirty, the oldest first; what is not known of them is None."""
    jobs = [replace(daily(day), backup_set_id=f"s{day}", size_bytes=day) for day in range(40)]
    odd = FullBackup(backup_set_id="odd", status="strange", created_at=NOW)
    recent = recent_jobs(full_backup_history([*jobs, odd], NOW))

    assert len(recent) == RECENT_JOBS
    assert {job.status for job in recent} == {"", "finish"}
    assert [(job.ended_at, job.size_bytes) for job in recent if not job.status] == [(None, None)]
    sizes = [job.size_bytes for job in recent if job.size_bytes is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0
    assert recent_jobs(full_backup_history([], NOW)) == ()
