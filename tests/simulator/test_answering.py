"""Which function answers which read operation."""

from __future__ import annotations

import pytest
from support.simulated_cloud import standing_world

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.changes import WRITES
from dbs_exporter.simulator.replies import Refused


def test_every_operation_that_reads_is_answered() -> None:
    """The simulator answers all that the client can ask, and answers nothing twice."""
    assert set(READS) == {name for name, operation in OPERATIONS.items() if not operation.writes}
    assert not set(READS) & set(WRITES)


@pytest.mark.parametrize(
    "name", [name for name, operation in OPERATIONS.items() if name in READS and operation.page_sizes]
)
def test_an_unknown_page_size_is_refused(name: str) -> None:
    """A list is paged as the documents say, so a client that asks for more than they allow is told."""
    world = standing_world()
    plan_id = world.plan_ids("demo")[0]
    given = {"Region": "cn-hangzhou", "PageSize": "101"}
    if name != "DescribeBackupPlanList":
        given["BackupPlanId"] = plan_id
    with pytest.raises(Refused) as refused:
        READS[name](world, "demo", given)

    assert (refused.value.status, refused.value.code) == (400, "InvalidParameterValid")
