"""Backup set downloads: records to facts, and a plan's long list condensed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import DOWNLOAD_TASK, fields_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.downloads import DownloadTask, download_ended, download_history, read_download_task

NOW = 1_790_000_000.0
INSTANTS = st.sampled_from([None, 10.0, 20.0, 30.0, 90.0, 150.0])
"""Few, so that equal times are common."""
LISTS = st.lists(
    st.builds(
        DownloadTask,
        task_id=st.sampled_from("abcdefgh"),
        plan_id=st.just("dbs1"),
        status=st.sampled_from(["init", "running", "stop", "finish", "brand_new"]),
        created_at=INSTANTS,
        finished_at=INSTANTS,
    )
)


@pytest.mark.parametrize("spelling", ["cached", "Caught", "catched"])
def test_one_download_state_has_three_spellings(spelling: str) -> None:
    """The Chinese page says cached where the English says Caught."""
    task = read_download_task(fields_of({**DOWNLOAD_TASK, "BackupSetDownloadStatus": spelling}))

    assert task.status == "cached"


@given(LISTS, st.randoms(use_true_random=False))
def test_downloads_say_the_same_in_any_order_and_repeated(tasks: list[DownloadTask], random: Random) -> None:
    """Also with equal times, and with one task listed in two states, as by a list that shifts under the reader."""
    again = [*tasks, *tasks]
    random.shuffle(again)

    assert download_history(again) == download_history(tasks)


def test_downloads_are_kept_as_restores_are() -> None:
    """Those under way and five ended; the last success is the newest finish."""
    tasks = [
        DownloadTask(
            task_id=f"d{number}",
            plan_id="p",
            status=status,
            created_at=NOW - number,
            finished_at=NOW - number + 1,
        )
        for number, status in enumerate(["running", "stop", "finish", *["finish"] * 6])
    ]
    history = download_history(tasks)

    assert len(history.tasks) == 6
    assert history.last_success_at == NOW - 1


@pytest.mark.parametrize(
    ("status", "finished_at", "ended"),
    [
        ("running", NOW, False),
        ("warning", None, True),
        ("brand_new", None, False),
        ("brand_new", NOW, True),
    ],
)
def test_an_unknown_status_has_ended_where_the_download_has_a_finish_time(
    status: str, finished_at: float | None, ended: bool
) -> None:
    """A documented status says by itself whether the download goes on."""
    task = DownloadTask(task_id="d1", plan_id="dbs1", status=status, finished_at=finished_at)

    assert download_ended(task) is ended


def test_an_unreadable_field_costs_the_field() -> None:
    """The download is read as if the field were not there, and the field is told."""
    told = Told()
    record = {**DOWNLOAD_TASK, "BackupSetDataSize": -1, "BackupSetDownloadFinishTime": 10**14}

    assert read_download_task(fields_of(record, told)) == read_download_task(fields_of(DOWNLOAD_TASK))
    assert told.fields == ["BackupSetDataSize", "BackupSetDownloadFinishTime"]


@pytest.mark.parametrize("field", ["BackupSetDownloadTaskId", "BackupSetDownloadStatus"])
def test_a_download_without_id_or_status_is_refused(field: str) -> None:
    """What is not known to be one thing or another is none."""
    with pytest.raises(BadAnswer) as caught:
        read_download_task(fields_of({**DOWNLOAD_TASK, field: []}))

    assert caught.value.field == field


def test_what_was_left_out_of_the_list_is_missing_in_its_numbers() -> None:
    """They are not known then; the tasks that can be read are."""
    history = download_history([read_download_task(fields_of(DOWNLOAD_TASK))], left_out=1)

    assert history.counts is None
    assert len(history.tasks) == 1
