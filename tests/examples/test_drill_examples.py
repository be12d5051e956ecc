"""The examples of drills: each configuration proves a plan, each policy and unit is what it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from support.drilling import ground, write_config
from support.programs import tool

from dbs_exporter.api.operations.registry import OPERATIONS
from dbs_exporter.config.drill_file import DatabaseType, load_drill_file

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"
DRILLS = sorted((EXAMPLES / "drill").glob("*.yml"))
VARIABLES = {
    "DRILL_ACCESS_KEY_ID": "testak",
    "DRILL_ACCESS_KEY_SECRET": "testsk",
    "DRILL_PASSWORD": "s3cret-of-drills",
}


def content(path: Path) -> dict[str, Any]:
    """A configuration as it is written."""
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_each_example_is_accepted(path: Path) -> None:
    """With its variables set, and without the exporter's own key."""
    config = load_drill_file(path, VARIABLES)

    assert config.account.credentials.access_key_id == "testak"


def test_there_is_an_example_for_each_type_of_database() -> None:
    """MySQL, PostgreSQL, SQL Server, MongoDB, Redis and Oracle; RDS, ECS, Express, a gateway and MongoDB of the cloud."""
    places = [place for path in DRILLS for place in load_drill_file(path, VARIABLES).destinations]

    assert {place.database_type for place in places} == set(get_args(DatabaseType)) - {"MariaDB", "PPAS"}
    assert {place.instance_type for place in places} == {"rds", "ecs", "express", "agent", "dds"}


@pytest.mark.parametrize(
    "path", [path for path in DRILLS if "destinations" in content(path)], ids=lambda path: path.stem
)
def test_each_example_proves_a_plan(path: Path, tmp_path: Path) -> None:
    """Against the simulated cloud the restore of the plan whose proof is oldest comes back."""
    drills = ground(tmp_path)
    values = content(path)
    method = "physical" if path.stem == "mysql-gateway" else ""
    plan = drills.plan(values["destinations"][0]["database_type"], method)
    for text, value in VARIABLES.items():
        values = json.loads(json.dumps(values).replace(f"${{{text}}}", value))
    values["account"] |= {
        "endpoint": "http://cloud.test",
        "requests_per_second": 500.0,
        "plans": [plan.plan_id],
    }
    if gateway := values["destinations"][0].get("gateway_id"):
        assert gateway == 160813
        values["destinations"][0]["gateway_id"] = drills.world.gateways("demo", "cn-hangzhou")[0].gateway_id
    (result,) = drills.restore(write_config(tmp_path, values))

    assert result.state == "proven", result.message


def test_the_policy_of_drills_allows_what_drills_call_and_no_more() -> None:
    """Every operation that is named in the drills' code, reads and writes, is in the policy, and nothing else is."""
    policy = json.loads((EXAMPLES / "ram" / "drill.json").read_text(encoding="utf-8"))
    allowed = [
        action.removeprefix("dbs:") for statement in policy["Statement"] for action in statement["Action"]
    ]
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "dbs_exporter" / "drill").glob("*.py")
    )
    called = {name for name in re.findall(r'"(\w+)"', source) if name in OPERATIONS}

    assert sorted(allowed) == sorted(called)
    assert {name for name in allowed if OPERATIONS[name].writes} == {
        "CreateFullBackupSetDownload",
        "CreateGetDBListFromAgentTask",
        "CreateIncrementBackupSetDownload",
        "CreateRestoreTask",
        "StartRestoreTask",
    }


@pytest.mark.parametrize("name", ["dbs-drill.service", "dbs-drill.timer"])
def test_the_units_are_clean(name: str, tmp_path: Path) -> None:
    """systemd-analyze verify finds nothing."""
    analyze = tool("systemd-analyze")
    for unit in ("dbs-drill.service", "dbs-drill.timer"):
        text = (EXAMPLES / "systemd" / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(
            text.replace("/opt/dbs-exporter/bin/dbs-exporter", tool("true")), encoding="utf-8"
        )
    done = subprocess.run(
        [analyze, "verify", str(tmp_path / name)], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
