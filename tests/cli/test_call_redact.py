"""What `call --redact` replaces, and what it keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbs_exporter.cli.call_redact import Redactor
from dbs_exporter.simulator import World
from dbs_exporter.simulator.answering import READS


def redacted(answer: Any, secret: str = "secret") -> Any:
    """An answer made fit to be shared."""
    return Redactor(secret).answers({"": answer})[""]


def test_the_same_value_is_the_same_stand_in_everywhere() -> None:
    """Also in a text, as a number, in a list that is a text, and without the letters before a plan's id."""
    answer = redacted(
        {
            "BackupPlanId": "dbs1h6s7x",
            "JobId": "1h6s7x",
            "BackupGatewayId": 226367,
            "TaskId": "226367",
            "BackupObjects": '[{"DBName":"orders"}]',
            "ErrMessage": "plan dbs1h6s7x: no table of orders at gateway 226367.",
        }
    )
    plan_id, (database,) = answer["BackupPlanId"], json.loads(answer["BackupObjects"])

    assert plan_id == f"dbs{answer['JobId']}"
    assert answer["TaskId"] == str(answer["BackupGatewayId"])
    assert answer["ErrMessage"] == (
        f"plan {plan_id}: no table of {database['DBName']} at gateway {answer['TaskId']}."
    )
    assert answer["BackupGatewayId"] not in (226367, 0)


def test_ids_and_names_of_the_answer_are_replaced_in_its_texts() -> None:
    """Also an id that is a number, and a name of several words."""
    answer = redacted(
        {
            "Items": [{"BackupGatewayId": 226367, "BackupPlanName": "our orders"}],
            "ErrMessage": "plan our orders: gateway 226367 is off",
        }
    )
    (item,) = answer["Items"]

    assert answer["ErrMessage"] == f"plan {item['BackupPlanName']}: gateway {item['BackupGatewayId']} is off"


def test_a_state_stays_where_something_is_called_like_it() -> None:
    """A plan that is called like a state or a type of database changes neither."""
    answer = redacted({"BackupPlanName": "running", "BackupPlanStatus": "running", "DatabaseType": "MySQL"})

    assert answer["BackupPlanName"] != "running"
    assert answer["BackupPlanStatus"] == "running"


def test_stand_ins_need_the_secret() -> None:
    """They are the same in every answer with one access key, and cannot be guessed without it."""
    plan = {"BackupPlanName": "billing"}

    assert redacted(plan) == redacted(plan)
    assert redacted(plan) != redacted(plan, "another")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("BackupPlanStatus", "running"),
        ("BackupPeriod", "MONDAY,FRIDAY"),
        ("SourceEndpointRegion", "cn-wulanchabu"),
        ("BackupStartTime", "10:39"),
        ("BackupSize", 4_908_210),
        ("EndTime", 1_790_000_000_000),
        ("BackupGatewayId", 0),
        ("ErrMessage", "NULL"),
        ("ErrMessage", ""),
        ("ErrCode", "Param.NotFound"),
        ("ErrMessage", "refused as Forbidden.RAM"),
        ("Item", "CHECK_NETWORK"),
        ("Success", True),
        ("SourceEndpointPort", "3306"),
        ("FullDataRestoreProgress", 43),
    ],
)
def test_what_names_nothing_stays(field: str, value: object) -> None:
    """States, times, sizes, regions and progress are what a report is about."""
    assert redacted({field: value}) == {field: value}


@pytest.mark.parametrize(
    ("field", "value", "secret"),
    [
        ("SomethingNew", "prod-orders", "orders"),
        ("BackupPlanStatus", "<b>rm-bp1p8c29479jv8pxe</b>", "rm-bp1p8c29479jv8pxe"),
        ("DestinationEndpointRegion", "100.7.3.10:33204", "100.7.3.10"),
        ("SourceEndpointIpPort", "10.7.49.92:3306", "10.7.49.92"),
        ("SourceEndpointHost", "rm-bp1.mysql.rds.aliyuncs.com", "rm-bp1"),
        ("BackupSetDownloadInternetUrl", "https://oss.example.com/a?Signature=x", "Signature"),
        ("ErrMessage", "Access denied for user 'root'@'10.7.49.92' (using password: YES)", "root"),
        ("ErrMessage", "cannot reach DB.INTERNAL.ORG", "INTERNAL"),
        ("ErrMessage", "cannot reach db.internal.example.org", "internal"),
        ("ErrMessage", "cannot reach fd00:1234::17 now", "1234"),
        ("ErrMessage", "owner 1234567890123456 has no right", "1234567890123456"),
        ("ErrMessage", "request 426BDDB7-CB95-4426-AF7A-2858110BB22B failed", "426BDDB7"),
        ("BackupPlanStatus", "订单库", "订单库"),
        ("BackupPlanStatus", "a " * 40, "a a a"),
        ("ErrMessage", "see /data for `orders`", "orders"),
        ("RestoreObjects", '[{"DBName":"orders"}', "orders"),
        ("BackupObjects", '{"orders":["a"]}', "orders"),
        ("InternetIP", ["198.51.100.0/28"], "198.51.100"),
        ("RequestId", "426BDDB7-CB95-4426-AF7A-2858110BB22B", "426BDDB7"),
        ("BackupSetCode", "mysql-bin.000012", "mysql"),
        ("CrossAliyunId", 1234567890123456, "1234567890123456"),
    ],
)
def test_what_names_something_is_replaced(field: str, value: object, secret: str) -> None:
    """Ids, names and addresses go wherever they stand, and what stands in an unknown field goes too."""
    shared = json.dumps(redacted({field: value}))

    assert secret not in shared
    assert field in shared


def test_forms_stay_readable() -> None:
    """An address with a port stays one, a network keeps its size, and a number its length."""
    answer = redacted({"IpPort": "10.7.49.92:3306", "InternetIP": "198.51.100.0/28", "JobId": "000123"})

    assert answer["IpPort"].count(".") == 3
    assert answer["IpPort"].endswith(":3306")
    assert answer["InternetIP"].endswith("/28")
    assert len(answer["JobId"]) == 6


def test_no_answer_of_the_simulated_cloud_keeps_a_name() -> None:
    """Every read of a plan and its region is free of the plan's id and name, its host and its gateway's name."""
    world = World(plans=12)
    for plan_id in world.plan_ids("demo"):
        spec = world.spec(plan_id)
        assert spec is not None
        given = {"Region": spec.region, "BackupPlanId": plan_id}
        names = {plan_id, plan_id.removeprefix("dbs"), world.name_of(spec)}
        names |= {gateway.name for gateway in world.gateways("demo", spec.region)}
        names |= {gateway.intranet_ip for gateway in world.gateways("demo", spec.region)}
        for operation in ("DescribeBackupPlanList", "DescribeFullBackupList", "DescribeBackupGatewayList"):
            shared = json.dumps(redacted(READS[operation](world, "demo", given)))
            assert [name for name in names if name in shared] == []
