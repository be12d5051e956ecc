"""The table of operations, held against the vendor's SDK and the reference."""

from __future__ import annotations

import importlib

import pytest

from dbs_exporter.api.operations.grammar import Operation
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
    assert {name for name, operation in OPERATIONS.items() if operation.has_region_parameter} == {
        "DescribeBackupPlanList",
        "DescribeBackupGatewayList",
        "DescribeNodeCidrList",
        "CreateBackupPlan",
        "CreateAndStartBackupPlan",
    }


def test_an_unknown_operation_names_the_nearest() -> None:
    """A slip of the keyboard is answered with what was meant."""
    with pytest.raises(Invalid, match="did you mean DescribeRegions"):
        operation_named("DescribeRegion")
    with pytest.raises(Invalid, match=r"there is no operation 'x'$"):
        operation_named("x")
