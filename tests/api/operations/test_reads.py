"""The operations that read: where their lists sit, and how those are paged."""

from __future__ import annotations

import pytest

from dbs_exporter.api.operations.grammar import Operation
from dbs_exporter.api.operations.reads import READS
from dbs_exporter.api.operations.registry import OPERATIONS


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


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_a_paged_operation_has_a_list_and_an_identity(operation: Operation) -> None:
    """Paging needs PageNum, PageSize, a place for the list and what tells its items apart."""
    names = {parameter.name for parameter in operation.parameters}

    assert bool(operation.page_sizes) is ({"PageNum", "PageSize"} <= names)
    assert bool(operation.page_sizes) is bool(operation.identity)
    assert operation.list_path or not operation.page_sizes
    assert not operation.page_sizes or max(operation.page_sizes) == 100


def test_nothing_here_writes() -> None:
    """A client that only reads may call every operation of this table."""
    assert [operation.name for operation in READS if operation.writes] == []
