"""The file of drills: what is accepted, and that each mistake is told with line, key and what would be right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dbs_exporter.config.drill_file import LEAST_PASSWORD, SECTIONS, DrillConfig, load_drill_file
from dbs_exporter.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "s3cret-of-drills"
ACCOUNT = "account: {name: prod, regions: all}\n"
WHOLE = (
    ACCOUNT
    + """destinations:
  - name: spare
    database_type: MySQL
    instance_type: rds
    region: cn-hangzhou
    instance_id: rm-bp1spare
    user: restorer
    password: s3cret-of-drills
"""
)


def load(folder: Path, text: str, **environ: str) -> DrillConfig:
    """Load a configuration."""
    path = folder / "drill.yml"
    path.write_text(text, encoding="utf-8")
    return load_drill_file(path, environ)


def problems(folder: Path, text: str, **environ: str) -> str:
    """What is wrong with a configuration, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environ)
    assert SECRET not in str(caught.value)
    return "\n".join(caught.value.problems).replace(f"{folder}/", "")


def test_a_small_configuration_has_careful_defaults(tmp_path: Path) -> None:
    """Three plans and 500 GiB a run, no restore without a destination, the newest point, a prefix."""
    config = load(tmp_path, WHOLE)
    (destination,) = config.destinations

    assert (config.limits.plans, config.limits.bytes, config.point, config.oldest) == (
        3,
        500 * 2**30,
        "latest",
        None,
    )
    assert (destination.prefix, destination.dedicated, destination.keep, destination.cleanup) == (
        "drill_",
        False,
        None,
        (),
    )
    assert load(tmp_path, ACCOUNT).destinations == ()


