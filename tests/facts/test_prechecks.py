"""Pre-checks as the API tells them."""

from __future__ import annotations

import pytest
from support.records import reader_of
from support.unknown_values import Told

from dbs_exporter.errors import BadAnswer
from dbs_exporter.facts.prechecks import PrecheckItem, read_precheck


def test_the_reference_sample_of_a_precheck() -> None:
    """A pre-check has a status, a progress and items; newer documents spell one state in another way."""
    answer = {
        "Status": "failed",
        "Progress": 20,
        "Items": {"PreCheckProgressDetail": [{"Item": "CHECK_A", "State": "catched", "ErrMsg": "no"}]},
        "Success": True,
    }
    precheck = read_precheck(answer, "plan", "dbs1", reader_of())

    assert precheck is not None
    assert (precheck.subject, precheck.subject_id, precheck.status, precheck.progress) == (
        "plan",
        "dbs1",
        "failed",
        0.2,
    )
    assert precheck.items == (PrecheckItem(item="CHECK_A", state="caught", error_message="no"),)


def test_a_precheck_failed_when_the_first_of_its_items_did() -> None:
    """One that runs on has not failed yet, and where no item says when, nothing does."""
    items: list[dict[str, object]] = [
        {"Item": "A", "State": "finish", "FinishTime": 1583734960000},
        {"Item": "B", "State": "warning", "BootTime": 1583734961000, "FinishTime": 1583734965000},
        {"Item": "C", "State": "failed", "FinishTime": 1583734969000},
    ]

    def failed_at(status: str, items: list[dict[str, object]]) -> float | None:
        answer = {"Status": status, "Items": {"PreCheckProgressDetail": items}}
        precheck = read_precheck(answer, "plan", "dbs1", reader_of())
        assert precheck is not None
        return precheck.failed_at

    assert failed_at("failed", items) == 1583734965.0
    assert failed_at("running", items) is failed_at("failed", items[:1]) is None


def test_a_precheck_that_never_ran() -> None:
    """No status and no items is no pre-check; items without a status is an answer that cannot be understood."""
    assert read_precheck({"Items": "", "Success": True}, "plan", "dbs1", reader_of()) is None
    with pytest.raises(BadAnswer) as caught:
        read_precheck(
            {"Items": {"PreCheckProgressDetail": {"Item": "A", "State": "init"}}}, "plan", "dbs1", reader_of()
        )
    assert caught.value.field == "Status"


def test_a_status_that_cannot_be_read_is_not_a_pre_check_that_never_ran() -> None:
    """What is known of it stays."""
    told = Told()
    with pytest.raises(BadAnswer) as caught:
        read_precheck({"Status": [], "Items": ""}, "plan", "dbs1", reader_of(told))

    assert caught.value.field == "Status"
    assert told.fields == ["Status"]


def test_an_item_in_ten_that_cannot_be_read_is_left_out() -> None:
    """One among many costs itself, two cost the pre-check; a progress that cannot be read costs the progress."""
    told = Told()
    good = [{"Item": f"CHECK_{number}", "State": "finish"} for number in range(9)]
    answer = {
        "Status": "running",
        "Progress": 101,
        "Items": {"PreCheckProgressDetail": [{"Item": "A"}, *good]},
    }
    precheck = read_precheck(answer, "plan", "dbs1", reader_of(told))

    assert precheck is not None
    assert (precheck.progress, len(precheck.items)) == (None, 9)
    assert sorted(told.fields) == ["Progress", "State"]
    with pytest.raises(BadAnswer):
        read_precheck(
            {**answer, "Items": {"PreCheckProgressDetail": ["odd", "odd", *good]}},
            "plan",
            "dbs1",
            reader_of(told),
        )
