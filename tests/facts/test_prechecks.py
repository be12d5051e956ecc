"""Pre-checks as the API tells them."""

from __future__ import annotations

import pytest
from support.records import reader_of

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


def test_a_precheck_that_never_ran() -> None:
    """No status and no items is no pre-check; items without a status is an answer that cannot be understood."""
    assert read_precheck({"Items": "", "Success": True}, "plan", "dbs1", reader_of()) is None
    with pytest.raises(BadAnswer) as caught:
        read_precheck(
            {"Items": {"PreCheckProgressDetail": {"Item": "A", "State": "init"}}}, "plan", "dbs1", reader_of()
        )
    assert caught.value.field == "Status"
