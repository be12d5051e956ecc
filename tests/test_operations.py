"""The table of operations, held against the vendor's SDK and the reference."""

from __future__ import annotations

import importlib
import re

import pytest

from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.parameters import request_parameters
from dbs_exporter.api.operations.registry import OPERATIONS, operation_named
from dbs_exporter.errors import Invalid

DOCUMENTED = (
    "DescribeFullBackupList DescribeIncrementBackupList CreateRestoreTask StartRestoreTask DescribeRestoreTaskList "
    "DescribeBackupGatewayList DescribeNodeCidrList DescribeJobErrorCode DescribePreCheckProgressList "
    "CreateGetDBListFromAgentTask GetDBListFromAgent DescribeRegions DescribeBackupSetDownloadTaskList "
    "ModifyBackupSetDownloadRules CreateFullBackupSetDownload CreateIncrementBackupSetDownload"
)
OVERVIEW = (
    "CreateBackupPlan ConfigureBackupPlan RenewBackupPlan UpgradeBackupPlan DescribeBackupPlanList StartBackupPlan "
    "StopBackupPlan ModifyBackupObjects EnableBackupLog DisableBackupLog ReleaseBackupPlan ModifyStorageStrategy "
    "ModifyBackupSourceEndpoint ModifyBackupPlanName ModifyBackupStrategy DescribeRestoreRangeInfo "
    "DescribeBackupPlanBilling"
)
OPERATION = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


def test_every_operation_of_the_reference_is_there() -> None:
    """The 16 that the reference describes and the 17 of its overview."""
    documented, overview = DOCUMENTED.split(), OVERVIEW.split()

    assert (len(documented), len(overview)) == (16, 17)
    assert {*documented, *overview} <= set(OPERATIONS)


@OPERATION
def test_what_describes_reads_and_the_rest_writes(operation: Operation) -> None:
    """Only Describe… and Get… read; all the others change something."""
    assert operation.writes is not operation.name.startswith(("Describe", "Get"))


@OPERATION
def test_each_operation_says_what_it_is_for(operation: Operation) -> None:
    """A summary is one sentence, and no parameter is named twice."""
    names = [parameter.name for parameter in operation.parameters]

    assert operation.summary.endswith(".")
    assert len(names) == len(set(names))
    assert set(operation.exactly_one_of) | set(operation.at_most_one_of) <= set(names)
    assert {p.required_when[0] for p in operation.parameters if p.required_when} <= set(names)


@OPERATION
def test_a_paged_operation_has_a_list_and_an_identity(operation: Operation) -> None:
    """Paging needs PageNum, PageSize, a place for the list and what tells its items apart."""
    names = {parameter.name for parameter in operation.parameters}

    assert bool(operation.page_sizes) is ({"PageNum", "PageSize"} <= names)
    assert bool(operation.page_sizes) is bool(operation.identity)
    assert operation.list_path or not operation.page_sizes
    assert not operation.page_sizes or max(operation.page_sizes) == 100


@OPERATION
@pytest.mark.filterwarnings("ignore")  # the vendor's own
def test_parameters_are_those_of_the_official_sdk(operation: Operation) -> None:
    """Names and types are those of the SDK's request model, but for what only the SDK uses."""
    models = importlib.import_module("alibabacloud_dbs20190306.models")
    model = getattr(models, f"{operation.name}Request", None)
    if model is None:
        assert operation.name == "InitializeDbsServiceLinkedRole"
        return
    types = {"str": "string", "int": "integer", "bool": "boolean"}
    arguments = {name: types[kind] for name, kind in model.__init__.__annotations__.items()}
    # Each argument is given its own type's name, so that the request shows the type beside the name on the wire.
    request = model(**arguments).to_map()
    theirs = {name: kind for name, kind in request.items() if name not in ("OwnerId", "ClientToken")}

    assert {parameter.name: parameter.type for parameter in operation.parameters} == theirs


def test_the_region_is_a_parameter_where_the_reference_says_so() -> None:
    """Some operations have a Region of their own beside the common RegionId."""
    assert {name for name, operation in OPERATIONS.items() if operation.region_parameter} == {
        "DescribeBackupPlanList",
        "DescribeBackupGatewayList",
        "DescribeNodeCidrList",
        "CreateBackupPlan",
        "CreateAndStartBackupPlan",
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("DescribeBackupPlanList", "BackupPlanDetail"),
        ("DescribeFullBackupList", "FullBackupFile"),
        ("DescribeIncrementBackupList", "IncrementBackupFile"),
        ("DescribeRestoreTaskList", "RestoreTaskDetail"),
        ("DescribeRestoreRangeInfo", "DBSRecoverRange"),
        ("DescribeBackupGatewayList", "BackupGateway"),
        ("DescribeBackupSetDownloadTaskList", "BackupSetDownloadTaskDetail"),
        ("DescribePreCheckProgressList", "PreCheckProgressDetail"),
    ],
)
def test_where_each_list_sits(name: str, path: str) -> None:
    """Lists are wrapped one level deep, each under a name of its own."""
    assert OPERATIONS[name].list_path == ("Items", path)


def test_an_unknown_operation_names_the_nearest() -> None:
    """A slip of the keyboard is answered with what was meant."""
    with pytest.raises(Invalid, match="did you mean DescribeRegions"):
        operation_named("DescribeRegion")
    with pytest.raises(Invalid, match=r"there is no operation 'x'$"):
        operation_named("x")


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
        "CreateRestoreTask", BackupPlanId="a", RestoreTaskName="b", DestinationEndpointInstanceType="DG"
    )
