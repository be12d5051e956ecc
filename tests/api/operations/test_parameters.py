"""Parameters: checked against the operation before anything is sent, and turned into texts."""

from __future__ import annotations

import re

import pytest

from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.errors import Invalid


def checked(name: str, **given: object) -> dict[str, str]:
    """Check parameters against the table."""
    return request_parameters(OPERATIONS[name], given)


def test_values_become_texts() -> None:
    """Numbers, booleans and lists are sent as the API reads them; None is not sent."""
    assert checked(
        "DescribeFullBackupList", BackupPlanId="a", PageNum=0, ShowStorageType=True, BackupSetId=None
    ) == {
        "BackupPlanId": "a",
        "PageNum": "0",
        "ShowStorageType": "true",
    }
    assert checked("DescribeBackupPlanList", BackupPlanId=["a", "b"])["BackupPlanId"] == "a,b"


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("DescribeFullBackupList", {}, "BackupPlanId is required"),
        ("DescribeFullBackupList", {"BackupPlanId": ""}, "BackupPlanId is required"),
        ("DescribeFullBackupList", {"BackupPlanID": "a"}, "did you mean BackupPlanId"),
        (
            "DescribeFullBackupList",
            {"BackupPlanId": "a", "PageNum": "x"},
            "PageNum must be a whole number, not 'x'",
        ),
        (
            "DescribeFullBackupList",
            {"BackupPlanId": "a", "ShowStorageType": "yes"},
            "must be true or false, not 'yes'",
        ),
        ("DescribeBackupPlanList", {"BackupPlanStatus": "gone"}, "must be one of wait, init, check_pass"),
        ("DescribeRestoreTaskList", {}, "exactly one of BackupPlanId and RestoreTaskId is required, not 0"),
        ("DescribeRestoreTaskList", {"BackupPlanId": "a", "RestoreTaskId": "b"}, "is required, not 2"),
        ("StopBackupPlan", {"BackupPlanId": "a"}, "StopMethod is required"),
        ("DescribeBackupGatewayList", {"Region": "r", "PageNum": -1}, "PageNum must be 0 or more, not -1"),
        (
            "DescribeBackupGatewayList",
            {"Region": "r", "PageSize": 99},
            "PageSize must be one of 30, 50, 100, not 99",
        ),
        ("DescribeBackupPlanList", {"PageSize": 101}, "PageSize must be 1 to 100, not 101"),
        (
            "DescribeBackupPlanList",
            {"PageNum": "9" * 5000},
            "PageNum must be a number of at most 19 digits, not of 5000",
        ),
        (
            "DescribeRegions",
            {"ClientToken": "x" * 65},
            "ClientToken must be 1 to 64 ASCII characters, not 65 of",
        ),
        ("DescribeRegions", {"ClientToken": "牌"}, "ClientToken must be 1 to 64 ASCII characters"),
        (
            "CreateRestoreTask",
            {"BackupPlanId": "a", "RestoreTaskName": "b", "DestinationEndpointInstanceType": "other"},
            "RestoreObjects is required when DestinationEndpointInstanceType is other",
        ),
        (
            "CreateRestoreTask",
            {"BackupPlanId": "a", "RestoreTaskName": "b", "DestinationEndpointInstanceType": "RDS"},
            "DestinationEndpointRegion is required when DestinationEndpointInstanceType is RDS",
        ),
        (
            "CreateRestoreTask",
            {
                "BackupPlanId": "a",
                "RestoreTaskName": "b",
                "DestinationEndpointInstanceType": "dg",
                "RestoreObjects": "[]",
                "RestoreTime": 1,
            }
            | {"BackupSetId": "c"},
            "only one of RestoreTime and BackupSetId",
        ),
        (
            "ModifyBackupStrategy",
            {"BackupPlanId": "a", "BackupPeriod": "Monday,Feiertag"},
            "must be one of Monday",
        ),
    ],
)
def test_a_wrong_request_is_refused_before_it_is_sent(
    name: str, given: dict[str, object], problem: str
) -> None:
    """The error says which parameter is wrong and what would be right."""
    with pytest.raises(Invalid, match=re.escape(problem)):
        request_parameters(OPERATIONS[name], given)


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes need one run to find."""
    with pytest.raises(Invalid) as caught:
        checked("RenewBackupPlan", BackupPlanId="a", Period="week")

    assert str(caught.value) == (
        "RenewBackupPlan: Period must be one of Year, Month, not 'week'; UsedTime is required"
    )


def test_documented_values_in_any_case_and_several_days() -> None:
    """Values are compared without regard to case; a schedule may name several days."""
    assert checked("ModifyBackupStrategy", BackupPlanId="a", BackupPeriod="MONDAY, friday")
    assert checked(
        "CreateRestoreTask",
        BackupPlanId="a",
        RestoreTaskName="b",
        RestoreObjects="[]",
        DestinationEndpointInstanceType="DG",
    )


def test_what_the_documents_allow_is_sent() -> None:
    """Page sizes at the ends of what each list takes, the first page, and the longest token pass."""
    assert checked("DescribeBackupPlanList", PageSize=1, PageNum="0")["PageSize"] == "1"
    assert checked("DescribeFullBackupList", BackupPlanId="a", PageSize=50)["PageSize"] == "50"
    assert checked("DescribeRegions", ClientToken="x" * 64)["ClientToken"] == "x" * 64
