"""The table of DBS operations, API version 2019-03-06: the one place that knows names, parameters, paging and lists.

It owns the vendor's reference as data: which parameters there are, which must be given, whether an operation reads or
writes, and where in the answer its list sits. Sources: the vendor's API reference of 2020-09-27, and the request models of
its official SDK for what is newer. `operations_writes` holds the operations that change something.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from dbs_exporter.api.operations_writes import WRITES
from dbs_exporter.api.vocabulary import (
    COMMON_PARAMETERS,
    PAGE_SIZES,
    Operation,
    Parameter,
    boolean,
    integer,
    one_of,
    string,
)
from dbs_exporter.errors import Invalid

__all__ = [
    "API_VERSION",
    "COMMON_PARAMETERS",
    "OPERATIONS",
    "Operation",
    "Parameter",
    "operation_named",
    "request_parameters",
]

API_VERSION = "2019-03-06"

_PAGING = integer("PageNum", "PageSize")

_READS = (
    Operation(
        name="DescribeBackupPlanList",
        summary="The backup plans of a region, and what each is set to do.",
        parameters=(
            *string("Region", "BackupPlanId+", "BackupPlanName", "ResourceGroupId"),
            *one_of(
                "BackupPlanStatus",
                "wait",
                "init",
                "check_pass",
                "running",
                "stop",
                "pause",
                "locked",
            ),
            *one_of("BackupMethod", "logical", "physical", "duplication"),
            *boolean(
                "ShowBackupStrategyInfo",
                "ShowRecoverTimeRange",
                "ShowStorageStrategyInfo",
            ),
            *_PAGING,
        ),
        list_path=("Items", "BackupPlanDetail"),
        page_sizes=PAGE_SIZES,
        identity=("BackupPlanId",),
    ),
    Operation(
        name="DescribeFullBackupList",
        summary="The full backup sets of a plan, running and failed jobs among them.",
        parameters=(
            *string("BackupPlanId*", "BackupSetId", "ShowProgress"),
            *one_of("BackupSetStatus", "schedule", "running", "finish", "stop", "pause"),
            *boolean("ShowStorageType"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "FullBackupFile"),
        page_sizes=PAGE_SIZES,
        identity=("BackupSetId",),
    ),
    Operation(
        name="DescribeIncrementBackupList",
        summary="The log backup files of a plan.",
        parameters=(
            *string("BackupPlanId*"),
            *boolean("ShowStorageType"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "IncrementBackupFile"),
        page_sizes=PAGE_SIZES,
        # File names repeat across source instances and after a failover.
        identity=(
            "BackupSetJobId",
            "BackupSetId",
            "SourceEndpointInstanceId",
            "SourceEndpointIpPort",
            "StartTime",
        ),
    ),
    Operation(
        name="DescribeRestoreTaskList",
        summary="The restore tasks of a plan with their progress by stage.",
        parameters=(
            *string("BackupPlanId", "RestoreTaskId+"),
            *integer("StartTimestamp", "EndTimestamp"),
            *_PAGING,
        ),
        list_path=("Items", "RestoreTaskDetail"),
        page_sizes=PAGE_SIZES,
        identity=("RestoreTaskId",),
        exactly_one_of=("BackupPlanId", "RestoreTaskId"),
    ),
    Operation(
        name="DescribeRestoreRangeInfo",
        summary="The points and ranges in time to which a plan can restore.",
        parameters=(
            *string("BackupPlanId*"),
            *integer("BeginTimestampForRestore*", "EndTimestampForRestore*"),
            *boolean("RecentlyRestore"),
        ),
        list_path=("Items", "DBSRecoverRange"),
    ),
    Operation(
        name="DescribeBackupPlanBilling",
        summary="What a plan stores, has used and is paid for.",
        parameters=(*string("BackupPlanId*"), *boolean("ShowStorageType")),
    ),
    Operation(
        name="DescribeBackupGatewayList",
        summary="The backup gateways of a region with their last heartbeat.",
        parameters=(*string("Region*", "Identifier+"), *_PAGING),
        list_path=("Items", "BackupGateway"),
        page_sizes=PAGE_SIZES,
        identity=("BackupGatewayId",),
    ),
    Operation(
        name="DescribeBackupSetDownloadTaskList",
        summary="The backup set downloads of a plan.",
        parameters=(*string("BackupPlanId", "BackupSetDownloadTaskId"), *_PAGING),
        list_path=("Items", "BackupSetDownloadTaskDetail"),
        page_sizes=PAGE_SIZES,
        identity=("BackupSetDownloadTaskId",),
        exactly_one_of=("BackupPlanId", "BackupSetDownloadTaskId"),
    ),
    Operation(
        name="DescribePreCheckProgressList",
        summary="How far the pre-check of a plan or of a restore task has come.",
        parameters=string("BackupPlanId", "RestoreTaskId"),
        list_path=("Items", "PreCheckProgressDetail"),
        exactly_one_of=("BackupPlanId", "RestoreTaskId"),
    ),
    Operation(
        name="DescribeJobErrorCode",
        summary="The standard error code of a failed full backup or restore.",
        parameters=(*string("TaskId*"), *one_of("Language", "en", "cn")),
    ),
    Operation(
        name="DescribeNodeCidrList",
        summary="The networks from which DBS connects to databases.",
        parameters=string("Region*"),
    ),
    Operation(
        name="DescribeRegions",
        summary="The regions in which DBS serves this account.",
    ),
    Operation(
        name="DescribeDLAService",
        summary="The data lake service of a plan, where one was opened.",
        parameters=string("BackupPlanId*"),
    ),
    Operation(
        name="GetDBListFromAgent",
        summary="The databases that a gateway found, by the task that looked for them.",
        parameters=(
            *integer("BackupGatewayId", "TaskId"),
            *string("SourceEndpointRegion"),
        ),
        list_path=None,
    ),
)


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {operation.name: operation for operation in (*_READS, *WRITES)}
)
"""Every operation by name."""


def operation_named(name: str) -> Operation:
    """Give the operation of that name. Raises Invalid, naming the nearest one, if there is none."""
    found = OPERATIONS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, OPERATIONS, n=1)
        raise Invalid(f"there is no operation {name!r}{f'; did you mean {near[0]}?' if near else ''}")
    return found


def request_parameters(operation: Operation, given: Mapping[str, object]) -> dict[str, str]:
    """Give the parameters as texts ready to send, booleans as true and false; None values are left out.

    Raises Invalid, naming every problem, if one is missing, unknown, of the wrong type or outside its documented values.
    """
    known = {parameter.name: parameter for parameter in (*operation.parameters, *COMMON_PARAMETERS)}
    sent: dict[str, str] = {}
    problems: list[str] = []
    for name, value in given.items():
        if value is None:
            continue
        parameter = known.get(name)
        if parameter is None:
            near = difflib.get_close_matches(name, known, n=1)
            problems.append(f"{name} is not a parameter{f'; did you mean {near[0]}?' if near else ''}")
            continue
        said = _as_text(value)
        wrong = _problem(parameter, said)
        if wrong:
            problems.append(wrong)
        sent[name] = said
    problems += _missing(operation, sent)
    if problems:
        raise Invalid("; ".join(problems), operation=operation.name)
    return sent


def _as_text(value: object) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return str(value)


def _problem(parameter: Parameter, said: str) -> str:
    if parameter.type == "integer" and not (said.isascii() and said.removeprefix("-").isdigit()):
        return f"{parameter.name} must be a whole number, not {said!r}"
    if parameter.type == "boolean" and said.lower() not in ("true", "false"):
        return f"{parameter.name} must be true or false, not {said!r}"
    allowed = {value.lower() for value in parameter.values}
    parts = [part.strip() for part in said.split(",")] if parameter.many else [said]
    if allowed and any(part.lower() not in allowed for part in parts):
        return f"{parameter.name} must be one of {', '.join(parameter.values)}, not {said!r}"
    return ""


def _missing(operation: Operation, sent: Mapping[str, str]) -> list[str]:
    problems = []
    for parameter in operation.parameters:
        if sent.get(parameter.name, "") != "":
            continue
        if parameter.required:
            problems.append(f"{parameter.name} is required")
        elif parameter.required_when is not None:
            other, values = parameter.required_when
            if sent.get(other, "").lower() in values:
                problems.append(f"{parameter.name} is required when {other} is {sent[other]}")
    chosen = [name for name in operation.exactly_one_of if sent.get(name)]
    if operation.exactly_one_of and len(chosen) != 1:
        problems.append(
            f"exactly one of {' and '.join(operation.exactly_one_of)} is required, not {len(chosen)}"
        )
    if len([name for name in operation.at_most_one_of if sent.get(name)]) > 1:
        problems.append(f"only one of {' and '.join(operation.at_most_one_of)} may be given")
    return problems
