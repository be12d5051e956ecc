"""How many calls a reading takes."""

from __future__ import annotations

import pytest
from support.fake_api import WITHIN, FakeApi

from dbs_exporter.errors import Invalid
from dbs_exporter.polling.counting import CountingApi

LIST = "DescribeFullBackupList"
PLAN = {"BackupPlanId": "dbs1"}


@pytest.mark.parametrize(("records", "calls"), [(0, 1), (1, 1), (100, 1), (101, 2), (8_640, 87)])
def test_a_list_takes_a_call_for_each_page(records: int, calls: int) -> None:
    """An empty one takes a call too."""
    listed = [{"BackupSetId": f"s{number}"} for number in range(records)]
    api = CountingApi(FakeApi(**{LIST: listed}))

    assert api.pages(LIST, PLAN, within=WITHIN) == listed
    assert api.calls == calls


def test_pages_are_given_as_they_come() -> None:
    """Whoever counts keeps nothing back."""
    pages: list[tuple[int, int]] = []
    api = CountingApi(FakeApi(**{LIST: [{"BackupSetId": f"s{number}"} for number in range(150)]}))
    api.pages(LIST, PLAN, within=WITHIN, on_page=lambda records, total: pages.append((len(records), total)))

    assert pages == [(100, 150), (50, 150)]


def test_all_that_a_reading_asks_is_counted_together() -> None:
    """Also a call that the API refuses."""
    fake = FakeApi(DescribeJobErrorCode=Invalid("no such job"), **{LIST: [{"BackupSetId": "s"}] * 101})
    api = CountingApi(fake)
    api.pages(LIST, PLAN, within=WITHIN)
    with pytest.raises(Invalid):
        api.call("DescribeJobErrorCode", {"TaskId": "s", "Language": "en"}, within=WITHIN)

    assert api.calls == 3