def test_a_password_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    """A trailing newline of the file does not count, and its path counts from the configuration's directory."""
    (tmp_path / "password").write_text(f"{SECRET}\n")
    texts = (
        WHOLE.replace(SECRET, "${PASSWORD}"),
        WHOLE.replace(f"password: {SECRET}", "password_file: password"),
    )
    for text in texts:
        password = load(tmp_path, text, PASSWORD=SECRET).destinations[0].password
        assert password is not None
        assert password.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("rds", "nas"), "drill.yml:5: destinations[0].instance_type: 'nas' is not possible; known are"),
        (("MySQL", "MySql"), "drill.yml:4: destinations[0].database_type: 'MySql' is not possible; did you mean 'MySQL'?"),
        (("    region: cn-hangzhou\n", ""), "drill.yml:3: destinations[0]: instance_type rds needs region; add region: cn-hangzhou"),
        (("    instance_id: rm-bp1spare\n", ""), "destinations[0]: instance_type rds needs instance_id; add instance_id: rm-"),
        (("    user: restorer\n", ""), "destinations[0]: MySQL needs an account; add user: restorer"),
        ((f"    password: {SECRET}\n", ""), "destinations[0]: MySQL needs a password; add password: ${DRILL_PASSWORD} or"),
        (("MySQL", "PostgreSQL"), "PostgreSQL is restored through a database that exists; add database: postgres"),
        (("MySQL", "MongoDB"), "MongoDB is restored through a database that exists; add database: admin"),
        (("MySQL", "Oracle"), "Oracle needs the instance's SID; add oracle_sid: ORCL"),
        (("rds", "ecs"), "instance_type ecs needs port; add port: 3306"),
        (("rds", "express"), "instance_type express needs host; add host: 10.1.2.3"),
        (("rds", "agent"), "instance_type agent needs gateway_id; add gateway_id: 160813"),
        (("rds", "agent"), "MySQL behind a gateway is restored into a directory; add restore_dir: /data/drill"),
        (("rds", "dds"), "drill.yml:5: destinations[0].instance_type: dds is MongoDB of the cloud, not MySQL"),
        (("rds", "other"), "destinations[0].instance_id: has no meaning for instance_type other; take it out"),
        (("user: restorer", "user: restorer\n    port: 3306"), "destinations[0].port: has no meaning for instance_type rds"),
        (("name: spare", "name: Spare_1"), "'Spare_1' cannot be part of a task's name; write small letters, digits and dashes"),
        (("name: spare", "name: spare\n    prefix: ''"), "destinations[0].prefix: '' cannot mark a restored database; write a letter"),
        (("name: spare", "name: spare\n    prefix: drill"), "'drill' cannot mark a restored database"),
        (("name: spare", "name: spare\n    keep: -1"), "destinations[0].keep: -1 is too small"),
        (("name: spare", "name: spare\n    dropped_before: today"), "'today' is not a date; write one such as 2026-11-28"),
        (("name: spare", "name: spare\n    cleanup: drop.sh"), "destinations[0].cleanup: 'drop.sh' is not a list"),
        (("name: spare", "name: spare\n    bukkit: 1"), "destinations[0].bukkit: unknown key"),
        ((SECRET, "abc"), f"destinations[0].password: shorter than {LEAST_PASSWORD} characters"),
        ((SECRET, "1234567"), "destinations[0].password: the value is not"),
        ((f"password: {SECRET}", "password_file: nowhere"), "destinations[0].password_file: the file"),
        ((f"password: {SECRET}", f"password: {SECRET}\n    password_file: x"), "password is given as well; remove one of them"),
        (("destinations:", "point: yesterday\ndestinations:"), "drill.yml:2: point: 'yesterday' is no point; write latest, full"),
        (("destinations:", "oldest: 0\ndestinations:"), "drill.yml:2: oldest: 0 is too small; at least 1 would be right"),
        (("destinations:", "limits: {bytes: lots}\ndestinations:"), "limits.bytes: not a size; write one such as 500GiB"),
        (("destinations:", "limits: {bytes: 5}\ndestinations:"), "limits.bytes: not a size"),
        (("destinations:", "limits: {timeout: 12}\ndestinations:"), "limits.timeout: 12 has no unit"),
        (("destinations:", "download: {format: XML}\ndestinations:"), "download.format: 'XML' is not possible"),
        (("account: {name: prod, regions: all}\n", ""), "drill.yml:1: account: missing; add account:"),
        (("all}", "all, credentials: {type: access_key}}"), "account.credentials: type access_key needs access_key_id"),
        (("all}", "all, region: cn-hangzhou}"), "account.region: unknown key; did you mean 'regions'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    """No mistake shows a password, whatever it is."""
    assert change[0] in WHOLE
    assert says in problems(tmp_path, WHOLE.replace(*change, 1))


def test_two_destinations_cannot_share_a_name(tmp_path: Path) -> None:
    """Their tasks would have the same names."""
    twice = WHOLE + WHOLE.partition("destinations:\n")[2]

    assert "drill.yml:10: destinations[1].name: 'spare' is taken in line 3; names must be unique" in problems(
        tmp_path, twice
    )


def test_redis_and_sql_server_behind_a_gateway_need_no_account(tmp_path: Path) -> None:
    """By the vendor's reference only these may be restored without one."""
    without = WHOLE.replace("    user: restorer\n", "").replace(f"    password: {SECRET}\n", "")
    agent = without.replace("rds", "agent").replace(
        "    instance_id: rm-bp1spare\n", "    gateway_id: 7\n    host: 10.1.2.3\n    port: 1433\n"
    )

    assert load(tmp_path, without.replace("MySQL", "Redis")).destinations[0].password is None
    assert load(tmp_path, agent.replace("MySQL", "MSSQL")).destinations[0].user is None


def test_the_exporters_own_configuration_is_no_drills(tmp_path: Path) -> None:
    """It has accounts, not an account."""
    assert "accounts: unknown key; did you mean 'account'?" in problems(tmp_path, "accounts: []\n")


@pytest.mark.parametrize(("section", "model"), SECTIONS, ids=[name or "whole" for name, _ in SECTIONS])
def test_each_key_stands_in_the_document(section: str, model: Any) -> None:
    """docs/proof.md has a row for each key of the file, with its meaning."""
    text = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.\[\]]+)` \|", text, re.MULTILINE)
    prefix = f"{section}." if section else ""

    assert [name for name in model.model_fields if f"{prefix}{name}" not in rows] == []
